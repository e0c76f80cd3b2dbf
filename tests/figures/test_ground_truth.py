"""The truth figure shows the picture and the maps that it names."""

from __future__ import annotations

import numpy as np

from cnnlab.figures.ground_truth import describe_ground_truth, ground_truth_figure
from cnnlab.world import NAMES, render


def test_the_truth_figure_shows_the_picture_and_every_name_of_its_maps():
    picture = render(4, shape="goat", scene="rocks", others=("sheep",))
    figure = ground_truth_figure(picture)
    shown, *maps = (axis for axis in figure.axes if axis.images)
    assert np.allclose(shown.images[0].get_array(), picture.image.permute(1, 2, 0))
    assert [axis.get_title() for axis in maps] == list(NAMES)
    objects = [text.get_text() for text in maps[0].get_legend().get_texts()]
    assert set(objects) == {NAMES["object"][index] for index in picture.object.unique() if index}
    # One colour for each name: pixels of the same name look the same, of another name different.
    drawn = np.asarray(maps[0].images[0].get_array())
    goat, sheep = (drawn[picture.mask("object", name).numpy()] for name in ("goat", "sheep"))
    assert (goat == goat[0]).all() and (sheep == sheep[0]).all() and not (goat[0] == sheep[0]).all()


def test_the_words_tell_what_and_where():
    picture = render(4, shape="goat", scene="rocks")
    words = describe_ground_truth(picture)
    assert "goat" in words and "rocks" in words and str(picture.box[0]) in words
    assert ground_truth_figure(picture)._repr_mimebundle_()[0]["text/plain"] == words
