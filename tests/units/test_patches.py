"""The strongest patches, found while pictures stream by, against looking at everything at once."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from cnnlab.networks import activations, receptive_field
from cnnlab.units import top_patches


def brute_force(maps, k):
    """For each unit the k best (value, picture, row, column), by sorting all pictures; one place a picture."""
    result = []
    for unit in range(maps.shape[1]):
        positions = []
        for picture in range(len(maps)):
            rows, columns = maps.shape[2:]
            best = max(
                ((float(maps[picture, unit, r, c]), -r, -c) for r in range(rows) for c in range(columns)),
            )
            positions.append((-best[0], picture, -best[1], -best[2]))
        result.append(sorted(positions)[:k])
    return result


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_streaming_finds_what_brute_force_finds(tiny, floats, batch_size):
    result = top_patches(tiny, floats, k=4, batch_size=batch_size)
    maps = activations(tiny, floats, ["conv1", "conv2"])
    assert list(result) == ["conv1", "conv2"]
    for layer, patches in result.items():
        for unit, best in enumerate(brute_force(maps[layer], 4)):
            assert patches.value[unit].tolist() == pytest.approx([-value for value, *_ in best])
            assert patches.picture[unit].tolist() == [picture for _, picture, *_ in best]
            assert patches.position[unit].tolist() == [[row, column] for *_, row, column in best]


def test_boxes_are_the_receptive_fields_cut_at_the_border(tiny, floats):
    result = top_patches(tiny, floats, "conv2", k=5)
    field = receptive_field(tiny, "conv2")
    cut = 0
    for position, box in zip(
        result.position.flatten(0, 1).tolist(), result.box.flatten(0, 1).tolist(), strict=True
    ):
        assert tuple(box) == field.box(*position)
        top, left = (field.offset[axis] + field.stride[axis] * position[axis] for axis in (0, 1))
        bottom, right = top + field.size[0], left + field.size[1]
        assert box == [max(top, 0), max(left, 0), min(bottom, 20), min(right, 20)]
        cut += (top < 0) + (left < 0) + (bottom > 20) + (right > 20)
    assert cut > 10, "the border plays a part in this test"


def test_nothing_outside_the_box_matters(tiny, floats):
    result = top_patches(tiny, floats, "conv2", k=1)
    for unit in range(5):
        top, left, bottom, right = result.box[unit, 0].tolist()
        row, column = result.position[unit, 0].tolist()
        changed = torch.rand(3, 20, 20)
        changed[:, top:bottom, left:right] = result.crops(floats, unit)[0]
        value = activations(tiny, changed, "conv2")["conv2"][unit, row, column]
        assert float(value) == pytest.approx(float(result.value[unit, 0]))


def test_a_data_set_and_its_tensor_give_the_same(tiny, pictures, floats):
    from_set, from_tensor = (top_patches(tiny, p, "relu2", k=3) for p in (pictures, floats))
    assert torch.equal(from_set.picture, from_tensor.picture) and torch.equal(from_set.box, from_tensor.box)
    assert torch.allclose(from_set.value, from_tensor.value)
    for a, b in zip(from_set.crops(pictures, 1), from_tensor.crops(floats, 1), strict=True):
        assert torch.equal(a, b)


def test_memory_does_not_grow_with_the_number_of_pictures(tiny):
    """Of the pictures that a data set hands out, no more than two batches are ever alive, and of copies and maps no more either."""

    class Endless:
        def __init__(self):
            self.alive, self.most, self.held = weakref.WeakSet(), 0, []

        def __len__(self):
            return 60

        def __getitem__(self, index):
            if index % 6 == 0:
                tensors = (thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor))
                self.held.append(sum(tensor.numel() for tensor in tensors))
            picture = torch.rand(3, 20, 20)
            self.alive.add(picture)
            self.most = max(self.most, len(self.alive))
            return picture, 0

    data = Endless()
    top_patches(tiny, data, k=2, batch_size=6)
    assert data.most <= 12
    assert data.held[-1] - data.held[2] < 2 * 6 * 3 * 20 * 20, "eight batches later"


def test_where_pictures_tie_the_first_one_wins(tiny, floats):
    twice = torch.cat([floats[:5], floats[:5], floats[:5]])
    result = top_patches(tiny, twice, "conv1", k=15, batch_size=4)
    assert torch.equal(result.picture[:, 0::3] + 5, result.picture[:, 1::3])
    assert torch.equal(result.picture[:, 1::3] + 5, result.picture[:, 2::3])
    with torch.no_grad():
        tiny.conv1.weight.zero_()
    result = top_patches(tiny, floats, "conv1", k=3, batch_size=4)
    assert (result.picture == torch.arange(3)).all() and (result.position == 0).all()


def test_some_units_are_those_rows_of_all(tiny, floats):
    every, some = (
        top_patches(tiny, floats, "conv1", k=3),
        top_patches(tiny, floats, "conv1", k=3, units=[4, 1]),
    )
    assert some.units.tolist() == [4, 1]
    assert torch.equal(some.value, every.value[[4, 1]]) and torch.equal(some.box, every.box[[4, 1]])


def test_a_unit_of_a_fully_connected_layer_sees_the_whole_picture(tiny, floats):
    result = top_patches(tiny, floats, "fc4", k=2)
    best = activations(tiny, floats, "fc4")["fc4"].topk(2, dim=0)
    assert torch.equal(result.picture, best.indices.T) and torch.equal(result.value, best.values.T)
    assert (result.box == torch.tensor([0, 0, 20, 20])).all() and (result.position == 0).all()


def test_no_more_patches_than_pictures(tiny, floats):
    assert top_patches(tiny, floats[:3], "conv1", k=9).value.shape == (6, 3)
    assert top_patches(tiny, floats[0], "conv1").picture.unique().tolist() == [0]


def test_the_label_is_the_one_in_the_middle_of_the_field(tiny, pictures):
    result = top_patches(tiny, pictures, "conv1", k=3)
    maps = pictures.maps("part")
    labels = result.labels(maps)
    for unit in range(6):
        for rank in range(3):
            row, column = (2 * result.position[unit, rank]).tolist()  # stride 2, kernel 5, padding 2
            assert labels[unit, rank] == maps[result.picture[unit, rank], row, column]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layers": "conv9"}, ValueError, 'layer "conv9" is not in'),
        ({"layers": []}, ValueError, "layers is empty"),
        ({"k": 0}, ValueError, "k .patches for each unit. must be a whole number of at least 1"),
        ({"units": [6], "layers": "conv1"}, ValueError, "unit must be a whole number between 0 and 5"),
        ({"pictures": torch.zeros(0, 3, 20, 20)}, ValueError, "there are no pictures"),
        ({"pictures": 7}, TypeError, "pictures must be a tensor .* or a data set"),
        ({"pictures": torch.full((2, 3, 20, 20), 2.0)}, ValueError, r"must lie in \[0, 1\]"),
    ],
)
def test_bad_questions_are_refused(tiny, floats, change, error, message):
    with pytest.raises(error, match=message):
        top_patches(tiny, **{"pictures": floats, **change})
