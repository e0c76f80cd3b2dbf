"""The activation atlas: known vectors fall into known cells, and vectors are those of the layer."""

from __future__ import annotations

import pytest
import torch

from cnnlab.features import activation_atlas, embed, sample_vectors
from cnnlab.networks import activations


def test_known_vectors_are_averaged_in_known_cells():
    chance = torch.Generator().manual_seed(1)
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    group = torch.arange(4).repeat(10)
    points = corners[group] + 0.1 * torch.rand(40, 2, generator=chance)
    vectors = torch.randn(40, 7, generator=chance) + 10 * group[:, None]
    atlas = activation_atlas(vectors, points, columns=2, outside=0)
    assert atlas.cells.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]], "row 0 is at the top"
    for cell, number in enumerate([2, 3, 0, 1]):
        assert torch.allclose(atlas.means[cell], vectors[group == number].mean(0), atol=1e-5)
        assert torch.equal(atlas.member == cell, group == number)
    assert atlas.counts.tolist() == [10] * 4
    assert torch.allclose(atlas.average(group.double()), torch.tensor([2.0, 3, 0, 1]).double())


def test_sparse_cells_and_far_points_are_left_out():
    points = torch.cat(
        [torch.rand(50, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([[99.0, 99]])]
    )
    atlas = activation_atlas(torch.ones(51, 2), points, columns=5, least=2, outside=0.02)
    assert atlas.member[-1] == -1 and int(atlas.counts.min()) >= 2
    assert int((atlas.member >= 0).sum()) == int(atlas.counts.sum())
    with pytest.raises(ValueError, match="no cell of 5 x 5 holds 60"):
        activation_atlas(torch.ones(51, 2), points, columns=5, least=60)
    with pytest.raises(ValueError, match="51 x 2"):
        activation_atlas(torch.ones(51, 2), points[:50], columns=5)


def test_vectors_are_the_layers_at_their_places_and_repeat(tiny, pictures):
    sample = sample_vectors(tiny, pictures, "relu", per_picture=3, seed=4, batch_size=4)
    maps = activations(tiny, pictures, "relu")["relu"]
    rows, columns = (sample.place * 12 - 0.5).round().long().T
    assert torch.equal(sample.vectors, maps[sample.picture, :, rows, columns])
    assert sample.picture.tolist() == [number for number in range(11) for _ in range(3)]
    again = sample_vectors(tiny, pictures, "relu", per_picture=3, seed=4, batch_size=11)
    assert torch.equal(again.vectors, sample.vectors), "whatever the batches"
    with pytest.raises(ValueError, match="has no maps"):
        sample_vectors(tiny, pictures, "fc")
    with pytest.raises(ValueError, match="144 positions"):
        sample_vectors(tiny, pictures, "relu", per_picture=145)


def test_two_clusters_of_a_layer_become_two_cells():
    """Vectors of two kinds, far apart on their map: each kind has its own cell, whose mean is the kind's."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.tensor([[4.0, 0.0, 1.0], [0.0, 3.0, 1.0]])
    of_kind = torch.arange(400) % 2
    vectors = kinds[of_kind] + 0.01 * torch.randn(400, 3, generator=generator)
    atlas = activation_atlas(vectors, embed(vectors, seed=0), columns=6)
    share = atlas.average(of_kind)
    assert ((share == 0) | (share == 1)).all() and 0 < share.sum() < len(share)
    assert torch.allclose(atlas.means, kinds[share.long()], atol=0.05)
    apart = torch.cdist(atlas.cells[share == 0].double(), atlas.cells[share == 1].double())
    assert apart.min() >= 1 and (share == 0).sum() > 1


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.half, torch.long, torch.double])
def test_means_of_bytes_and_halves_do_not_overflow(kind):
    values = torch.full((2000,), 200).to(kind)
    points = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0))
    atlas = activation_atlas(points, points, columns=2)
    assert torch.allclose(atlas.average(values).double(), values[:1].double().expand(4))
    with pytest.raises(ValueError, match="a value for each of 2000 vectors, but 5 came"):
        atlas.average(values[:5])
    assert torch.equal(atlas.average(values.tolist()), atlas.average(values.float())), "a list will do"
