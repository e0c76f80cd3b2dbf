"""The figure of an atlas shows each picture at its cell."""

from __future__ import annotations

import pytest
import torch

from cnnlab.figures import atlas_figure

CELLS = [(0, 1), (2, 0), (2, 2)]


def test_every_picture_is_at_its_cell():
    pictures = torch.rand(3, 3, 8, 8)
    figure = atlas_figure(
        CELLS, pictures, ["cat", "a name that is longer than the cell is wide, by far, and more", "cup"]
    )
    axis = figure.axes[0]
    middles = [
        ((x0 + x1) / 2, (y0 + y1) / 2) for x0, x1, y0, y1 in (image.get_extent() for image in axis.images)
    ]
    assert [(int(y / 1.17), int(x)) for x, y in middles] == CELLS
    assert [text.get_text()[-1] for text in axis.texts] == ["t", "…", "p"]
    assert "row 2 column 2: cup" in figure.alt_text
    assert axis.get_xlim() == (0, 3)


def test_labels_are_legible_in_a_narrow_notebook_and_stay_under_their_cells():
    cells = [(0, column) for column in range(8)]
    figure = atlas_figure(cells, torch.rand(8, 3, 8, 8), ["mountain tents of wool"] * 8)
    figure.canvas.draw()
    cell = figure.bbox.width / 8
    for text in figure.axes[0].texts:
        assert text.get_window_extent().width < cell
        assert text.get_fontsize() * 620 / figure.bbox.width * figure.dpi / 72 > 8, "in pixels, 620 wide"


def test_values_are_the_colours_of_the_frames():
    figure = atlas_figure(
        CELLS, torch.rand(3, 3, 8, 8), ["a", "b", "c"], values=[-1.0, 0.0, 1.0], value_name="lean"
    )
    first, middle, last = (patch.get_facecolor() for patch in figure.axes[0].patches)
    assert first != last and first != middle and figure.axes[1].get_xlabel() == "lean"
    with pytest.raises(ValueError, match="3 cells"):
        atlas_figure(CELLS, torch.rand(3, 3, 8, 8), ["a", "b", "c"], values=[1.0])
