"""The parameter-randomisation check: it destroys what it says, in the order it says, and sees who notices."""

from __future__ import annotations

import oracles
import pytest
import scipy.stats
import torch
from torch import nn

from cnnlab.attribution import (
    gradient,
    parameter_randomisation,
    rank_correlation,
    structural_similarity,
)


def edges(model: nn.Module, images: torch.Tensor, classes) -> torch.Tensor:
    """What the check is there to catch: a map that has nothing to do with the network."""
    return (images - images.roll(1, -1)).abs().mean(1)


def test_a_map_of_the_picture_alone_is_caught(residual, pictures):
    result = parameter_randomisation(residual(), pictures, edges)
    assert torch.allclose(result.correlation, torch.ones(3, 8).double())
    assert torch.allclose(result.similarity, torch.ones(3, 8).double())


def test_a_map_of_the_network_changes(residual, pictures):
    result = parameter_randomisation(residual(), pictures, gradient)
    assert result.correlation.shape == (3, 8) and result.correlation[:, -1].abs().max() < 0.25
    assert (result.absolute_correlation[:, -1] < 0.5).all() and (result.similarity[:, -1] < 0.7).all()


def test_layers_go_from_the_last_to_the_first(residual, pictures):
    result = parameter_randomisation(residual(), pictures, edges)
    assert result.layers == ("head", "hidden", "norm3", "conv3", "norm2", "conv2", "norm1", "conv1")
    assert parameter_randomisation(residual(), pictures, edges, layers=["conv2", "head"]).layers == (
        "conv2",
        "head",
    )


def seen(model, pictures, **options) -> list[dict[str, torch.Tensor]]:
    """The weights of the networks that the technique was given."""
    states = []

    def technique(network, images, classes):
        states.append(
            {name: p.detach().clone() for name, p in network.named_parameters()} | {"classes": classes}
        )
        return edges(network, images, classes)

    parameter_randomisation(model, pictures, technique, **options)
    return states


@pytest.mark.parametrize("cascading", [True, False])
def test_each_step_shuffles_the_layers_it_should_and_no_other(residual, pictures, cascading):
    model = residual()
    predicted = model(pictures).argmax(1).tolist()
    original, first, second = seen(model, pictures, layers=["head", "conv2"], cascading=cascading)
    assert original["classes"] == first["classes"] == second["classes"] == predicted
    for state, changed in ((first, {"head"}), (second, {"head", "conv2"} if cascading else {"conv2"})):
        for name in original:
            if name == "classes":
                continue
            same = torch.equal(state[name], original[name])
            assert same == (name.split(".")[0] not in changed), name
            assert torch.equal(state[name].flatten().sort().values, original[name].flatten().sort().values)


def test_seeds_repeat(residual, pictures):
    first, again, other = (
        parameter_randomisation(residual(), pictures, gradient, 0, layers=["head"], seed=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.correlation, again.correlation)
    assert not torch.equal(first.correlation, other.correlation)


def test_signs_count_in_one_correlation_and_not_in_the_other(residual, pictures):
    signs = iter([1, -1])

    def technique(model, images, classes):
        return next(signs) * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))

    result = parameter_randomisation(residual(), pictures, technique, 0, layers=["head"])
    assert torch.allclose(result.correlation, -torch.ones(3, 1).double())
    assert torch.allclose(result.absolute_correlation, torch.ones(3, 1).double())


def test_maps_that_vanish_have_no_number(residual, pictures):
    result = parameter_randomisation(
        residual(), pictures, lambda m, images, c: images.mean(1) * 0, 0, layers=["head"]
    )
    assert result.correlation.isnan().all() and result.similarity.isnan().all()


def test_rank_correlation_matches_scipy():
    generator = torch.Generator().manual_seed(3)
    first = torch.randint(-3, 9, (4, 7, 5), generator=generator).clamp_min(0).double()  # full of ties
    second = first + torch.randint(0, 6, (4, 7, 5), generator=generator)
    expected = [
        scipy.stats.spearmanr(a.flatten(), b.flatten())[0] for a, b in zip(first, second, strict=True)
    ]
    assert torch.allclose(rank_correlation(first, second), torch.tensor(expected))
    assert torch.allclose(rank_correlation(first, first**3 + 2), torch.ones(4).double())
    second[0, 0, 0] = torch.nan
    assert rank_correlation(first, second).isnan().tolist() == [True, False, False, False]


def test_structural_similarity_is_what_its_formula_says():
    generator = torch.Generator().manual_seed(3)
    first = torch.rand(2, 13, 12, generator=generator).double()
    second = (first + 0.3 * torch.randn(2, 13, 12, generator=generator)).clamp(0, 1)
    expected = [oracles.structural_similarity(a, b) for a, b in zip(first, second, strict=True)]
    result = structural_similarity(first, second)
    assert result.tolist() == pytest.approx(expected, abs=1e-12) and 0.1 < result.min() < result.max() < 0.9
    assert structural_similarity(first, first).tolist() == pytest.approx([1, 1])


def test_impossible_questions_are_refused(residual, pictures):
    model = residual()
    with pytest.raises(ValueError, match='layer "conv9" is not in Residual'):
        parameter_randomisation(model, pictures, gradient, layers=["conv9"])
    with pytest.raises(ValueError, match='layer "pool" has no weights'):
        parameter_randomisation(model, pictures, gradient, layers=["pool"])
    with pytest.raises(ValueError, match="the technique must give"):
        parameter_randomisation(model, pictures, lambda m, images, c: images.mean((1, 2)), layers=["head"])
    with pytest.raises(ValueError, match="at least 11 pixels"):
        structural_similarity(torch.rand(1, 8, 8), torch.rand(1, 8, 8))
    with pytest.raises(ValueError, match="no layer of this network has weights"):
        parameter_randomisation(nn.Sequential(nn.Flatten()), pictures, edges, 0)
