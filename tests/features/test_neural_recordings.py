"""Recordings are checked when they are read; layers are matched to them; decoding and kernel analysis are what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from cnnlab.features import (
    Recordings,
    decode,
    extract_features,
    kernel_analysis,
    linear_probe,
    match_recordings,
    read_recordings,
    simulate_recordings,
    write_recordings,
)
from cnnlab.features.decoding import split
from cnnlab.networks import MiniAlexNet


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def poisson():
    """300 pictures, 30 sites, 8 trials: counts about means that vary over the pictures by a known amount."""
    generator = torch.Generator().manual_seed(1)
    means = 20 + 4 * torch.randn(300, 30, generator=generator)
    counts = torch.poisson(means[:, :, None].expand(-1, -1, 8).contiguous(), generator=generator)
    images = torch.zeros(300, 3, 4, 4, dtype=torch.uint8)
    return Recordings(counts, torch.arange(300) % 3, ("a", "b", "c"), images, False, "made up")


@pytest.fixture
def arrays(poisson, tmp_path):
    write_recordings(poisson, tmp_path / "whole.npz")
    with np.load(tmp_path / "whole.npz") as archive:
        return dict(archive)


# The file.


def test_a_file_comes_back_as_it_was_written(poisson, tmp_path):
    write_recordings(poisson, tmp_path / "one.npz")
    again = read_recordings(tmp_path / "one.npz")
    for name in ("responses", "labels", "images"):
        assert torch.equal(getattr(again, name), getattr(poisson, name))
    assert (again.class_names, again.simulated, again.description) == (("a", "b", "c"), False, "made up")
    assert again.title == "recordings"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("responses", None, "lacks responses; it must hold responses, labels"),
        ("simulated", None, "lacks simulated"),
        ("responses", np.zeros((300, 30)), "pictures x sites x trials, but came as float64 of shape"),
        ("responses", np.full((300, 1, 2), np.nan), "600 values that are not finite"),
        ("labels", np.zeros(299, int), "300 whole numbers, one for each picture"),
        ("labels", np.zeros(300), "300 whole numbers"),
        ("labels", np.full(300, 3), "labels must lie in 0 ... 2"),
        ("class_names", np.arange(3), "at least two strings"),
        ("images", np.zeros((300, 4, 4, 3)), "N x H x W x 3 bytes"),
        ("images", np.zeros((300, 3, 4, 4), np.uint8), "N x H x W x 3 bytes"),
        ("simulated", np.array("no"), "True or False"),
    ],
)
def test_what_does_not_fit_is_named(arrays, tmp_path, name, value, message):
    arrays = {**arrays, name: value} if value is not None else {k: v for k, v in arrays.items() if k != name}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        read_recordings(tmp_path / "bad.npz")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="npz archive"):
        read_recordings(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="no .npz archive"):
        read_recordings(tmp_path / "text.npz")
    np.savez(tmp_path / "pickled.npz", responses=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="plain arrays"):
        read_recordings(tmp_path / "pickled.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(ValueError, match="no .npz archive"):
        read_recordings(tmp_path / "single.npy")


# Noise and signal.


def test_noise_and_signal_are_found_in_poisson_counts(poisson):
    assert poisson.fano_factor().mean() == pytest.approx(1, abs=0.03)
    mean, signal = poisson.signal()
    assert mean.mean() == pytest.approx(20, abs=0.3) and signal.mean() == pytest.approx(4, abs=0.15)
    single, other = poisson.split_halves(3)
    assert torch.allclose((single + other) / 2, poisson.mean(), atol=1e-4) and not torch.equal(single, other)
    assert torch.allclose(poisson.mean(2), poisson.responses[:, :, :2].mean(2))


def test_a_single_trial_tells_nothing_of_the_noise(poisson):
    once = Recordings(poisson.responses[:, :, :1], poisson.labels, ("a", "b", "c"), poisson.images, False)
    with pytest.raises(ValueError, match="two trials"):
        once.fano_factor()


def test_a_simulated_population_says_so_and_follows_its_layer():
    model = MiniAlexNet(["cat", "dog"]).eval()
    images = torch.randint(
        0, 256, (12, 3, 96, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    options = {"layer": "relu2", "sites": 5, "trials": 400, "units_per_site": 1, "rate": 20.0}
    result = simulate_recordings(model, images, torch.arange(12) % 2, ("cat", "dog"), **options)
    assert result.simulated and result.title == "simulated population" and "No animal" in result.description
    assert result.responses.shape == (12, 5, 400) and result.fano_factor().mean() == pytest.approx(1, abs=0.1)
    codes = extract_features(model, images.float() / 255, "relu2", "mean")
    together = torch.corrcoef(torch.cat([result.mean(), codes], 1).T)[:5, 5:]
    assert together.nan_to_num().abs().amax(1).min() > 0.95


# A layer on equal terms.


def test_matched_units_have_the_recorded_noise_and_signal(poisson):
    codes = random_tensor(300, 40, seed=2)
    clean = match_recordings(codes, poisson, 30, noise=0.0, seed=5)
    noisy = match_recordings(codes, poisson, 30, seed=5)
    assert clean.std(0).mean() == pytest.approx(4, abs=0.3) and clean.mean() == pytest.approx(20, abs=0.5)
    spread = (noisy - clean).var() / (clean.mean() / 8)
    assert spread == pytest.approx(1, abs=0.1), "Poisson variance, averaged over eight trials"
    single = match_recordings(codes, poisson, 30, trials=1, seed=5)
    assert (single - clean).var() / (noisy - clean).var() == pytest.approx(8, rel=0.01)


def test_matching_needs_units_that_vary_and_the_same_pictures(poisson):
    flat = torch.cat([random_tensor(300, 3), torch.ones(300, 9)], 1)
    assert match_recordings(flat, poisson, 3).shape == (300, 3)
    with pytest.raises(ValueError, match="only 3 of the layer vary"):
        match_recordings(flat, poisson, 4)
    with pytest.raises(ValueError, match="300 recorded pictures, but there are 10"):
        match_recordings(flat[:10], poisson, 2)
    with pytest.raises(ValueError, match="0 or more"):
        match_recordings(flat, poisson, 2, noise=-1)


# Decoding.


def test_decoding_is_a_probe_of_units_drawn_and_pictures_left_out():
    labels = torch.arange(40) % 2
    population = random_tensor(40, 12) + labels[:, None]
    result = decode(population, labels, units=(3, 12), draws=2)
    learnt, tried = split(labels, 0.6, 1)
    assert len(learnt) == 24 and not set(learnt.tolist()) & set(tried.tolist())
    assert labels[learnt].bincount().tolist() == [12, 12]
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    chosen = population[:, order[:3]]
    expected = linear_probe(chosen[learnt], labels[learnt], chosen[tried], labels[tried], kind="svm")
    assert result.accuracy[0, 1] == pytest.approx(expected.accuracy) and result.chance == 0.5
    whole = decode(lambda units, seed: population[:, :units], labels, units=(12,), draws=1)
    assert whole.accuracy[0, 0] == result.accuracy[1, 0], "a function is asked like a table"


def test_too_many_units_or_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="13 units were asked for, but the population has 12"):
        decode(random_tensor(8, 12), torch.arange(8) % 2, units=(13,))
    with pytest.raises(ValueError, match="single picture"):
        decode(random_tensor(3, 4), torch.tensor([0, 0, 1]), units=(2,))


# Kernel analysis.


def test_precision_is_that_of_leaving_each_picture_out():
    codes, labels = random_tensor(14, 3).double(), torch.arange(14) % 3
    result = kernel_analysis(codes, labels, complexities=(0.5, 20.0), quantiles=(0.5,))
    pairs = torch.pdist(codes)
    gamma = float(1 / (2 * pairs.quantile(0.5) ** 2))
    answers = torch.nn.functional.one_hot(labels).double()
    answers = answers - answers.mean(0)
    for complexity, precision in zip((0.5, 20.0), result.precision, strict=True):
        error = 0.0
        for left in range(14):
            rest = [row for row in range(14) if row != left]
            ridge = KernelRidge(alpha=1 / complexity, kernel="rbf", gamma=gamma).fit(
                codes[rest], answers[rest]
            )
            error += ((ridge.predict(codes[left : left + 1]) - answers[left].numpy()) ** 2).sum()
        assert float(precision) == pytest.approx(1 - error / float(answers.square().sum()), abs=1e-9)


def test_a_better_representation_is_precise_at_less_complexity():
    labels = torch.arange(60) % 3
    signal = 6 * torch.nn.functional.one_hot(labels).float()
    clear, hidden = signal + random_tensor(60, 3), signal / 6 + random_tensor(60, 3)
    assert kernel_analysis(clear, labels).area > kernel_analysis(hidden, labels).area
    assert kernel_analysis(random_tensor(60, 3, seed=9), labels).precision.max() < 0.2


def test_kernel_analysis_needs_classes_and_differences():
    with pytest.raises(ValueError, match="one class only"):
        kernel_analysis(random_tensor(5, 2), [0] * 5)
    with pytest.raises(ValueError, match="same vector"):
        kernel_analysis(torch.ones(4, 2), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="above 0"):
        kernel_analysis(random_tensor(4, 2), [0, 1, 0, 1], complexities=(0.0,))
