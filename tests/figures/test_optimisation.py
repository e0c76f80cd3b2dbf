"""Figures of pictures that grow: what is drawn, the words, and an animation that comes back as it went in."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.figures import Animation, lines_figure, optimisation_figure


def test_growth_shows_the_first_and_the_last_step():
    images = [torch.full((3, 4, 4), step / 9) for step in range(10)]
    figure = optimisation_figure(images, list(range(10)), "logit of sheep", n_frames=4)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:4] == ["step 0", "step 3", "step 6", "step 9"]
    drawn = [float(axis.images[0].get_array().max()) for axis in figure.axes[:4]]
    assert drawn == pytest.approx([0, 3 / 9, 6 / 9, 1])
    assert "logit of sheep" in figure.alt_text
    with pytest.raises(ValueError, match="as many"):
        optimisation_figure(images, [1.0], "score")


def test_lines_have_the_numbers_and_the_names():
    figure = lines_figure({"plain": [1, 2], "robust": [3, 4]}, ["conv1", "conv2"], up="error", across="layer")
    (axis,) = figure.axes
    assert [line.get_ydata().tolist() for line in axis.lines] == [[1, 2], [3, 4]]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["conv1", "conv2"]
    assert figure.alt_text == "error. By layer: plain 1 at conv1, 2 at conv2; robust 3 at conv1, 4 at conv2."
    assert lines_figure({"plain": [1, 2.5]}).alt_text == "Numbers. By step: plain 1 at 0, 2.5 at 1."
    assert lines_figure({"loss": [1, 10]}, logarithmic=True).axes[0].get_yscale() == "log"
    with pytest.raises(ValueError, match="equally long"):
        lines_figure({"a": [1, 2], "b": [1]})


def test_an_animation_holds_its_frames_and_is_small():
    ramp = torch.linspace(0, 1, 64).expand(3, 64, 64)
    made = Animation([ramp.roll(4 * step, 2) for step in range(8)], "a ramp that moves", pace=10)
    moving = Image.open(BytesIO(made.webp()))
    assert (moving.n_frames, moving.size) == (8, (64, 64))
    moving.seek(3)
    seen = torch.from_numpy(np.array(moving.convert("L"))) / 255
    assert (seen - ramp[0].roll(12, 1)).abs().mean() < 0.06
    assert len(made.webp()) < 20_000
    data, _ = made._repr_mimebundle_()
    assert 'alt="a ramp that moves"' in data["text/html"] and data["text/plain"] == "a ramp that moves"
    with pytest.raises(ValueError, match="frames"):
        Animation([], "nothing")
