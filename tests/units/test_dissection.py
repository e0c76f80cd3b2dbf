"""Dissection against its formula, worked out pixel by pixel."""

from __future__ import annotations

from math import floor

import pytest
import torch
from torch import nn

from cnnlab.networks import activations, receptive_field
from cnnlab.units import concepts, dissect, random_rotation
from cnnlab.units.streaming_quantile import MAX_POOL_SIZE, StreamingQuantile
from cnnlab.world import NAMES, photographs

CATEGORIES = ("part", "colour")


def enlarged(maps, field, pixels):
    """Each map at the given pixels, by the formula of bilinear interpolation between the middles of the fields."""

    def neighbours(pixel, axis):
        middle = field.offset[axis] + (field.size[axis] - 1) / 2
        position = min(max((pixel - middle) / field.stride[axis], 0), field.positions[axis] - 1)
        low = min(floor(position), field.positions[axis] - 2)
        return (low, 1 - (position - low)), (low + 1, position - low)

    large = torch.zeros(*maps.shape[:2], len(pixels), len(pixels), dtype=maps.dtype)
    for i, y in enumerate(pixels):
        for j, x in enumerate(pixels):
            for row, down in neighbours(y, 0):
                for column, across in neighbours(x, 1):
                    large[:, :, i, j] += down * across * maps[:, :, row, column]
    return large


def overlap(mask, concept):
    common = union = 0
    for m, c in zip(mask.flatten().tolist(), concept.flatten().tolist(), strict=True):
        common += m and c
        union += m or c
    return common / union


@pytest.mark.parametrize(("every", "batch_size"), [(1, 23), (2, 5), (3, 8)])
def test_thresholds_masks_and_overlaps_follow_the_formula(tiny, pictures, floats, every, batch_size):
    quantile = 0.03
    result = dissect(
        tiny, pictures, "conv2", quantile=quantile, categories=CATEGORIES, pixel_step=every, min_pictures=1,
        batch_size=batch_size,
    )  # fmt: skip
    pixels = list(range(every // 2, 20, every))
    maps = activations(tiny, floats, "conv2")["conv2"]
    large = enlarged(maps, receptive_field(tiny, "conv2"), pixels)
    assert result.concepts == tuple(NAMES[c][i] for c in CATEGORIES for i in (1, 2, 3))
    for unit in range(5):
        values = large[:, unit].flatten().sort(descending=True).values
        above = floor(quantile * len(values))
        assert float(result.threshold[unit]) == pytest.approx(float(values[above]))
        mask = large[:, unit] > values[above] + 1e-9  # pixels beyond the outermost middles tie
        assert above - 10 < mask.sum() <= above
        assert float(result.activated_fraction[unit]) == pytest.approx(float(mask.double().mean()))
        for number, (category, name) in enumerate(zip(result.categories, result.concepts, strict=True)):
            concept_maps = pictures.maps(category)[:, pixels][:, :, pixels] == NAMES[category].index(name)
            assert float(result.iou[unit, number]) == pytest.approx(overlap(mask, concept_maps))
            assert float(result.concept_fraction[number]) == pytest.approx(
                float(concept_maps.double().mean())
            )


def test_chance_lays_masks_over_another_picture(tiny, pictures, floats):
    result = dissect(
        tiny, pictures, "conv2", quantile=0.05, categories=["part"], pixel_step=1, min_pictures=1, seed=9
    )
    order = torch.randperm(23, generator=torch.Generator().manual_seed(9))
    other = {int(order[i]): int(order[i - 1]) for i in range(23)}
    assert all(picture != partner for picture, partner in other.items()) and len(set(other.values())) == 23
    large = enlarged(
        activations(tiny, floats, "conv2")["conv2"], receptive_field(tiny, "conv2"), list(range(20))
    )
    exchanged = pictures.maps("part")[[other[i] for i in range(23)]]
    for unit in range(5):
        mask = large[:, unit] > result.threshold[unit] + 1e-9
        for number in range(3):
            assert float(result.chance_iou[unit, number]) == pytest.approx(
                overlap(mask, exchanged == number + 1)
            )


def test_masks_have_all_pixels_where_thresholds_come_from_some(tiny, pictures, floats, monkeypatch):
    options = {"quantile": 0.05, "categories": ["part"], "pixel_step": 1, "min_pictures": 1, "batch_size": 5}
    exact = dissect(tiny, pictures, "conv2", **options)
    monkeypatch.setattr("cnnlab.units.streaming_quantile.MAX_POOL_SIZE", 150)
    thinned = dissect(tiny, pictures, "conv2", **options)
    assert not torch.equal(thinned.threshold, exact.threshold)
    large = enlarged(
        activations(tiny, floats, "conv2")["conv2"], receptive_field(tiny, "conv2"), list(range(20))
    )
    for unit in range(5):
        mask = large[:, unit] > thinned.threshold[unit] + 1e-9
        assert 0 < float(mask.double().mean()) == pytest.approx(float(thinned.activated_fraction[unit]))
        for number in range(3):
            concept = pictures.maps("part") == number + 1
            assert float(thinned.iou[unit, number]) == pytest.approx(overlap(mask, concept))


def test_a_planted_detector_is_found_and_chance_is_not(colour_network, flags):
    result = dissect(
        colour_network, flags, "conv", quantile=64 / 4800, categories=["colour"], pixel_step=1, min_pictures=1
    )
    assert [row.concept for row in sorted(result.rows(), key=lambda row: row.unit)] == [
        "red",
        "green",
        "blue",
    ]
    assert torch.allclose(result.iou[torch.arange(3), [result.concepts.index(c) for c in ("red", "green", "blue")]],
                          torch.ones(3).double(), atol=0.02)  # fmt: skip
    assert result.detectors().all() and result.unique_detectors() == 3
    assert result.at_chance().iou.max() < 0.3
    assert result.rows()[0].chance_iou == pytest.approx(float(result.chance_iou[result.rows()[0].unit].max()))


def test_detectors_of_one_concept_count_once(colour_network, flags):
    colour_network.conv.weight.data = torch.eye(3)[[0, 0, 1]][:, :, None, None].clone()
    result = dissect(
        colour_network, flags, "conv", quantile=64 / 4800, categories=["colour"], pixel_step=1, min_pictures=1
    )
    assert result.detectors().sum() == 3 and result.unique_detectors() == 2
    assert list(result.units_of().items()) == [(("colour", "red"), [0, 1]), (("colour", "green"), [2])]
    assert result.unique_detectors(1.0) == 0 and result.unique_detectors(category="colour") == 2
    with pytest.raises(ValueError, match="category 'part' is not known"):
        result.detectors(category="part")


def test_a_rotated_basis_is_a_convolution_behind_the_layer(tiny, pictures):
    options = {"quantile": 0.03, "categories": ["part"], "pixel_step": 2, "min_pictures": 1, "seed": 6}
    result = dissect(tiny, pictures, "conv2", rotate=0.7, **options)
    turn = nn.Conv2d(5, 5, 1, bias=False).double()
    turn.weight.data = random_rotation(5, amount=0.7, seed=6).double()[:, :, None, None]
    turned = nn.Sequential(tiny.conv1, tiny.norm1, tiny.relu1, tiny.conv2, turn)
    turned.input_size = 20
    expected = dissect(turned, pictures, "4", **options)
    assert torch.allclose(result.iou, expected.iou) and torch.allclose(result.threshold, expected.threshold)
    assert not torch.allclose(result.iou, dissect(tiny, pictures, "conv2", **options).iou)


def test_all_layers_in_one_go_are_what_each_is_alone(tiny, pictures):
    options = {"categories": ["colour"], "min_pictures": 1, "quantile": 0.02}
    together = dissect(tiny, pictures, **options)
    assert list(together) == ["conv1", "conv2"]
    for layer, result in together.items():
        assert torch.equal(result.iou, dissect(tiny, pictures, layer, **options).iou)
        assert result.layer == layer


def test_a_silent_unit_has_an_empty_mask(tiny, pictures):
    with torch.no_grad():
        tiny.conv2.bias[1] = -1e3
    result = dissect(tiny, pictures, "relu2", categories=["part"], min_pictures=1)
    assert result.activated_fraction[1] == 0 and result.threshold[1] == 0 and (result.iou[1] == 0).all()
    assert not result.detectors()[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": "fc3"}, '"fc3" has no positions'),
        ({"layers": "conv9"}, 'layer "conv9" is not in'),
        ({"quantile": 5}, "quantile must lie between 0 and 1"),
        ({"rotate": -1}, "rotate must lie between 0 and 1"),
        ({"categories": ["parts"]}, "category 'parts' is not known. Did you mean .part"),
        ({"categories": ["part", "part"]}, "must name each category once"),
        ({"min_pictures": 24}, "no concept is seen in 24 pictures"),
    ],
)
def test_bad_questions_are_refused(tiny, pictures, change, message):
    with pytest.raises(ValueError, match=message):
        dissect(tiny, pictures, **{"layers": "conv2", "categories": ["part"], **change})


def test_concepts_are_the_names_of_the_maps(pictures):
    concept_maps = concepts(pictures, CATEGORIES, pixel_step=2, min_pictures=1)
    for row, category in enumerate(CATEGORIES):
        truth = pictures.maps(category)[:, 1::2, 1::2]
        for index in range(4):
            here = truth == index
            if index == 0:
                assert (concept_maps.labels[row][here] == 255).all()
            else:
                number = concept_maps.names.index(NAMES[category][index])
                assert concept_maps.categories[number] == category
                assert (
                    torch.equal(concept_maps.labels[row] == number, here)
                    and concept_maps.pixels[number] == here.sum()
                )
    assert concept_maps.rows.tolist() == concept_maps.columns.tolist() == list(range(1, 20, 2))


def test_rare_concepts_and_names_for_nothing_are_left_out(pictures):
    pictures._maps["texture"] = torch.full((23, 20, 20), NAMES["texture"].index("plain"), dtype=torch.uint8)
    pictures._maps["texture"][:9] = NAMES["texture"].index("striped")
    pictures._maps["texture"][9:20] = NAMES["texture"].index("dotted")
    assert concepts(pictures, ["texture"]).names == ("dotted",)
    assert concepts(pictures, ["texture"], min_pictures=9).names == ("striped", "dotted")


@pytest.mark.parametrize(("share", "batches"), [(0.005, 10), (0.1, 3), (0.0, 4), (0.33, 1)])
def test_a_tail_finds_the_threshold_that_sorting_finds(share, batches):
    values = torch.randn(3, 1200)
    values[1] = values[1].round()  # many ties
    values[2] = values[2].clamp(min=1.5)  # almost all the same
    tail = StreamingQuantile(3, share, 1200)
    for numbers in torch.arange(1200).chunk(batches):
        assert tail.sample(len(numbers)) is None
        for unit in range(3):
            tail.add(unit, values[unit, numbers], numbers)
    ranked = values.sort(dim=1, descending=True).values
    expected = ranked[:, min(floor(share * 1200), 1199)]
    assert torch.equal(tail.threshold(), expected)
    for unit, threshold in enumerate(tail.threshold()):
        above = (values[unit] > threshold).nonzero()[:, 0]
        assert (
            len(above) <= share * 1200
            and tail.above(unit, threshold).sort().values.tolist() == above.tolist()
        )


def test_a_long_tail_is_thinned_and_keeps_its_bound():
    tail = StreamingQuantile(1, 0.5, 40 * MAX_POOL_SIZE)
    assert tail.thinning == 20
    for _ in range(8):
        used = tail.sample(5 * MAX_POOL_SIZE)
        assert used.sum() == 5 * MAX_POOL_SIZE / 20
        tail.add(0, torch.randn(5 * MAX_POOL_SIZE)[used], used.nonzero()[:, 0])
        assert len(tail._pools[0][0]) <= 2 * MAX_POOL_SIZE + 5 * MAX_POOL_SIZE / 20 + 2
    assert abs(float(tail.threshold())) < 0.04  # the median of a normal distribution


def test_photographs_have_no_concepts(tiny):
    with pytest.raises(ValueError, match="rendered pictures only, and this is a PhotographDataset"):
        dissect(tiny, photographs()[["chelsea", "coffee"]].dataset(96), "relu1")
