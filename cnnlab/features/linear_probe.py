"""Linear probe: a linear classifier trained on a layer's features, with the network frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab._validation import one_of
from cnnlab.features._validation import checked_labels, checked_vectors

KINDS = ("logistic", "svm")


@dataclass(frozen=True, eq=False)
class Probe:
    """Result of `linear_probe` on M test vectors.

    Attributes
    ----------
    accuracy, train_accuracy
        Share of correct predictions on test and on training vectors.
    interval
        95 % interval of the accuracy over the choice of test pictures (Wilson).
    chance
        The test accuracy of always predicting the most frequent training class.
    predicted
        M predicted classes.
    """

    accuracy: float
    train_accuracy: float
    interval: tuple[float, float]
    chance: float
    predicted: Tensor


def linear_probe(
    features: Tensor,
    labels: Tensor | Sequence[int],
    test_features: Tensor,
    test_labels: Tensor | Sequence[int],
    *,
    kind: str = "logistic",
    strength: float = 1.0,
    seed: int = 0,
) -> Probe:
    """Linear probe: the accuracy of a linear classifier on these features.

    Each feature is standardised (mean 0, deviation 1) with the training vectors; then a linear classifier is trained on
    them and evaluated on the test vectors.

    Parameters
    ----------
    features, labels
        Training: N x D and N class indices.
    test_features, test_labels
        Test: M x D and M, from other pictures.
    kind
        "logistic" (multinomial logistic regression) or "svm" (linear support vectors, one class against the rest).
    strength
        Inverse regularisation: C of scikit-learn, the inverse of the weight decay, times 1 / D here,
        so that it means the same for short and long vectors.
    seed
        Seed of the order in which the SVM visits the vectors.

    Returns
    -------
    Probe
        Accuracy with its interval, and the chance level.

    Raises
    ------
    TypeError, ValueError
        If vectors and labels do not fit, there is a single class, or the kind is not known.

    References
    ----------
    Razavian, Azizpour, Sullivan & Carlsson (2014), CNN features off-the-shelf; Alain & Bengio (2016), Understanding
    intermediate layers using linear classifier probes; lecture L, "Deep features as generic representation"; by
    scikit-learn.

    Example
    -------
    >>> features = torch.cat([torch.randn(50, 4) + 3, torch.randn(50, 4) - 3])
    >>> labels = [0] * 50 + [1] * 50
    >>> linear_probe(features, labels, features, labels).accuracy
    1.0
    """
    features, test_features = checked_vectors(features), checked_vectors(test_features, "test_features")
    labels = checked_labels(labels, len(features))
    test_labels = checked_labels(test_labels, len(test_features), "test_labels")
    one_of(kind, KINDS, "kind")
    if features.shape[1] != test_features.shape[1]:
        raise ValueError(
            f"training vectors have {features.shape[1]} numbers, test vectors {test_features.shape[1]}; they must agree."
        )
    if len(labels.unique()) < 2:
        raise ValueError("the training labels hold one class only, so there is nothing to tell apart.")
    if not strength > 0:
        raise ValueError(f"strength must be above 0, but got {strength!r}.")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    c = strength / features.shape[1]
    if kind == "logistic":
        classifier = LogisticRegression(C=c, max_iter=2000)
    else:
        classifier = LinearSVC(C=c, dual="auto", max_iter=20_000, random_state=seed)
    fitted = make_pipeline(StandardScaler(), classifier).fit(features.cpu().numpy(), labels.numpy())
    predicted = torch.from_numpy(fitted.predict(test_features.cpu().numpy()))
    accuracy = float((predicted == test_labels).double().mean())
    values, counts = labels.unique(return_counts=True)
    return Probe(
        accuracy=accuracy,
        train_accuracy=float(fitted.score(features.cpu().numpy(), labels.numpy())),
        interval=_wilson(accuracy, len(test_labels)),
        chance=float((test_labels == values[counts.argmax()]).double().mean()),
        predicted=predicted,
    )


def _wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
