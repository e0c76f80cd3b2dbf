import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.networks.segmentation_models import UNet
from cnnlab.robustness import adversarial_training
from cnnlab.transfer import accuracy, fine_tune, freeze, new_head
from cnnlab.transfer.fine_tuning import fine_tune_steps


def test_it_is_stochastic_gradient_descent_by_the_formula():
    """Oracle: momentum, decay and the rates of the schedule written out, on one batch a pass, in float64."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 3)).double()
    images, labels = torch.rand(6, 3, 4, 4).double(), torch.tensor([0, 1, 2, 0, 1, 2])
    tuned = fine_tune(
        model,
        images,
        labels,
        epochs=20,
        batch_size=6,
        learning_rate=0.3,
        decay=0.01,
        momentum=0.8,
        mirror=False,
    )
    w, b = model[1].weight.detach().clone(), model[1].bias.detach().clone()
    v, u, truth, x = torch.zeros_like(w), torch.zeros_like(b), F.one_hot(labels, 3), images.flatten(1)
    for step in range(20):
        done = step / 20
        rate = 0.3 * (0.1 + 9 * done if done < 0.1 else 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9)))
        wrong = ((x @ w.T + b).softmax(1) - truth) / 6
        v = 0.8 * v + wrong.T @ x + 0.01 * w
        u = 0.8 * u + wrong.sum(0) + 0.01 * b
        w, b = w - rate * v, b - rate * u
    assert torch.allclose(tuned.model[1].weight, w) and torch.allclose(tuned.model[1].bias, b)
    assert len(tuned.losses) == 20 and tuned.losses[-1] < tuned.losses[0]


def test_it_learns_and_leaves_the_network_alone(tiny, squares):
    before = {key: value.clone() for key, value in tiny.state_dict().items()}
    images, labels = squares(48)
    chance = torch.random.get_rng_state()
    tuned = fine_tune(tiny, images, labels, epochs=12, learning_rate=0.1, batch_size=12)
    assert accuracy(tuned.model, *squares(60, seed=1)) > 0.9 > accuracy(tiny, images, labels)
    assert all(torch.equal(before[key], value) for key, value in tiny.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert not tuned.model.training and all(p.grad is None for p in tuned.model.parameters())


def test_short_steps_give_the_same_weights_and_leave_chance_to_others(tiny, squares):
    """Dropout draws from torch's global generator, of which others draw between two batches."""
    model = nn.Sequential(tiny, nn.Dropout(0.5)).eval()
    options = {"epochs": 2, "batch_size": 8, "seed": 3}
    images, labels = squares(20)
    expected = fine_tune(model, images, labels, **options).model.state_dict()
    torch.manual_seed(7)
    drawn, tuned, batches = [], None, 0
    for step in fine_tune_steps(model, images, labels, **options):
        drawn.append(torch.rand(1))
        batches += step is None
        tuned = step or tuned
    torch.manual_seed(7)
    assert torch.equal(torch.cat(drawn), torch.cat([torch.rand(1) for _ in drawn]))
    assert batches == 2 * 3
    found = tuned.model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_the_same_seed_gives_the_same_weights_to_the_bit(tiny, squares):
    first, again, other = (
        fine_tune(tiny, *squares(20), epochs=2, batch_size=8, seed=s).model.state_dict() for s in (3, 3, 4)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["fc3.weight"], other["fc3.weight"])


@pytest.mark.parametrize("way", ["by argument", "by flags"])
def test_frozen_layers_keep_weights_and_statistics_to_the_bit(tiny, squares, way):
    options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1}
    if way == "by argument":
        tuned = fine_tune(tiny, *squares(20), freeze_up_to="relu1", **options).model
        assert all(p.requires_grad for p in tuned.parameters())
    else:
        tuned = fine_tune(freeze(tiny, "relu1"), *squares(20), **options).model
        assert [n for n, p in tuned.named_parameters() if not p.requires_grad][0] == "conv1.weight"
    old, new = tiny.state_dict(), tuned.state_dict()
    same = {key for key in old if torch.equal(old[key], new[key])}
    assert same == {key for key in old if key.startswith(("conv1", "norm1"))}


def test_each_layer_has_its_own_rate(tiny, squares):
    tuned = fine_tune(
        tiny,
        *squares(20),
        epochs=1,
        learning_rate=0.0,
        learning_rates={"fc3": 0.1, "conv2": 0.05},
        batch_size=8,
    ).model
    changed = {n for n, p in tuned.named_parameters() if not torch.equal(p, tiny.get_parameter(n))}
    assert changed == {"fc3.weight", "fc3.bias", "conv2.weight"}


def test_masks_are_learnt_too_and_mirrored_with_their_pictures():
    """One picture, bright on the left; were only pictures mirrored, half of what is asked would be wrong."""
    images = torch.zeros(8, 3, 32, 32)
    images[..., :16] = 1
    masks = (images[:, 0] > 0.5).long()
    tuned = fine_tune(UNet(["dark", "bright"]), images, masks, epochs=12, batch_size=4, learning_rate=0.05)
    assert accuracy(tuned.model, images, masks) > 0.97
    assert accuracy(tuned.model, images.flip(-1), masks.flip(-1)) > 0.97


def test_bytes_are_taken_as_they_are_stored(tiny, squares):
    images, labels = squares(12)
    stored = (images * 255).round().byte()
    options = {"epochs": 1, "batch_size": 4}
    single, other = (fine_tune(tiny, x, labels, **options).model for x in (stored, stored.float() / 255))
    assert torch.equal(single.fc3.weight, other.fc3.weight)


def test_after_an_interruption_all_is_as_before(tiny, squares):
    seen = []

    def stop(epoch, loss):
        seen.append((epoch, loss))
        if epoch == 2:
            raise KeyboardInterrupt

    before, chance = tiny.fc3.weight.clone(), torch.random.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        fine_tune(tiny, *squares(12), epochs=5, on_epoch=stop)
    assert [epoch for epoch, _ in seen] == [1, 2] and all(math.isfinite(loss) for _, loss in seen)
    assert torch.equal(tiny.fc3.weight, before) and torch.equal(torch.random.get_rng_state(), chance)
    assert not tiny.training


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        (["cat", "dog"], TypeError, r"names came; look them up by `model\.class_names\.index"),
        ([0, 3], ValueError, "labels run from 0 to 3, but the network has 3 outputs"),
        ([-1, 2], ValueError, "labels run from -1 to 2"),
        (torch.eye(3)[:2], ValueError, "one-hot rows become indices"),
    ],
)
def test_labels_that_are_no_classes_of_the_network_are_refused(tiny, labels, error, says):
    with pytest.raises(error, match=says):
        fine_tune(tiny, torch.rand(2, 3, 16, 16), labels)


def test_labels_may_be_numpys(tiny, squares):
    images, labels = squares(6)
    tuned = fine_tune(tiny, images, labels.numpy(), epochs=1).model.state_dict()
    expected = fine_tune(tiny, images, labels, epochs=1).model.state_dict()
    assert all(torch.equal(tuned[name], value) for name, value in expected.items())


def test_one_picture_left_over_joins_the_batch_before():
    """Batch normalisation of vectors takes no batch of one."""
    layers = nn.Linear(48, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
    model = nn.Sequential(nn.Flatten(), *layers).eval()
    steps = fine_tune_steps(model, torch.rand(9, 3, 4, 4), torch.arange(9) % 2, epochs=1, batch_size=4)
    assert [step is None for step in steps] == [True, True, False]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"freeze_up_to": "fc3"}, ValueError, "all layers are frozen"),
        ({"freeze_up_to": "relu1", "learning_rates": {"conv1": 0.1}}, ValueError, '"conv1" is frozen'),
        ({"learning_rates": {"conv9": 0.1}}, ValueError, '"conv9" is not in tiny'),
        ({"learning_rate": -0.1}, ValueError, "must not be negative"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"learning_rate": 1e30}, FloatingPointError, "lower rate"),
    ],
)
def test_wrong_input_is_refused(tiny, squares, options, error, says):
    with pytest.raises(error, match=says):
        fine_tune(tiny, *squares(12), **options)
    with pytest.raises(ValueError, match="with one label for each"):
        fine_tune(tiny, squares(12)[0], torch.arange(3))


def test_a_new_head_then_all_layers(tiny, squares):
    images, labels = squares(30)
    head = fine_tune(new_head(tiny, ["a", "b", "c"]), images, labels, freeze_up_to="drop3", epochs=3)
    both = fine_tune(head.model, images, labels, epochs=3, learning_rate=0.05)
    assert both.losses[-1] < head.losses[0] and both.model.class_names == ("a", "b", "c")


class Auxiliary(nn.Module):
    """Gives two tensors in training, as GoogLeNet does with its auxiliary heads, and the logits alone in eval mode."""

    def __init__(self):
        super().__init__()
        self.body, self.head, self.aux = nn.Flatten(), nn.Linear(48, 2), nn.Linear(48, 2)

    def forward(self, images):
        codes = self.body(images)
        return (self.head(codes), self.aux(codes)) if self.training else self.head(codes)


def test_auxiliary_heads_have_no_part_in_it():
    model, images, labels = Auxiliary(), torch.rand(6, 3, 4, 4), torch.tensor([0, 1, 0, 1, 1, 0])
    alone = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    alone[1].load_state_dict(model.head.state_dict())
    tuned, expected = (fine_tune(single, images, labels, epochs=3) for single in (model, alone))
    assert tuned.losses == expected.losses
    assert torch.equal(tuned.model.aux.weight, model.aux.weight)
    hardened = adversarial_training(model, images, labels, steps=2)
    assert not torch.equal(hardened.head.weight, model.head.weight)
