"""Length, power, principal axes and whitening, against scikit-learn and by their definitions."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA

from cnnlab.features import l2, pca, power


def test_l2_keeps_directions_and_leaves_zeros(vectors):
    codes = l2(torch.cat([vectors, torch.zeros(1, 8)]))
    assert torch.allclose(codes[:60].norm(dim=1), torch.ones(60).double())
    assert torch.allclose(codes[:60] * vectors.norm(dim=1, keepdim=True), vectors)
    assert (codes[60] == 0).all()


def test_power_takes_the_root_and_keeps_the_sign():
    codes = torch.tensor([[4.0, -9.0, 0.0]])
    assert power(codes).tolist() == [[2, -3, 0]]
    assert torch.equal(power(codes, 1.0), codes)
    with pytest.raises(ValueError, match="alpha must be above 0 and at most 1"):
        power(codes, 0)


@pytest.mark.parametrize("shape", [(60, 8), (12, 40)])
def test_axes_are_those_of_scikit_learn(shape):
    train, test = torch.randn(2, *shape, dtype=torch.float64) @ torch.diag(
        torch.linspace(3, 0.2, shape[1]).double()
    )
    result, expected = pca(train + 3, 5), PCA(5).fit((train + 3).numpy())
    signs = torch.from_numpy(expected.components_ * result.axes.numpy()).sum(1)
    assert torch.allclose(signs.abs(), torch.ones(5).double())
    assert torch.allclose(result.deviation, torch.from_numpy(expected.explained_variance_).sqrt())
    assert torch.allclose(
        result.explained_variance_ratio, torch.from_numpy(expected.explained_variance_ratio_)
    )
    projected = torch.from_numpy(expected.transform(test.numpy()))
    assert torch.allclose(result.project(test), projected * signs)
    whitened = torch.from_numpy(PCA(5, whiten=True).fit((train + 3).numpy()).transform(test.numpy()))
    assert torch.allclose(result.whiten(test), whitened * signs)


def test_whitened_vectors_have_unit_covariance_on_their_own_split(vectors):
    codes = pca(vectors).whiten(vectors)
    assert codes.shape == (60, 8)
    assert torch.allclose(codes.mean(0), torch.zeros(8).double(), atol=1e-10)
    assert torch.allclose(codes.T.cov(), torch.eye(8).double(), atol=1e-8)


def test_all_axes_keep_all_distances(vectors):
    axes = pca(vectors)
    assert float(axes.explained_variance_ratio.sum()) == pytest.approx(1)
    kept, true = (torch.cdist(v, v) for v in (axes.project(vectors), vectors))
    assert torch.allclose(kept, true, atol=1e-6)


def test_fewer_dimensions_are_the_first_ones(vectors):
    axes = pca(vectors)
    assert torch.allclose(axes.whiten(vectors, 3), axes.whiten(vectors)[:, :3])
    assert torch.allclose(pca(vectors, 3).project(vectors), axes.project(vectors, 3))
    assert (axes.axes.gather(1, axes.axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_there_are_no_axes_along_which_nothing_varies(vectors):
    flat = torch.cat([vectors[:, :3], vectors[:, :3].sum(1, keepdim=True), torch.ones(60, 2)], 1)
    assert len(pca(flat).axes) == 3
    assert len(pca(torch.randn(6, 30)).axes) == 5
    with pytest.raises(ValueError, match="dimensions must be a whole number between 1 and 3"):
        pca(flat, 4)
    with pytest.raises(ValueError, match="all vectors are equal"):
        pca(torch.ones(5, 3))


def test_vectors_of_another_length_are_refused(vectors):
    with pytest.raises(ValueError, match="found for vectors of 8 numbers, but these have 7"):
        pca(vectors).project(vectors[:, :7])
