"""TCAV: whether a class depends on a concept that is given by example pictures, held against concepts that are nothing but chance.

A concept is a direction in the activation space of a layer: the normal of the plane between activations of pictures that show it and of
others. Any two sets of pictures can be separated so, also two random ones, and some class will lie on one side: only many random sets
tell what a score is worth. Pictures for concepts of the rendered world come from `cnnlab.units.concept_images`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab._validation import image_batch, positive_int, target_index
from cnnlab.networks.activations import activations, record_activations
from cnnlab.networks.forward import as_pixels, class_logits, input_gradient, with_gradients

FEWEST_SETS = 3
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class ConceptScore:
    """Result of `tcav` for one concept and one class.

    Fields
    ------
    concept
        Its name.
    scores
        R TCAV scores, one against each random set.
    random_scores
        R mean scores, one for each random set in the place of the concept, against all other random sets.
    alignment
        Mean cosine between the gradient of the logit and the concept's vectors, from -1 to 1.
    random_alignments
        R mean cosines, one for each random set in the place of the concept.
    p_value
        Two-sided: the share of all R + 1 sets (the concept and the random ones) whose alignment is as far from 0 as the concept's.
    t_test_p_value
        The p-value of the paper's t-test of the scores.
    accuracy
        Accuracy of the linear classifiers for concept and random set, on pictures held out; 0.5 is chance.
    """

    concept: str
    scores: Tensor
    random_scores: Tensor
    alignment: float
    random_alignments: Tensor
    p_value: float
    t_test_p_value: float
    accuracy: float

    @property
    def score(self) -> float:
        """The mean TCAV score: 1 if the concept raises the class in all pictures, 0 if it lowers it in all."""
        return float(self.scores.mean())

    @property
    def is_significant(self) -> bool:
        """Whether the class depends on the concept more than on a random one, at a level of 5 %."""
        return self.p_value <= LEVEL

    def __str__(self) -> str:
        verdict = f"p = {self.p_value:.2f}" + ("" if self.is_significant else ": no better than random")
        low, high = float(self.random_scores.min()), float(self.random_scores.max())
        return f"{self.concept}: {self.score:.2f} (random sets {low:.2f} to {high:.2f}), {verdict}"


def concept_vector(concept: Tensor, others: Tensor, *, strength: float = 1.0) -> Tensor:
    """Concept activation vector: the unit normal of the plane between two sets of activations, towards the concept.

    Logistic regression with an L2 penalty separates the M x ... activations `concept` from the M' x ... activations `others`; before,
    all are divided by one number, so that their mean square norm is 1 and `strength` (scikit-learn's C) means the same for every layer.

    Returns
    -------
    Tensor
        Of the shape of one activation, with norm 1, float64.

    Raises
    ------
    ValueError
        If a set is empty or not finite, their shapes differ, all activations are 0, or both sets are the same on average.

    References
    ----------
    Kim, Wattenberg, Gilmer, Cai, Wexler, Viegas & Sayres (2018), Interpretability beyond feature attribution: quantitative testing with
    concept activation vectors (TCAV), section 3.2.

    Example
    -------
    >>> along_x = concept_vector(torch.tensor([[2.0, 0], [2, 1]]), torch.tensor([[-2.0, 0], [-2, 1]]))
    >>> along_x.round(decimals=3).abs().tolist()
    [1.0, 0.0]
    """
    for name, rows in {"concept": concept, "others": others}.items():
        if rows.dim() < 2 or not len(rows) or not bool(torch.isfinite(rows).all()):
            raise ValueError(
                f"{name} must be M x ... finite activations, one row or more, but came as {tuple(rows.shape)}."
            )
    if concept.shape[1:] != others.shape[1:]:
        raise ValueError(
            f"both sets need activations of one shape, but came as {tuple(concept.shape)} and {tuple(others.shape)}."
        )
    rows = torch.cat([concept.flatten(1), others.flatten(1)]).double()
    labels = torch.cat([torch.ones(len(concept)), torch.zeros(len(others))]).double()
    # The normal is a sum of rows, so it is found among them: numbers as many as there are pictures, not as there are activations.
    rows, coefficients, dual = _in_their_span(rows)
    normal = rows.T @ (dual @ _normal(coefficients, labels, strength))
    return nn.functional.normalize(normal, dim=0).view(concept.shape[1:])


def directional_derivatives(
    model: nn.Module, images: Tensor, target: int | str, layer: str, *, batch_size: int = 32
) -> Tensor:
    """Gradient of a class logit with respect to the activations of a layer: N x C x h x w (or N x C), one for each image.

    Its product with a concept vector is the directional derivative S = grad h_k(f_l(x)) . v, the change of the logit of class k for a small
    step of the layer towards the concept (Kim et al., 2018, equation 1).

    Raises
    ------
    ValueError
        If there is no class, the layer does not run, or the logit does not depend on it.
    """
    batch, _ = image_batch(images)
    pixels = as_pixels(model, batch)
    gradients = []
    for part in pixels.split(positive_int(batch_size, "batch_size")):
        with with_gradients(model):
            with record_activations(model, layer) as recorded:
                logits = class_logits(model, part.requires_grad_())
            if layer not in recorded:
                raise ValueError(f'layer "{layer}" does not run in eval mode; see layer_names(model).')
            index = target_index(target, getattr(model, "class_names", None), logits[0], required=True)
            gradients.append(input_gradient(logits[:, index], recorded[layer]))
    return torch.cat(gradients)


def tcav(
    model: nn.Module,
    images: Tensor,
    target: int | str,
    layer: str,
    concepts: Mapping[str, Tensor],
    random_sets: Sequence[Tensor],
    *,
    strength: float = 1.0,
    batch_size: int = 32,
) -> dict[str, ConceptScore]:
    """TCAV, testing with concept activation vectors: does a step towards the concept raise the class, more than one towards chance?

        TCAV score = share of the images of class k with grad h_k(f_l(x)) . v_C > 0

    For each concept there is one vector v_C, and one score, against each of the R random sets.

    **Random-concept test.** Each random set takes the place of the concept, against all the other random sets. If the concept is chance
    too, the R + 1 sets cannot be told apart, so the share of those that lie as far out as the concept is an exact two-sided p-value. It is
    never below 1 / (R + 1): 19 random sets allow p = 0.05. How far out is measured by the mean cosine between gradient and vector, since
    the score itself cannot tell: where the logit is nearly linear in the layer the gradient is the same for all images, and every set,
    the random ones too, scores near 0 or 1.

    Parameters
    ----------
    model
        Maps N x 3 x H x W in [0, 1] to N x C logits; it runs in eval mode and is left unchanged.
    images
        N x 3 x H x W in [0, 1]: pictures of the class.
    target
        The class, by index or name.
    layer
        A name of `layer_names(model)`.
    concepts
        For each concept its name and pictures that show it, M x 3 x H x W. They should differ from the random sets in the concept alone.
    random_sets
        R sets of pictures, M x 3 x H x W each; at least 3, and each as large as the concepts' so that the vectors are equally noisy.
    strength
        C of the logistic regression, see `concept_vector`.
    batch_size
        Images in one forward pass.

    Returns
    -------
    dict
        For each concept a `ConceptScore`; `print` says whether it is better than random.

    Raises
    ------
    ValueError
        If there are too few random sets, a class or layer is not known, the sets are of different sizes, the layer is 0 for all of them,
        or two of them have the same activations on average, as a set and itself.

    References
    ----------
    Kim, Wattenberg, Gilmer, Cai, Wexler, Viegas & Sayres (2018), section 3. The paper compares scores by a t-test, which takes runs with
    the same concept pictures for independent, and so finds concepts where there is only chance; `t_test_p_value` is there to see it.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> model, pictures = MiniAlexNet(["cat", "dog"]), torch.rand(6, 4, 3, 96, 96)
    >>> found = tcav(model, pictures[0], "dog", "relu5", {"red": pictures[1]}, pictures[2:])
    >>> found["red"].scores.shape, found["red"].is_significant
    (torch.Size([4]), False)
    """
    if not isinstance(concepts, Mapping):
        raise TypeError(
            f'concepts must map names to pictures, as in {{"striped": pictures}}, but got a {type(concepts).__name__}.'
        )
    sets = [*concepts.values(), *random_sets]
    if len(random_sets) < FEWEST_SETS or not concepts:
        raise ValueError(
            f"there must be a concept and at least {FEWEST_SETS} random sets (19 for p = 0.05), but {len(concepts)} and"
            f" {len(random_sets)} came."
        )
    if len({len(pictures) for pictures in sets}) > 1 or len(sets[0]) < 2:
        raise ValueError(
            f"concepts and random sets must have the same number of pictures, 2 or more, but have {[len(s) for s in sets]}."
        )
    gradient = directional_derivatives(model, images, target, layer, batch_size=batch_size)
    found_rows = [activations(model, part, layer, batch_size=batch_size)[layer].flatten(1) for part in sets]
    if len({part.shape[1] for part in (gradient.flatten(1), *found_rows)}) > 1:
        sizes = sorted({tuple(part.shape[-2:]) for part in (images, *sets)})
        raise ValueError(
            f"all pictures, also those of the random sets, must have one size, but have {sizes}."
        )
    rows, coefficients, dual = _in_their_span(torch.cat(found_rows).double().cpu())
    flat = nn.functional.normalize(gradient.flatten(1).double().cpu(), dim=1)
    slopes = flat @ rows.T @ dual  # N x rank: the gradients of length 1, in the same basis
    size, first, count = len(sets[0]), len(concepts), len(random_sets)
    members = [coefficients[n * size : (n + 1) * size] for n in range(len(sets))]
    labels = torch.cat([torch.ones(size), torch.zeros(size)]).double()

    def cosines(one: int, other: int) -> Tensor:
        normal = _normal(torch.cat([members[one], members[other]]), labels, strength)
        return slopes @ nn.functional.normalize(normal, dim=0)

    between = torch.full((2, count, count), torch.nan, dtype=torch.float64)  # score and alignment
    for a in range(count):
        for b in range(a):  # exchanging the two sets only turns the vector round
            cosine = cosines(first + a, first + b)
            between[:, a, b] = _score_and_alignment(cosine)
            between[:, b, a] = _score_and_alignment(-cosine)
    random_scores, random_alignments = between.nanmean(2)
    found = {}
    for number, name in enumerate(concepts):
        pairs = [_score_and_alignment(cosines(number, first + other)) for other in range(count)]
        scores, alignments = torch.stack(pairs, 1)
        alignment = float(alignments.mean())
        as_far = int((random_alignments.abs() >= abs(alignment)).sum())
        accuracies = [
            _held_out_accuracy(members[number], members[first + other], strength) for other in range(count)
        ]
        found[name] = ConceptScore(
            concept=name,
            scores=scores,
            random_scores=random_scores,
            alignment=alignment,
            random_alignments=random_alignments,
            p_value=(1 + as_far) / (1 + count),
            t_test_p_value=_t_test(scores, between[0]),
            accuracy=sum(accuracies) / count,
        )
    return found


def _score_and_alignment(cosines: Tensor) -> Tensor:
    """The share of N cosines that are positive, and their mean."""
    return torch.stack([(cosines > 0).double().mean(), cosines.mean()])


def _t_test(scores: Tensor, between: Tensor) -> float:
    """Two-sided t-test of R scores of the concept against those of pairs of random sets, one pair for each set; 1 if nothing varies."""
    from scipy.stats import ttest_ind_from_stats

    of_random = between.roll(1, 1).diagonal()  # each set against the one before it
    if float(scores.std()) == 0 == float(of_random.std()):
        return 1.0 if float(scores[0]) == float(of_random[0]) else 0.0
    samples = [(float(s.mean()), float(s.std()), len(s)) for s in (scores, of_random)]
    return float(ttest_ind_from_stats(*samples[0], *samples[1], equal_var=False).pvalue)


def _in_their_span(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows M x D, scaled to a mean square norm of 1; their coefficients (M x rank) in an orthonormal basis of their span; and `dual`.

    The rows are scaled in place, since with many sets they are large.
    The basis is dual.T @ rows; it is never built, since the products of the rows with each other say it all.
    """
    if not rows.any():
        raise ValueError(
            "the activations are 0 for all these pictures, so no direction is a concept; take another layer."
        )
    rows.div_(torch.linalg.vector_norm(rows, dim=1).square().mean().sqrt())
    values, vectors = torch.linalg.eigh(rows @ rows.T)
    kept = values > 1e-10 * values[-1]
    root, vectors = values[kept].sqrt(), vectors[:, kept]
    return rows, vectors * root, vectors / root


def _classifier(strength: float):
    if not strength > 0:
        raise ValueError(f"strength must be above 0, but got {strength!r}.")
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000, tol=1e-6)


def _normal(rows: Tensor, labels: Tensor, strength: float) -> Tensor:
    # The gradient of the logistic loss is 0 without a plane if, and only if, the means are equal.
    apart = rows[labels == 1].mean(0) - rows[labels == 0].mean(0)
    if float(apart.norm()) < 1e-9:
        raise ValueError(
            "two sets have the same activations on average, so no plane lies between them; are they the same pictures?"
        )
    fitted = _classifier(strength).fit(rows.numpy(), labels.numpy())
    return torch.from_numpy(fitted.coef_[0]).double()


def _held_out_accuracy(concept: Tensor, others: Tensor, strength: float) -> float:
    """On every second picture of both sets, after a fit to the others."""
    rows, labels = torch.stack([concept, others]), torch.tensor([[1.0], [0.0]]).expand(2, len(concept))
    train, test = ((rows[:, start::2].flatten(0, 1), labels[:, start::2].flatten()) for start in (0, 1))
    fitted = _classifier(strength).fit(train[0].numpy(), train[1].numpy())
    return float(fitted.score(test[0].numpy(), test[1].numpy()))
