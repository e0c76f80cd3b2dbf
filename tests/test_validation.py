"""The sentences that bad input gets: what was expected, what came, what to do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnlab import _validation


@pytest.mark.parametrize("one", [None, 3, "cat", np.int64(3), np.array(3), torch.tensor(3)])
def test_a_single_value_is_the_only_entry(one):
    (entry,) = _validation.one_or_several(one)
    assert entry == one and type(entry) in (type(None), int, str)


@pytest.mark.parametrize("several", [[1, 2], (1, 2), range(1, 3), np.array([1, 2]), torch.tensor([1, 2])])
def test_several_values_are_the_entries(several):
    assert _validation.one_or_several(several) == [1, 2]


def test_an_unknown_name_lists_the_known_ones_and_guesses():
    with pytest.raises(
        ValueError,
        match=r"""layer 'conv9' is not known\. Did you mean "conv1"\? Choose one of: conv1, pool1\.""",
    ):
        _validation.one_of("conv9", ["conv1", "pool1"], "layer")


@pytest.mark.parametrize("value", [3, np.int64(3), torch.tensor(3)])
def test_whole_numbers_of_all_kinds_count(value):
    assert _validation.positive_int(value, "stride") == 3


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1.5, TypeError),
        ("4", TypeError),
        (True, TypeError),
        (None, TypeError),
        (np.array([1, 2]), TypeError),
        (torch.tensor([1, 2]), TypeError),
        (torch.tensor(2.0), TypeError),
    ],
)
def test_what_is_no_positive_whole_number_is_refused_by_name(value, error):
    with pytest.raises(error, match="stride must be a whole number of at least 1"):
        _validation.positive_int(value, "stride")


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_fractions_outside_of_0_to_1_are_refused(value):
    with pytest.raises(ValueError, match="between 0 and 1"):
        _validation.fraction(value, "cover")


@pytest.mark.parametrize("value", [None, "0.5", b"0.5", True, [0.5, 0.5]])
def test_what_is_no_number_is_no_fraction(value):
    """A caller that checks a number and goes on with what it was given would fail on a word later, without a name."""
    with pytest.raises(TypeError, match="cover must be a number between 0 and 1, but got"):
        _validation.fraction(value, "cover")


def test_one_picture_gets_a_batch_axis_and_a_batch_keeps_its_own():
    image = torch.rand(3, 5, 7)
    batch, single = _validation.image_batch(image)
    assert single and batch.shape == (1, 3, 5, 7)
    batch, single = _validation.image_batch(image[None])
    assert not single and batch.shape == (1, 3, 5, 7)


@pytest.mark.parametrize(
    ("images", "error", "says"),
    [
        (np.zeros((3, 4, 4)), TypeError, "torch tensor"),
        (torch.zeros(4, 4), ValueError, "3 x H x W"),
        (torch.zeros(4, 4, 3), ValueError, "permute"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), TypeError, "divide bytes by 255"),
        (torch.full((3, 4, 4), 2.0), ValueError, "run from 2 to 2"),
        (torch.full((3, 4, 4), -0.5), ValueError, "Normalisation belongs inside the model"),
        (torch.full((3, 4, 4), float("nan")), ValueError, r"must lie in \[0, 1\]"),
        (torch.zeros(0, 3, 4, 4), ValueError, "empty"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_hint(images, error, says):
    with pytest.raises(error, match=says):
        _validation.image_batch(images)


def test_values_are_looked_at_without_a_copy_of_the_pictures():
    """Pictures from files have their channels last in memory, and a notebook has hundreds of them."""
    images = torch.rand(8, 64, 64, 3).permute(0, 3, 1, 2)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as seen:
        _validation.image_batch(images)
    assert sum(max(0, event.self_cpu_memory_usage) for event in seen.events()) < images.nbytes / 10


def test_a_target_is_an_index_a_name_or_the_predicted_class():
    logits = torch.tensor([0.1, 2.0, -1.0])
    names = ("sheep", "goat", "wolf")
    assert _validation.target_index(None, names, logits) == 1
    assert _validation.target_index("wolf", names, logits) == 2
    assert _validation.target_index(0, names, logits) == 0
    with pytest.raises(ValueError, match="sheep, goat, wolf"):
        _validation.target_index("goatt", names, logits)
    with pytest.raises(ValueError, match="between 0 and 2"):
        _validation.target_index(3, names, logits)
    with pytest.raises(ValueError, match="must be an index"):
        _validation.target_index("goat", None, logits)
    assert _validation.target_index("wolf", names, logits, required=True) == 2
    with pytest.raises(ValueError, match=r"index \(of 3 classes\) or name; None is no class"):
        _validation.target_index(None, names, logits, required=True)
