"""The confusion matrix: shares of rows, and the pairs in words."""

import numpy as np
import pytest
import torch

from cnnlab.figures import confusion_figure

NAMES = ("sheep", "goat", "wolf")


def test_rows_are_shares_and_the_worst_pair_is_named():
    true = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    predicted = torch.tensor([0, 1, 1, 1, 1, 1, 0])
    figure = confusion_figure(true, predicted, NAMES)
    drawn = figure.axes[0].collections[0].get_array().reshape(3, 3)
    np.testing.assert_allclose(drawn, [[0.25, 0.75, 0], [0, 1, 0], [1, 0, 0]])
    assert (
        "42.9% right" in figure.alt_text
        and "sheep for goat (3 times), wolf for sheep (1 times)" in figure.alt_text
    )


def test_a_class_without_pictures_is_empty_and_no_fault():
    figure = confusion_figure(torch.tensor([0, 1]), torch.tensor([0, 1]), NAMES)
    assert "none" in figure.alt_text


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="got 1 and 2"):
        confusion_figure(torch.tensor([0, 1]), torch.tensor([0]), NAMES)
    with pytest.raises(ValueError, match="at least one"):
        confusion_figure(torch.tensor([]), torch.tensor([]), NAMES)
