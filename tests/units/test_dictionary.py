"""A sparse dictionary: the planted one is found, as scikit-learn finds it, and a unit that sums two concepts is taken apart."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import MiniBatchDictionaryLearning
from torch import nn
from unchanged import state

from cnnlab.networks import activations, layer_names
from cnnlab.units import (
    SparseDictionary,
    activation_vectors,
    codes_of,
    dictionary_fit,
    dissect,
    fit_dictionary,
    with_dictionary,
)
from cnnlab.world import NAMES


@pytest.fixture(scope="module")
def planted():
    """24 directions in 16 dimensions, and 10 000 vectors that are sums of two of them on average."""
    generator = torch.Generator().manual_seed(0)
    atoms = nn.functional.normalize(torch.randn(16, 24, generator=generator), dim=0)
    active = torch.rand(10_000, 24, generator=generator) < 2 / 24
    return atoms, active * (0.5 + torch.rand(10_000, 24, generator=generator)) @ atoms.T


def likeness(found: torch.Tensor, planted: torch.Tensor) -> torch.Tensor:
    """For each planted direction the cosine with the nearest one that was found (both C x K)."""
    return (nn.functional.normalize(found, dim=0).T @ planted).amax(0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_planted_dictionary_is_found_as_scikit_learn_finds_it(planted):
    atoms, vectors = planted
    ours = fit_dictionary(vectors, 24, sparsity=0.2, steps=1500)
    assert likeness(ours.atoms, atoms).min() > 0.9 and likeness(ours.atoms, atoms).median() > 0.98
    theirs = MiniBatchDictionaryLearning(
        24, alpha=0.3, batch_size=256, max_iter=30, positive_code=True, fit_algorithm="cd", random_state=0
    )
    found = torch.from_numpy(theirs.fit(vectors.numpy()).components_).float().T
    alike = likeness(ours.atoms, nn.functional.normalize(found, dim=0))
    assert alike.median() > 0.95
    fit = dictionary_fit(ours, vectors)
    assert fit.explained > 0.85 and fit.dead == 0 and 1 < fit.active < 8


def test_a_larger_penalty_leaves_fewer_atoms_active(planted):
    few, many = (
        dictionary_fit(fit_dictionary(planted[1], 24, sparsity=s, steps=300), planted[1]) for s in (0.4, 0.02)
    )
    assert few.active < many.active and few.explained < many.explained


def test_the_same_seed_gives_the_same_dictionary_and_the_units_of_the_vectors_are_kept(planted):
    one, two = (fit_dictionary(planted[1], 20, steps=50, seed=3).atoms for _ in range(2))
    assert torch.equal(one, two) and torch.allclose(one.norm(dim=0), torch.ones(20))
    # Of vectors a hundred times as long, shifted: the same directions, and codes a hundred times as large.
    moved = fit_dictionary(100 * planted[1] + 7, 20, steps=50, seed=3)
    plain = fit_dictionary(planted[1], 20, steps=50, seed=3)
    maps = planted[1][:50].T[None, :, :, None]
    assert torch.allclose(moved.encode(100 * maps + 7), 100 * plain.encode(maps), atol=0.2)
    assert torch.allclose(moved(100 * maps + 7), 100 * plain(maps) + 7, atol=0.3)


class Colours:
    """Dark pictures with patches of red, green and blue, one or two each, and where they are."""

    def __init__(self, count: int = 80):
        generator = torch.Generator().manual_seed(1)
        self.pictures = torch.zeros(count, 3, 20, 20)
        self.colour = torch.zeros(count, 20, 20, dtype=torch.uint8)
        for picture, labels in zip(self.pictures, self.colour, strict=True):
            for channel, name in enumerate(("red", "green", "blue")):
                top, left = torch.randint(0, 15, (2,), generator=generator).tolist()
                window = slice(top, top + 5), slice(left, left + 5)
                picture[(slice(None), *window)] = 0
                picture[(channel, *window)] = 0.5 + 0.5 * torch.rand(1, generator=generator)
                labels[window] = NAMES["colour"].index(name)
        self.images, self.labels = (self.pictures * 255).byte(), torch.zeros(count)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].float() / 255, 0

    def maps(self, category):
        return self.colour


def test_a_unit_that_sums_two_concepts_is_split():
    """Three units, each the sum of two colours, so that none is one colour; atoms of the dictionary are."""
    data, model = Colours(), nn.Sequential()
    model.input_size = 20
    model.add_module("mixed", nn.Conv2d(3, 3, 1, bias=False))
    model.add_module("relu", nn.ReLU())
    model.add_module("head", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    model.mixed.weight.data = torch.tensor([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]])[:, :, None, None]
    options = {"quantile": 0.06, "categories": ["colour"], "pixel_step": 1, "min_pictures": 1}
    before = dissect(model.eval(), data, "relu", **options)
    vectors = activation_vectors(model, data, "relu", 20_000)
    twin = with_dictionary(model, "relu", fit_dictionary(vectors, 6, sparsity=0.1, steps=1500))
    after = dissect(twin, data, codes_of("relu"), **options)
    assert before.iou.amax(0).min() < 0.5 and set(before.concepts) == {"red", "green", "blue"}
    assert after.iou.amax(0).min() > 0.8
    assert after.unique_detectors(0.5) == 3 > before.unique_detectors(0.5)


def test_the_twin_computes_with_the_reconstruction_and_the_network_is_left_alone(tiny, floats):
    dictionary = SparseDictionary(5, 9).double()
    before = state(tiny)
    twin = with_dictionary(tiny, "conv2", dictionary)
    assert state(tiny) == before and codes_of("conv2") in layer_names(twin)
    maps = activations(tiny, floats, "conv2")["conv2"]
    codes = activations(twin, floats, codes_of("conv2"))[codes_of("conv2")]
    assert torch.allclose(codes, dictionary.encode(maps))
    passed_on = activations(twin, floats, "conv2.dictionary")["conv2.dictionary"]
    assert torch.allclose(passed_on, dictionary.decode(codes))
    with pytest.raises(ValueError, match="conv9"):
        with_dictionary(tiny, "conv9", dictionary)


def test_a_perfect_dictionary_changes_nothing(tiny, floats):
    """Each unit, which is never below 0 behind a ReLU, is its own atom."""
    identity = SparseDictionary(5, 5).double()
    for part in (identity.codes[0], identity.decoder):
        part.weight.data = torch.eye(5, dtype=torch.double)[:, :, None, None]
        part.bias.data.zero_()
    tiny.eval()
    with torch.no_grad():
        assert torch.allclose(
            with_dictionary(tiny, "relu2", identity)(floats.double()), tiny(floats.double())
        )


def test_vectors_are_rows_of_activations_as_many_of_each_picture(tiny, floats):
    vectors = activation_vectors(tiny, floats, "conv2", count=46, batch_size=7)
    maps = activations(tiny, floats, "conv2")["conv2"]  # 23 x 5 x 5 x 5
    assert vectors.shape == (46, 5)
    for picture, pair in zip(maps, vectors.view(23, 2, 5), strict=True):
        rows = picture.flatten(1).T
        assert all(any(torch.allclose(row, one) for row in rows) for one in pair)


def test_of_a_data_set_in_order_no_picture_is_left_out(tiny, floats):
    """23 pictures and 30 vectors: some give two, some one, at random; the last ones too."""
    maps = activations(tiny, floats, "conv2")["conv2"].flatten(2).transpose(1, 2)
    vectors = activation_vectors(tiny, floats, "conv2", count=30)
    near = (vectors[:, None, None] - maps).norm(dim=3) < 1e-9  # 30 x 23 x 25
    from_picture = near.any(2).double().argmax(1)
    assert vectors.shape == (30, 5) and near.any(2).any(1).all()
    assert from_picture.max() > 20 and len(from_picture.unique()) > 15
    few = activation_vectors(tiny, floats, "conv2", count=4)
    assert (few[:, None, None] - maps).norm(dim=3).amin(2).argmin(1).max() > 6


def test_vectors_of_any_length_give_the_same_dictionary(planted):
    """Squares of 1e30 and of 1e-30 are no floats of 32 bits."""
    plain = fit_dictionary(planted[1], 20, steps=30, seed=3)
    for factor in (1e30, 1e-30):
        far = fit_dictionary(planted[1] * factor, 20, steps=30, seed=3)
        assert torch.allclose(far.atoms, plain.atoms, atol=1e-3)
        assert dictionary_fit(far, planted[1] * factor).explained == pytest.approx(
            dictionary_fit(plain, planted[1]).explained, abs=1e-3
        )


def test_more_atoms_than_vectors_and_dead_atoms_are_counted():
    vectors = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))
    fit = dictionary_fit(fit_dictionary(vectors, 30, steps=400, sparsity=0.01), vectors)
    assert 0.5 < fit.explained <= 1 and fit.dead < 30
    silent = SparseDictionary(4, 6)
    nn.init.constant_(silent.codes[0].bias, -100.0)
    silent.decoder.bias.data = vectors.mean(0)
    fit = dictionary_fit(silent, vectors)
    assert (fit.active, fit.dead) == (0, 6) and fit.explained == pytest.approx(0, abs=1e-6)


def test_a_dictionary_is_fitted_and_judged_in_inference_mode_and_in_any_precision(planted):
    expected = fit_dictionary(planted[1][:500], 8, steps=10)
    with torch.inference_mode():
        found = fit_dictionary(planted[1][:500] * 1, 8, steps=10)
    assert torch.allclose(found.atoms, expected.atoms)
    judged = dictionary_fit(expected.double(), planted[1]).explained
    assert judged == pytest.approx(dictionary_fit(expected.float(), planted[1].double()).explained, abs=1e-5)


def test_nothing_to_take_apart_is_said(tiny, floats):
    with pytest.raises(ValueError, match="M x C floats"):
        fit_dictionary(torch.rand(2, 3, 4), 5)
    dictionary = SparseDictionary(3, 5)
    for judge in (lambda vectors: fit_dictionary(vectors, 5), lambda v: dictionary_fit(dictionary, v)):
        with pytest.raises(ValueError, match="all the same"):
            judge(torch.ones(9, 3))
        with pytest.raises(ValueError, match="not finite"):
            judge(torch.tensor([[1.0, 2, 3], [torch.nan, 0, 0]]))
        with pytest.raises(ValueError, match=r"2 positions or more.*\(1, 3\)"):
            judge(torch.rand(1, 3))
    with pytest.raises(ValueError, match="sparsity must be 0 or above and .*, but got -1 and 0.003"):
        fit_dictionary(torch.rand(9, 3), 5, sparsity=-1)
    with pytest.raises(ValueError, match="learning_rate above 0, but got 0.1 and inf"):
        fit_dictionary(torch.rand(9, 3), 5, learning_rate=float("inf"))
    with pytest.raises(ValueError, match=r"maps N x 3 x h x w, but they came as \(2, 5, 4, 4\)"):
        dictionary(torch.rand(2, 5, 4, 4))
    with pytest.raises(ValueError, match="atoms must be"):
        SparseDictionary(3, 0)
    with pytest.raises(ValueError, match="has no maps"):
        activation_vectors(tiny, floats, "fc3", 20)
    with pytest.raises(ValueError, match="no pictures"):
        activation_vectors(tiny, floats[:0], "conv2", 20)
