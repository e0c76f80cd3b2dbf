"""Maps of codes, and grids on which pictures do not overlap."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from sklearn.decomposition import PCA

from cnnlab.features import embed, grid_assignment, pca


def test_pca_is_that_of_scikit_learn_up_to_the_sign_of_an_axis(vectors):
    expected = torch.from_numpy(PCA(2).fit_transform(vectors.numpy())).float()
    result = embed(vectors, "pca")
    assert torch.allclose(result.abs(), expected.abs(), atol=1e-5)
    assert torch.equal(result, embed(vectors, "pca"))


def test_tsne_shows_groups_and_repeats_with_its_seed():
    generator = torch.Generator().manual_seed(2)
    groups = torch.randn(60, 30, generator=generator) + 8 * (torch.arange(60) % 2)[:, None]
    result = embed(groups, perplexity=10, seed=3)
    assert result.shape == (60, 2) and torch.equal(result, embed(groups, perplexity=10, seed=3))
    table = torch.cdist(result, result).fill_diagonal_(torch.inf)
    assert (table.argmin(1) % 2 == torch.arange(60) % 2).all()
    middles = torch.stack([result[0::2].mean(0), result[1::2].mean(0)])
    spread = max(float((result[i::2] - middles[i]).norm(dim=1).mean()) for i in (0, 1))
    assert float((middles[0] - middles[1]).norm()) > 2 * spread


def test_only_the_first_components_are_looked_at():
    """A map from two components is the map of the vectors brought to their first two components."""
    basis = torch.linalg.qr(torch.randn(40, 40, dtype=torch.float64)).Q
    large, small = torch.randn(30, 2).double() @ basis[:2] * 50, torch.randn(30, 38).double() @ basis[2:]
    plane = pca(large + small, 2).project(large + small)
    assert torch.allclose(embed(large + small, perplexity=5, pca_components=2), embed(plane, perplexity=5))


def test_vectors_on_a_line_have_a_map_too():
    assert embed(torch.arange(12.0)[:, None] * torch.ones(4), perplexity=3).isfinite().all()


def test_the_grid_is_the_cheapest_of_all():
    points = torch.rand(6, 2, generator=torch.Generator().manual_seed(5))
    cells = grid_assignment(points, columns=3)
    low, high = points.aminmax(dim=0)
    position = (points - low) / (high - low)
    expected = torch.stack([1 - position[:, 1], 2 * position[:, 0]], 1)
    every = [torch.tensor([divmod(cell, 3) for cell in order]) for order in permutations(range(6))]
    costs = [float((expected - order).square().sum()) for order in every]
    assert float((expected - cells).square().sum()) == pytest.approx(min(costs))


def test_points_on_a_grid_stay_where_they_are():
    cells = torch.cartesian_prod(torch.arange(4), torch.arange(5))
    points = torch.stack([cells[:, 1].float(), -cells[:, 0].float()], 1) * 7 + 3
    order = torch.randperm(20)
    assert torch.equal(grid_assignment(points[order], columns=5), cells[order])


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(10, None, (3, 4)), (16, None, (4, 4)), (7, 2, (4, 2)), (1, None, (1, 1))]
)
def test_every_point_has_a_cell_of_its_own(count, columns, shape):
    cells = grid_assignment(torch.randn(count, 2), columns)
    assert len({tuple(cell) for cell in cells.tolist()}) == count
    assert (cells >= 0).all() and (cells < torch.tensor(shape)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "umap"}, "method 'umap' is not known"),
        ({"perplexity": 60}, "perplexity must be above 0 and less than the 60 points"),
        ({"perplexity": -1}, "perplexity must be above 0"),
        ({"pca_components": 0}, "pca_components must be a whole number of at least 2"),
    ],
)
def test_bad_maps_are_refused(vectors, options, message):
    with pytest.raises(ValueError, match=message):
        embed(vectors, **options)


def test_a_grid_needs_points_in_the_plane(vectors):
    with pytest.raises(ValueError, match="points must be N x 2"):
        grid_assignment(vectors)
