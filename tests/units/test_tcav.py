"""TCAV against Captum, against a network whose answer is known, and against chance."""

from __future__ import annotations

import pytest
import torch
from captum.concept import TCAV, Classifier, Concept
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader
from unchanged import state

from cnnlab.networks import activations
from cnnlab.units import concept_images, concept_vector, directional_derivatives, tcav

LAYER = "conv2"


def random_images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, 3, 20, 20, generator=torch.Generator().manual_seed(seed))


class ScaledLogistic(Classifier):
    """The classifier of `concept_vector`, on the raw activations, for Captum."""

    def __init__(self):
        pass

    def train_and_eval(self, dataloader, test_split_ratio=0, **_options):
        rows, labels = map(torch.cat, zip(*dataloader, strict=True))
        rows = rows.double() / rows.double().square().sum(1).mean().sqrt()
        self.fitted = LogisticRegression(max_iter=5000, tol=1e-8).fit(rows.numpy(), labels.numpy())

    def weights(self):
        normal = torch.from_numpy(self.fitted.coef_[0]).float()
        return torch.stack([-normal, normal])

    def classes(self):
        return self.fitted.classes_.tolist()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_scores_are_those_of_captum(tiny, tmp_path):
    model = tiny.float().eval()
    images, concept, randoms = random_images(12), random_images(8, seed=1), random_images(4, 8, seed=2)
    concept[:, 0] *= 0.3
    ours = tcav(model, images, 2, LAYER, {"dark": concept}, list(randoms))["dark"]
    sets = [
        Concept(n, f"set{n}", DataLoader(pictures, batch_size=8))
        for n, pictures in enumerate([concept, *randoms])
    ]
    theirs = TCAV(model, LAYER, classifier=ScaledLogistic(), save_path=str(tmp_path))
    # Captum orders the weights by the numbers of the concepts: class 1, the other set, is the last.
    pairs = [[one, sets[0]] for one in sets[1:]]
    for number, pair in enumerate(pairs):
        pair[0].id, pair[1].id = 0, 1
        theirs = TCAV(model, LAYER, classifier=ScaledLogistic(), save_path=str(tmp_path / str(number)))
        result = theirs.interpret(images, [pair], target=2)
        score = next(iter(result.values()))[LAYER]["sign_count"][1]
        assert float(ours.scores[number]) == pytest.approx(float(score), abs=1 / 12 + 1e-6)


def test_a_vector_is_the_normal_of_a_logistic_regression_on_all_activations(tiny):
    maps = activations(tiny, random_images(20).double(), LAYER)[LAYER]
    vector = concept_vector(maps[:8], maps[8:])
    rows = maps.flatten(1) / maps.flatten(1).square().sum(1).mean().sqrt()
    fitted = LogisticRegression(max_iter=5000, tol=1e-8).fit(rows.numpy(), [1] * 8 + [0] * 12)
    assert vector.shape == maps.shape[1:] and float(vector.norm()) == pytest.approx(1)
    cosine = torch.cosine_similarity(vector.flatten(), torch.from_numpy(fitted.coef_[0]), dim=0)
    assert float(cosine) > 0.9999


def test_on_a_linear_network_the_derivative_is_the_weight(colour_network):
    """Logit k is the mean of colour k, so its gradient at conv is 1 / 400 in that channel and 0 elsewhere (pixels are positive)."""
    slopes = directional_derivatives(colour_network, random_images(3) * 0.8 + 0.1, 1, "conv", batch_size=2)
    expected = torch.zeros(3, 3, 20, 20)
    expected[:, 1] = 1 / 400
    assert torch.allclose(slopes, expected)


def coloured(channel: int, count: int, seed: int) -> torch.Tensor:
    images = random_images(count, seed=seed) * 0.5
    images[:, channel] += 0.4
    return images


def test_the_concept_that_the_class_is_made_of_scores_one_and_its_opposite_zero(colour_network):
    randoms = [random_images(10, seed=seed) * 0.5 for seed in range(20, 40)]
    concepts = {
        "red": coloured(0, 10, 1),
        "green": coloured(1, 10, 2),
        "dark": random_images(10, seed=3) * 0.1,
    }
    found = tcav(colour_network, random_images(15), 0, "conv", concepts, randoms)
    assert found["red"].score == 1 and found["red"].is_significant and found["red"].accuracy > 0.9
    assert found["dark"].score == 0 and found["dark"].is_significant
    assert found["red"].p_value == pytest.approx(1 / 21)
    assert str(found["red"]).startswith("red: 1.00 (random sets ") and str(found["red"]).endswith("p = 0.05")


def test_a_random_concept_is_reported_as_no_better_than_random_though_the_t_test_likes_it(colour_network):
    """Of twelve random sets in the place of a concept hardly one passes; the t-test lets many pass."""
    sets = random_images(12 + 20, 6, seed=9)
    concepts = {f"none{number}": one for number, one in enumerate(sets[:12])}
    found = tcav(colour_network, random_images(9), 1, "conv", concepts, sets[12:]).values()
    assert sum(one.is_significant for one in found) <= 2
    assert sum(one.t_test_p_value < 0.05 for one in found) >= 4
    for one in found:
        assert ("no better than random" in str(one)) != one.is_significant


def test_random_scores_are_against_each_other_and_the_model_is_left_alone(tiny):
    before = state(tiny)
    found = tcav(
        tiny, random_images(9), 1, LAYER, {"a": random_images(6, seed=4)}, random_images(5, 6, seed=5)
    )
    assert state(tiny) == before
    # A pair of sets separated the other way round gives the other share and sign, so the mean over all is one half, and 0.
    assert float(found["a"].random_alignments.mean()) == pytest.approx(0, abs=1e-9)
    assert found["a"].random_scores.shape == (5,) and float(found["a"].random_scores.mean()) == pytest.approx(
        0.5
    )


def test_what_cannot_be_tested_is_said(tiny):
    images, sets = random_images(4), random_images(5, 6)
    with pytest.raises(ValueError, match=r"at least 3 random sets \(19 for p = 0.05\), but 1 and 2 came"):
        tcav(tiny, images, 0, LAYER, {"a": sets[0]}, sets[1:3])
    with pytest.raises(ValueError, match=r"same number of pictures.*\[4, 6, 6, 6, 6\]"):
        tcav(tiny, images, 0, LAYER, {"a": sets[0][:4]}, sets[1:])
    with pytest.raises(TypeError, match="must map names to pictures.* but got a list"):
        tcav(tiny, images, 0, LAYER, [sets[0]], sets[1:])
    blind = nn.Sequential()
    blind.add_module("side", nn.Conv2d(3, 2, 1)), blind.add_module("flat", nn.Flatten())
    with pytest.raises(ValueError, match="conv9"):
        directional_derivatives(blind, images, 0, "conv9")


def test_concept_images_show_the_concept_and_repeat_by_seed():
    striped = concept_images("striped", 3, size=48)
    assert torch.equal(striped, concept_images("striped", 3, size=48))
    assert not torch.equal(striped, concept_images("striped", 3, seed=1, size=48))
    assert not torch.equal(striped, concept_images(None, 3, size=48))
    with pytest.raises(ValueError, match="concept 'damp' is not known.*water.*wet"):
        concept_images("damp")


def test_wet_pictures_are_those_of_the_random_set_after_rain():
    wet, dry = concept_images("wet", 6, seed=4), concept_images(None, 6, seed=4)
    assert wet.mean() < dry.mean() - 0.02
    assert (torch.nn.functional.cosine_similarity(wet.flatten(1), dry.flatten(1)) > 0.9).all()


def test_sets_that_no_plane_can_separate_are_refused(tiny):
    """The logistic regression of a set and itself has the normal 0, whose score is nothing but rounding."""
    images, sets = random_images(4), random_images(5, 6)
    shuffled = sets[1].flip(0)
    for concept, randoms in ((sets[1], sets[1:]), (shuffled, sets[1:]), (sets[0], sets[[1, 1, 2, 3]])):
        with pytest.raises(ValueError, match="same activations on average.*the same pictures"):
            tcav(tiny, images, 0, LAYER, {"a": concept}, randoms)
    with pytest.raises(ValueError, match="same activations on average"):
        concept_vector(sets[0], sets[0])


def test_what_gives_no_direction_is_said(tiny, colour_network):
    images, sets = random_images(4), random_images(5, 6)
    dead = nn.Sequential()
    dead.add_module("conv", nn.Conv2d(3, 2, 1)), dead.add_module("relu", nn.ReLU())
    dead.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(800, 3)))
    nn.init.constant_(dead.conv.bias, -100.0)
    with pytest.raises(ValueError, match="activations are 0 for all these pictures"):
        tcav(dead, images, 0, "relu", {"a": sets[0]}, sets[1:])
    with pytest.raises(ValueError, match=r"one size, but have \[\(20, 20\), \(24, 24\)\]"):
        tcav(colour_network, images, 0, "conv", {"a": torch.rand(6, 3, 24, 24)}, sets[1:])
    with pytest.raises(
        ValueError, match="target must be a class"
    ):  # not the one predicted for the first image
        tcav(tiny, images, None, LAYER, {"a": sets[0]}, sets[1:])
    with pytest.raises(ValueError, match="strength must be above 0, but got 0"):
        tcav(tiny, images, 0, LAYER, {"a": sets[0]}, sets[1:], strength=0)
    for concept, match in (
        (torch.rand(0, 4), r"concept must be M x \.\.\. finite.*\(0, 4\)"),
        (torch.full((2, 4), torch.nan), "finite"),
        (torch.rand(4), "M x"),
        (torch.rand(3, 5), "of one shape"),
    ):
        with pytest.raises(ValueError, match=match):
            concept_vector(concept, torch.rand(3, 4))
