import re
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnlab import world
from cnnlab.networks import (
    architectures,
    checkpoints,
    data_loading,
    evaluation,
    training,
    training_log,
    weight_averaging,
    weight_files,
)
from cnnlab.networks.recipes import RECIPES, TrainingConfig

COLOURS = ("red", "green", "blue")


class Squares:
    """A stand-in for the world's data sets: noisy squares of one colour, in bytes with colour last in memory."""

    def __init__(self, n, size=16, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.class_names = COLOURS
        self.labels = torch.arange(n) % 3
        pixels = torch.randint(0, 120, (n, size, size, 3), generator=generator, dtype=torch.uint8)
        for picture, label in zip(pixels, self.labels, strict=True):
            picture[4:12, 4:12, label] += 120
        self.images = pixels.permute(0, 3, 1, 2)

    def __len__(self):
        return len(self.labels)


class Tiny(nn.Sequential):
    def __init__(self, classes):
        super().__init__()
        self.name, self.class_names, self.input_size = "tiny", tuple(classes), 16
        self.conv1 = nn.Conv2d(3, 6, 5, 2, 2, bias=False)
        self.norm1 = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.drop2 = nn.Dropout(0.2)
        self.fc2 = nn.Linear(6 * 64, len(self.class_names))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A network and a data set that train in a moment, and folders of their own."""
    splits = {"train": 0, "validation": 1}
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weight_files, "FOLDER", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(architectures, "Tiny", Tiny, raising=False)
    monkeypatch.setattr(world, "dataset", lambda split, *, n, **options: Squares(n, seed=splits[split]))
    config = TrainingConfig(
        "Tiny", "a try", pictures=52, validation=30, batch_size=8, epochs=3, shift=2, average_steps=5
    )
    monkeypatch.setitem(RECIPES, "tiny", config)
    return tmp_path


@pytest.fixture
def interrupted(monkeypatch):
    """Makes the training stop, as by Ctrl-C, in the middle of epoch `number` (counted from 0)."""

    def arm(number):
        whole = training.training_batches

        def until_stopped(dataset, config, generator, device):
            for step, batch in enumerate(whole(dataset, config, generator, device)):
                if arm.epoch == number and step == 2:
                    arm.epoch += 1
                    raise KeyboardInterrupt
                yield batch
            arm.epoch += 1

        arm.epoch = 0
        monkeypatch.setattr(training, "training_batches", until_stopped)

    return arm


def train(**options):
    return training.train("tiny", progress=False, threads=1, **options)


def test_training_learns_and_its_card_tells_how_it_was_done(tiny):
    card = train(epochs=8, out=tiny)
    assert card["accuracy"] > 0.8 > card["history"]["accuracy"][0]
    assert {len(values) for values in card["history"].values()} == {8}
    assert card["history"]["loss"][-1] < card["history"]["loss"][0]
    assert card["classes"] == list(COLOURS)
    assert card["plan"]["epochs"] == 8
    assert card["data"]["pictures"] == 52
    assert card["threads"] == 1
    assert card["machine"]["device"] in {"cpu", "cuda"}
    assert card["seconds"] >= 0
    assert set(card) >= {"purpose", "architecture", "seed", "parameters", "bytes", "torch", "sha256"}


def test_the_accuracy_on_the_card_is_that_of_the_weights_in_the_file(tiny):
    card = train(out=tiny)
    model = Tiny(COLOURS)
    model.load_state_dict(weight_files.read_weights(tiny / "tiny.safetensors")[0])
    result = training.evaluate(model, Squares(30, seed=1))
    assert result.accuracy == card["accuracy"]
    assert result.confidence_median == pytest.approx(card["confidence_median"], rel=1e-5)


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_training_ends_with_the_same_weights_to_the_bit(tiny, interrupted, stop):
    straight = train(out=tiny / "straight")
    interrupted(stop)
    with pytest.raises(KeyboardInterrupt, match=rf"stopped after {stop} of 3 epochs.*cnnlab train tiny"):
        train(out=tiny / "resumed")
    assert list(checkpoints.folder("tiny").glob("*.checkpoint"))
    resumed = train(out=tiny / "resumed")
    expected, result = (
        weight_files.read_weights(tiny / f"{name}.safetensors")[0] for name in ("straight", "resumed")
    )
    assert all(torch.equal(expected[key], result[key]) for key in expected)
    assert straight["sha256"] == resumed["sha256"]
    assert straight["history"] == resumed["history"]
    assert not list(checkpoints.folder("tiny").glob("*"))


def test_another_seed_gives_other_weights(tiny):
    assert train(seed=1)["sha256"] != train(seed=2)["sha256"]


def test_an_interruption_before_the_first_checkpoint_promises_nothing(tiny, interrupted):
    interrupted(0)
    with pytest.raises(KeyboardInterrupt, match="nothing is kept yet"):
        train()


def test_without_resume_the_training_starts_anew(tiny, interrupted, capsys):
    interrupted(1)
    with pytest.raises(KeyboardInterrupt):
        train()
    training.train("tiny", threads=1, resume=False)
    assert "going on" not in capsys.readouterr().out


def test_a_damaged_checkpoint_is_noticed(tiny, interrupted):
    interrupted(2)
    with pytest.raises(KeyboardInterrupt):
        train()
    (file,) = checkpoints.folder("tiny").glob("*.checkpoint")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="damaged; the training starts from the beginning"):
        card = train()
    assert len(card["history"]["loss"]) == 3


def test_a_cache_that_cannot_be_written_costs_a_warning_not_the_training(tiny, monkeypatch):
    (tiny / "file").write_text("not a folder")
    monkeypatch.setenv("CNNLAB_CACHE", str(tiny / "file"))
    with pytest.warns(UserWarning, match="no checkpoint after epoch"):
        assert train(out=tiny)["sha256"]


def test_chance_comes_from_the_seed_and_the_global_generator_stays_as_it_was(tiny):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = train()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert train()["sha256"] == first["sha256"]


def test_threads_are_left_as_they_were(tiny):
    before = torch.get_num_threads()
    training.train("tiny", progress=False, threads=before + 1, epochs=1)
    assert torch.get_num_threads() == before


def test_a_try_does_not_replace_the_shipped_network(tiny, capsys):
    training.train("tiny", epochs=1, threads=1)
    assert weight_files.shipped() == []
    assert (checkpoints.folder("tiny") / "tiny.safetensors").exists()
    training.train("tiny", threads=1)
    assert weight_files.shipped() == ["tiny"]
    assert re.search(r"epoch 3 of 3: [▁-█]{3} loss", capsys.readouterr().out)


def test_whoever_watches_is_told_the_history_after_each_epoch(tiny):
    seen = []
    card = training.train("tiny", threads=1, progress=False, on_epoch=seen.append)
    assert [len(history["loss"]) for history in seen] == [1, 2, 3]
    assert seen[-1] == card["history"]


def test_a_curve_in_a_line_rises_and_falls_with_its_numbers():
    assert training_log.sparkline([0.0, 3.5, 7.0]) in ("▁▄█", "▁▅█")
    assert training_log.sparkline([2.0, 2.0]) == "▁▁"
    assert training_log.sparkline(range(100), width=8) == "▁▂▃▄▅▆▇█"


def test_a_place_that_cannot_be_written_is_noticed_before_the_training(tiny, monkeypatch):
    monkeypatch.setattr(training.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="name another place with `out`"):
        train()
    assert not checkpoints.folder("tiny").exists()


def test_an_interruption_of_the_last_touches_loses_no_epoch(tiny, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "finish_run", stopped)
    with pytest.raises(KeyboardInterrupt, match="after 3 of 3 epochs; the same command goes on"):
        train()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"name": "mini_alexnett"}, ValueError, 'Did you mean "mini_alexnet"'),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"pictures": -1}, ValueError, "pictures"),
        ({"seed": 0.5}, TypeError, "seed"),
        ({"threads": 0}, ValueError, "threads"),
    ],
)
def test_bad_input_is_refused_before_anything_is_done(tiny, options, error, says):
    with pytest.raises(error, match=says):
        training.train(**{"name": "tiny", "progress": False, **options})


def test_a_loss_that_is_not_finite_is_said(tiny, monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", replace(RECIPES["tiny"], peak_rate=1e30))
    with pytest.raises(FloatingPointError, match="peak_rate"):
        train()


def test_mini_alexnet_follows_its_plan():
    config = RECIPES["mini_alexnet"]
    model = training.start_run("mini_alexnet", config, COLOURS, 0).model
    first, others, plain = training.parameter_groups(model, config)
    assert first["params"][0] is model.conv1.weight and first["weight_decay"] == 2e-2
    assert all(p.dim() > 1 for p in others["params"]) and others["weight_decay"] == 5e-4
    assert all(p.dim() == 1 for p in plain["params"]) and plain["weight_decay"] == 0
    assert sum(len(g["params"]) for g in (first, others, plain)) == len(list(model.parameters()))


def test_the_rate_rises_to_the_peak_and_falls_to_zero():
    config = RECIPES["mini_alexnet"]
    rates = [training.one_cycle_rate(step / 1000, config) for step in range(1001)]
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(config.peak_rate) and top == 1000 * config.warm_up
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_the_average_is_the_plain_mean_until_it_forgets(tiny):
    run = training.start_run("tiny", replace(RECIPES["tiny"], average_steps=4), COLOURS, 0)
    for value in (1.0, 2.0, 3.0, 6.0, 11.0):
        nn.init.constant_(run.model.fc2.bias, value)
        weight_averaging.update_average(run)
    assert torch.allclose(run.average["fc2.bias"], torch.tensor(3.0 + (11.0 - 3.0) / 4))


def test_statistics_are_the_mean_over_the_batches():
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.rand(9, 3, 4, 4, generator=generator) for _ in range(3)]
    model = nn.Sequential(nn.BatchNorm2d(3, momentum=0.1))
    weight_averaging.estimate_statistics(model, pictures)
    assert torch.allclose(model[0].running_mean, torch.stack(pictures).mean((0, 1, 3, 4)), atol=1e-6)
    variance = torch.stack([p.transpose(0, 1).flatten(1).var(1) for p in pictures]).mean(0)
    assert torch.allclose(model[0].running_var, variance, atol=1e-6)
    assert model[0].momentum == 0.1


def test_a_picture_is_cut_as_by_padding_and_mirroring():
    """Oracle: torch's reflection padding, a crop and a flip must give every batch picture for exactly one shift."""
    data, config = Squares(6), replace(RECIPES["mini_alexnet"], shift=3)
    rows = torch.tensor([4, 1, 1, 5])
    result = data_loading.augment(data.images, rows, config, torch.Generator().manual_seed(0))
    assert result.shape == (4, 3, 16, 16) and result.dtype == torch.uint8
    for picture, row in zip(result, rows, strict=True):
        padded = F.pad(data.images[row].float()[None], (3, 3, 3, 3), mode="reflect")[0]
        crops = [padded[:, y : y + 16, x : x + 16] for y in range(7) for x in range(7)]
        assert (
            sum(torch.equal(picture.float(), c) or torch.equal(picture.float(), c.flip(2)) for c in crops)
            == 1
        )


def test_one_pass_shows_every_picture_once_with_its_own_label():
    data, config = (
        Squares(24),
        replace(RECIPES["mini_alexnet"], batch_size=8, noise=0, shift=0, flip=False, erase=0),
    )
    seen = list(data_loading.training_batches(data, config, torch.Generator().manual_seed(0)))
    assert [len(images) for images, _ in seen] == [8, 8, 8]
    result = [((images * 255).round().byte(), labels) for images, labels in seen]
    match = [
        next(i for i in range(24) if torch.equal(image, data.images[i]) and data.labels[i] == label)
        for images, labels in result
        for image, label in zip(images, labels, strict=True)
    ]
    assert sorted(match) == list(range(24)) and match != sorted(match)


def test_squares_of_one_colour_lie_on_the_chosen_share_of_the_pictures():
    images = torch.rand(400, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    erased = data_loading.random_erasing(images.clone(), 0.5, torch.Generator().manual_seed(0))
    changed = (erased != images).any(1)  # 400 x 40 x 40
    assert 0.42 < changed.flatten(1).any(1).float().mean() < 0.58
    for image, where in zip(erased, changed, strict=True):
        rows, columns = where.nonzero(as_tuple=True)
        if len(rows):
            box = image[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert torch.equal(box, box[:, :1, :1].expand_as(box)) and max(box.shape[1:]) <= 12
    assert torch.equal(
        erased, data_loading.random_erasing(images.clone(), 0.5, torch.Generator().manual_seed(0))
    )


def test_noise_has_a_strength_of_its_own_in_each_picture_and_stays_in_range():
    images = torch.full((200, 3, 16, 16), 0.5)
    data_loading.add_noise(images, 0.12, torch.Generator().manual_seed(0))
    strength = images.flatten(1).std(1)
    assert strength.max() < 0.13 and strength.min() < 0.01
    assert strength.mean() == pytest.approx(0.06, abs=0.01)
    bright = data_loading.add_noise(torch.ones(4, 3, 8, 8), 0.5, torch.Generator().manual_seed(0))
    assert bright.max() == 1 and bright.min() >= 0


class Fixed(nn.Module):
    """Says of every picture what its table says, whatever mode it is in."""

    def __init__(self, probabilities):
        super().__init__()
        self.logits, self.place = probabilities.log(), 0
        self.inner = nn.Dropout().eval()

    def forward(self, images):
        self.place += len(images)
        return self.logits[self.place - len(images) : self.place]


def test_evaluation_by_hand():
    data = Squares(4)  # labels 0 1 2 0
    message = torch.tensor([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.0, 0.1, 0.9], [0.7, 0.2, 0.1]])
    model = Fixed(message)
    result = evaluation.evaluate(model, data, batch_size=3)
    assert result.accuracy == 0.75
    assert result.confidence_median == pytest.approx(0.7)
    assert result.confusion.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert result.per_class.tolist() == [1, 0, 1]
    # one picture a bin: gaps 0.2, 0.6, 0.1 and 0.3
    assert result.calibration_error == pytest.approx((0.2 + 0.6 + 0.1 + 0.3) / 4, abs=1e-6)
    assert model.training and not model.inner.training


def test_a_class_without_pictures_has_no_accuracy():
    data = Squares(2)
    result = evaluation.evaluate(Fixed(torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])), data)
    assert result.per_class[2].isnan()


def test_calibration_error_is_zero_for_honest_confidence():
    confidence = torch.full((100,), 0.8)
    assert evaluation.expected_calibration_error(confidence, torch.arange(100) < 80) == pytest.approx(
        0, abs=1e-6
    )
    assert evaluation.expected_calibration_error(confidence, torch.arange(100) < 50) == pytest.approx(
        0.3, abs=1e-6
    )


def test_adversarial_pictures_lie_in_the_ball_and_raise_the_loss():
    torch.manual_seed(0)
    model, images = Tiny(COLOURS).eval(), torch.rand(12, 3, 16, 16)
    labels = model(images).argmax(1)
    moved = training.adversarial_batch(model, images, labels, 0.02, torch.Generator().manual_seed(0))
    assert (moved - images).abs().max() <= 0.02 + 1e-6 and moved.min() >= 0 and moved.max() <= 1
    assert F.cross_entropy(model(moved), labels) > F.cross_entropy(model(images), labels)
    assert all(parameter.grad is None for parameter in model.parameters())
