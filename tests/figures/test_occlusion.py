"""The figures of occlusion hold the numbers that they say, each where it belongs."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.attribution import OcclusionMap
from cnnlab.figures import class_colours, describe_occlusion, drop_figure, occlusion_figure
from cnnlab.world import render

NAMES = ("sheep", "goat", "wolf", "husky")


def made(
    probability: torch.Tensor, predicted: torch.Tensor, size: int = 24, baseline: float = 0.9
) -> OcclusionMap:
    """A map over a picture of 96 x 96 whose last place is nearer to its neighbour than the others are."""
    starts = torch.tensor([0, 20, 40, 60, 96 - size])
    return OcclusionMap(probability, predicted, starts, starts, size, 0, baseline)


@pytest.fixture
def found() -> OcclusionMap:
    probability = torch.full((5, 5), 0.9)
    probability[1, 3], probability[2, 3] = 0.2, 0.4
    predicted = torch.zeros(5, 5, dtype=torch.int64)
    predicted[1, 3], predicted[2, 3] = 2, 1
    return made(probability, predicted)


@pytest.fixture
def partial(found) -> OcclusionMap:
    probability, predicted = found.probability.clone(), found.predicted.clone()
    probability[2:], predicted[2:] = torch.nan, -1
    return made(probability, predicted)


def meshes(figure) -> list:
    """What is drawn for the map of the probability and for that of the class, where the cells are not all alike."""
    return [axis.collections[0] for axis in (figure.axes[1], figure.axes[3])]


def test_the_panels_hold_the_picture_and_the_maps(found):
    picture = render(3, shape="sheep")
    figure = occlusion_figure(picture, found, NAMES)
    plain, _, drop, _ = figure.axes[:4]
    probability, instead = meshes(figure)
    assert np.array_equal(plain.images[0].get_array(), picture.image.permute(1, 2, 0))
    assert np.allclose(probability.get_array(), found.probability)
    assert probability.get_clim() == (0, 1)
    assert np.allclose(drop.images[-1].get_array(), found.to_pixels())
    assert np.allclose(np.asarray(instead.get_array())[..., :3], class_colours(found.predicted.numpy()))


def test_every_cell_lies_around_the_centre_of_its_occluder(found):
    figure = occlusion_figure(torch.rand(3, 96, 96), found, NAMES)
    borders = meshes(figure)[0].get_coordinates()[0, :, 0]
    centres = found.columns.numpy() + 11.5
    assert (borders[:-1] < centres).all() and (centres < borders[1:]).all()
    assert np.allclose(borders[1:-1], (centres[1:] + centres[:-1]) / 2)  # the last step is shorter


def even(lowest: tuple[int, int] = (2, 0)) -> OcclusionMap:
    """A 3 x 3 map with equal steps, whose lowest value stands at `lowest`."""
    probability, predicted = torch.full((3, 3), 0.9), torch.zeros(3, 3, dtype=torch.int64)
    probability[lowest], predicted[lowest] = 0.1, 2
    places = torch.tensor([0, 36, 72])
    return OcclusionMap(probability, predicted, places, places, size=24, target=0, baseline=0.95)


def test_equal_cells_are_drawn_as_an_image_around_the_same_centres():
    figure = occlusion_figure(render(3, shape="sheep"), even(), NAMES)
    shown = figure.axes[1].images[1]
    assert np.allclose(shown.get_array(), even().probability) and shown.get_clim() == (0, 1)
    left, right, bottom, top = shown.get_extent()
    width, height = (right - left) / 3, (bottom - top) / 3
    # The middle of the first cell is the centre of an occluder on the pixels 0 to 23.
    assert (left + width / 2, top + height / 2) == (11.5, 11.5)
    assert (left + 2.5 * width, top + 2.5 * height) == (83.5, 83.5)
    assert np.allclose(figure.axes[3].images[1].get_array(), class_colours(even().predicted.numpy()))


def test_the_drop_is_signed_with_white_at_zero(found):
    drop = occlusion_figure(torch.rand(3, 96, 96), found, NAMES).axes[2].images[-1]
    low, high = drop.get_clim()
    assert low == -high and high == pytest.approx(float(found.to_pixels().abs().max()))


def test_a_map_that_found_nothing_looks_like_nothing():
    flat = made(torch.full((5, 5), 0.899), torch.zeros(5, 5, dtype=torch.int64))
    drop = occlusion_figure(torch.rand(3, 96, 96), flat, NAMES).axes[2].images[-1]
    assert drop.get_clim() == (-0.1, 0.1) and np.max(drop.get_alpha()) < 0.1


def test_titles_and_legend_give_the_numbers_beside_the_colours(found):
    figure = occlusion_figure(torch.rand(3, 96, 96), found, NAMES)
    plain, probability, drop, instead = figure.axes[:4]
    assert plain.get_title() == "sheep: 0.90 uncovered"
    assert probability.child_axes[0].get_xlabel() == "0.20 to 0.90, by the centre"
    assert "drop" in drop.child_axes[0].get_xlabel()
    legend = [text.get_text() for text in instead.get_legend().get_texts()]
    assert legend == ["sheep", "goat", "wolf"]
    colours = [patch.get_facecolor()[:3] for patch in instead.get_legend().get_patches()]
    assert np.allclose(colours, class_colours(np.array([0, 1, 2])))
    assert [text.get_text() for text in instead.texts] == ["sheep 92%"]  # names stand on large regions alone


def test_the_name_of_a_region_stands_inside_it():
    predicted = torch.zeros(5, 5, dtype=torch.int64)
    predicted[:, 3:] = 2
    figure = occlusion_figure(torch.rand(3, 96, 96), made(torch.rand(5, 5), predicted), NAMES)
    where = {text.get_text(): text.get_position()[0] for text in figure.axes[3].texts}
    assert where["sheep 60%"] < 60 < where["wolf 40%"]


def test_places_that_are_not_computed_stay_empty(partial):
    figure = occlusion_figure(torch.rand(3, 96, 96), partial, NAMES)
    probability, instead = meshes(figure)
    assert np.ma.getmaskarray(np.ma.masked_invalid(probability.get_array()))[2:].all()
    assert (np.asarray(instead.get_array())[2:, :, 3] == 0).all()
    assert (np.asarray(figure.axes[2].images[-1].get_alpha())[-20:] == 0).all()
    assert len(figure.png()) > 1000


def test_a_map_without_any_number_can_be_drawn():
    nothing = made(torch.full((5, 5), torch.nan), torch.full((5, 5), -1))
    figure = occlusion_figure(torch.rand(3, 96, 96), nothing, NAMES)
    assert figure.axes[1].child_axes[0].get_xlabel() == "nothing yet, by the centre"
    assert "no place" in figure.alt_text and len(figure.png()) > 1000


def test_a_single_place_is_as_wide_as_the_occluder():
    one = OcclusionMap(
        *(torch.tensor([[0.1]]), torch.tensor([[1]])), *(torch.tensor([0]), torch.tensor([0]), 40, 0, 0.9)
    )
    cell = occlusion_figure(torch.rand(3, 40, 40), one, NAMES).axes[1].images[1]
    assert tuple(cell.get_extent()) == (-0.5, 39.5, 39.5, -0.5)


def test_the_outline_is_the_mask(found):
    mask = torch.zeros(96, 96, dtype=torch.bool)
    mask[20:50, 30:70] = True
    drop = occlusion_figure(torch.rand(3, 96, 96), found, NAMES, mask).axes[2]
    assert "truth" in drop.get_title()
    corners = np.concatenate([path.vertices for lines in drop.collections for path in lines.get_paths()])
    assert corners.min(0).tolist() == [29.5, 19.5] and corners.max(0).tolist() == [69.5, 49.5]
    without = occlusion_figure(torch.rand(3, 96, 96), found, NAMES).axes[2]
    assert not without.collections and without.get_title() == "drop"


def test_maps_side_by_side_share_one_scale(found):
    weak = made(0.9 - (0.9 - found.probability) / 10, found.predicted)
    figure = drop_figure(render(3, shape="sheep"), [found, weak], ["grey", "mean"], columns=2)
    strong, pale = (axis.images[-1] for axis in figure.axes[:2])
    assert strong.get_clim() == pale.get_clim()
    assert np.allclose(pale.get_array(), weak.to_pixels())
    assert [axis.get_title() for axis in figure.axes[:2]] == ["grey", "mean"]
    assert figure.axes[0].get_xlabel() == f"up to {float(found.to_pixels().max()):.2f}"
    assert "grey; mean" in figure.alt_text
    with pytest.raises(ValueError, match="1 maps and 2 captions"):
        drop_figure(torch.rand(3, 96, 96), [found], ["a", "b"])


def test_nothing_that_is_written_leaves_the_figure(found):
    """Titles, labels and legends lie inside the picture that is saved."""
    for figure in (
        occlusion_figure(render(3, shape="sheep"), found, NAMES),
        drop_figure(render(3, shape="sheep"), [found] * 5, ["a caption"] * 5, columns=3),
    ):
        image = np.asarray(Image.open(BytesIO(figure.png())).convert("L"))
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert (border > 250).all()


def test_the_words_say_where_and_what(found):
    words = describe_occlusion(found, NAMES)
    assert "sheep" in words and "upper middle" in words and "is predicted instead" in words
    assert occlusion_figure(torch.rand(3, 96, 96), found, NAMES).alt_text == words
    calm = made(found.probability, torch.zeros(5, 5, dtype=torch.int64))
    assert "never changes" in describe_occlusion(calm, NAMES)


@pytest.mark.parametrize(
    ("lowest", "words"),
    [((2, 0), "lower left"), ((0, 2), "upper right"), ((1, 1), "the middle of"), ((1, 2), "middle right")],
)
def test_the_words_name_the_place(lowest, words):
    described = describe_occlusion(even(lowest), NAMES)
    assert words in described and "wolf is predicted instead" in described


def test_a_figure_shows_itself_with_its_words():
    figure = occlusion_figure(render(3), even(), NAMES)
    data, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == figure.alt_text == metadata["image/png"]["alt"]
    assert f'alt="{figure.alt_text}"' in data["text/html"]
