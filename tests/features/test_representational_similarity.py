"""Comparisons of representations against numpy and scipy, and by what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from cnnlab.features import cka, compare_rdms, rdm


def test_the_matrix_is_that_of_numpy_and_scipy(vectors):
    assert torch.allclose(rdm(vectors), torch.from_numpy(1 - np.corrcoef(vectors.numpy())))
    expected = torch.from_numpy(squareform(pdist(vectors.numpy(), "sqeuclidean"))) / 8
    assert torch.allclose(rdm(vectors, "euclidean"), expected)
    assert (rdm(vectors).diagonal() == 0).all() and torch.equal(rdm(vectors), rdm(vectors).T)


def test_correlation_does_not_mind_scale_and_shift_of_a_picture(vectors):
    changed = vectors * torch.linspace(0.5, 3, 60)[:, None] + torch.randn(60, 1)
    assert torch.allclose(rdm(vectors), rdm(changed))


@pytest.mark.parametrize(("method", "oracle"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_matrices_are_compared_by_their_pairs(vectors, method, oracle):
    first, second = rdm(vectors), rdm(vectors[:, :3], "euclidean")
    above = np.triu_indices(60, 1)
    assert compare_rdms(first, second, method) == pytest.approx(
        float(oracle(first.numpy()[above], second.numpy()[above])[0])
    )
    assert compare_rdms(first, first) == pytest.approx(1)


def test_unrelated_representations_have_unrelated_matrices():
    assert abs(compare_rdms(rdm(torch.randn(60, 20)), rdm(torch.randn(60, 20)))) < 0.1


def test_cka_is_its_formula(vectors):
    first, second = vectors[:, :5], vectors[:, 4:].exp()
    a, b = first - first.mean(0), second - second.mean(0)
    expected = (b.T @ a).square().sum() / ((a.T @ a).norm() * (b.T @ b).norm())
    assert cka(first, second) == pytest.approx(float(expected))


def test_cka_does_not_mind_rotation_scale_and_shift(vectors):
    turn = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q
    assert cka(vectors, 3 * vectors @ turn + 7) == pytest.approx(1)
    assert cka(vectors, vectors.exp(), debiased=True) == pytest.approx(
        cka(vectors @ turn, vectors.exp(), debiased=True)
    )
    stretched = vectors * torch.logspace(0, 3, 8)
    assert cka(vectors, stretched) < 0.9, "a linear map that is no rotation changes it"


def test_debiasing_takes_away_what_few_pictures_add():
    generator = torch.Generator().manual_seed(9)
    first, second = torch.randn(2, 30, 1000, generator=generator)
    assert cka(first, second) > 0.9
    assert abs(cka(first, second, debiased=True)) < 0.2


def test_the_unbiased_product_is_a_sum_over_pictures_that_all_differ():
    """Song and others (2012): HSIC is an expectation over quadruples, so average over all of them without repetition."""
    codes, other = torch.randn(2, 6, 3, dtype=torch.float64)
    kernels = [c @ c.T for c in (codes, other)]

    def hsic(k, m):
        total, count = 0.0, 0
        for i in range(6):
            for j in range(6):
                for q in range(6):
                    for r in range(6):
                        if len({i, j, q, r}) == 4:
                            total += float(k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]))
                            count += 1
        return total / count

    expected = hsic(*kernels) / (hsic(kernels[0], kernels[0]) * hsic(kernels[1], kernels[1])) ** 0.5
    assert cka(codes, other, debiased=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda v: rdm(torch.ones(3, 4)), "row 0 is one number throughout"),
        (lambda v: rdm(v, "cosine"), "metric 'cosine' is not known"),
        (lambda v: compare_rdms(rdm(v), rdm(v[:9])), "both matrices must be N x N"),
        (lambda v: compare_rdms(torch.ones(4, 4), torch.ones(4, 4)), "same value for all pairs"),
        (lambda v: compare_rdms(rdm(v), rdm(v), "kendall"), "method 'kendall' is not known"),
        (lambda v: cka(v, v[:9]), "there are 60 and 9"),
        (lambda v: cka(v, torch.ones(60, 2)), "does not vary"),
    ],
)
def test_bad_comparisons_are_refused(vectors, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(vectors)
