"""Curves of a training: what is drawn is the history, and the words tell it."""

import numpy as np
import pytest

from cnnlab.figures.training import training_figure

HISTORY = {"loss": [2.5, 1.0, 0.5], "accuracy": [0.1, 0.6, 0.8], "validation": [0.2, 0.5, 0.75]}


def test_curves_are_the_history():
    figure = training_figure(HISTORY, "digits", epochs=5)
    left, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), HISTORY["loss"])
    np.testing.assert_array_equal(right.lines[1].get_ydata(), HISTORY["validation"])
    assert left.get_xlim() == (0.5, 5.5)
    assert (
        "digits, 3 epochs: the loss goes from 2.50 to 0.50" in figure.alt_text
        and "20% to 75%" in figure.alt_text
    )


@pytest.mark.parametrize("history", [{**HISTORY, "loss": [1.0]}, {key: [] for key in HISTORY}])
def test_lists_that_do_not_belong_together_are_refused(history):
    with pytest.raises(ValueError, match="same number of epochs"):
        training_figure(history)
