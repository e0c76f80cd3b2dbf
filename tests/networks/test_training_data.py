from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, jaccard_score
from torch import nn
from torch.nn import functional as F

from cnnlab import world
from cnnlab.networks import data_loading, evaluation, training, training_data, weight_files
from cnnlab.networks.recipes import HALF_A, HALF_B, RECIPES
from cnnlab.networks.training_data import Labelled
from cnnlab.world.names import OBJECTS, index_of


@pytest.fixture
def few(empty_cache):
    return world.dataset("train", n=12, size=48, classes=("goat", "car", "sheep"), progress=False)


def test_masks_name_the_class_of_each_pixel(few):
    result = training_data.object_masks(few)
    assert result.class_names == ("background", "goat", "car", "sheep")
    assert result.labels.shape == (12, 48, 48) and len(result) == 12
    objects = few.maps("object")
    for number, name in enumerate(("goat", "car", "sheep"), start=1):
        assert torch.equal(result.labels == number, objects == index_of("object", name))
    # The little things that lie about are background, and are there.
    assert (objects > len(OBJECTS)).any() and not result.labels[objects > len(OBJECTS)].any()


def test_masks_are_mirrored_and_shifted_with_their_picture():
    """A picture whose colour is its label must stay so, wherever its pixels go; the chance drawn for pictures stays the same."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.randint(0, 7, (20, 24, 24), generator=generator, dtype=torch.uint8)
    pictures = (masks * 30)[:, None].expand(-1, 3, -1, -1)
    config = replace(RECIPES["unet"], batch_size=8, noise=0.0, erase=0.0, shift=3)
    data = Labelled(pictures, masks, tuple("abcdefg"))
    plain = Labelled(pictures, torch.arange(20), tuple("abcdefg"))
    pairs = zip(
        data_loading.training_batches(data, config, torch.Generator().manual_seed(5)),
        data_loading.training_batches(plain, config, torch.Generator().manual_seed(5)),
        strict=True,
    )
    for (images, labels), (same, rows) in pairs:
        assert torch.equal(images, same)
        assert torch.equal((images[:, 0] * 255 / 30).round().long(), labels)
        assert not torch.equal(labels, masks[rows].long())


def test_beneath_a_square_nothing_is_asked():
    images = torch.rand(60, 3, 40, 40)
    labels = torch.ones(60, 40, 40, dtype=torch.long)
    erased = data_loading.random_erasing(images.clone(), 0.5, torch.Generator().manual_seed(0), labels)
    changed = (erased != images).any(1)
    assert torch.equal(labels == data_loading.IGNORE_INDEX, changed) and changed.any()


def test_one_label_a_picture_is_left_alone_by_squares():
    labels = torch.arange(30)
    data_loading.random_erasing(torch.rand(30, 3, 40, 40), 1.0, torch.Generator().manual_seed(0), labels)
    assert torch.equal(labels, torch.arange(30))


def test_the_loss_is_the_mean_over_the_pixels_that_are_asked():
    logits, labels = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    labels[0, :2] = data_loading.IGNORE_INDEX
    expected = [
        -logits[n, :, y, x].log_softmax(0)[labels[n, y, x]]
        for n in range(2)
        for y in range(4)
        for x in range(5)
        if labels[n, y, x] >= 0
    ]
    assert torch.allclose(
        training.training_loss(logits, labels, RECIPES["unet"]), torch.stack(expected).mean()
    )


class Says(nn.Module):
    """Answers with logits prepared for each picture, in turn."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.place = logits, 0

    def forward(self, images):
        self.place += len(images)
        return self.logits[self.place - len(images) : self.place]


def test_masks_are_judged_by_the_intersection_over_union_of_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (7, 8, 8), generator=generator, dtype=torch.uint8)
    logits = torch.randn(7, 5, 8, 8, generator=generator) + 2 * F.one_hot(labels.long(), 5).permute(
        0, 3, 1, 2
    )
    logits[:, 4] = -9  # a class that occurs neither in truth nor in answers
    images = torch.zeros(7, 3, 8, 8, dtype=torch.uint8)
    result = evaluation.evaluate(Says(logits), Labelled(images, labels, tuple("abcde")), batch_size=3)
    truth, message = labels.flatten().numpy(), logits.argmax(1).flatten().numpy()
    expected = jaccard_score(truth, message, average=None)
    assert np.allclose(result.per_class[:4], expected) and result.per_class[4].isnan()
    assert result.accuracy == pytest.approx(expected.mean())
    assert np.array_equal(result.confusion[:4, :4], confusion_matrix(truth, message))
    probability = logits.softmax(1).amax(1)[:, ::4, ::4].flatten()
    assert result.confidence_median == pytest.approx(probability.median().item(), rel=1e-5)


def test_a_classifier_cannot_be_judged_by_masks():
    data = Labelled(
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 8, 8, dtype=torch.uint8), ("a", "b")
    )
    with pytest.raises(ValueError, match="one answer a picture"):
        evaluation.evaluate(Says(torch.zeros(2, 2)), data)


def test_pixels_about_which_nothing_is_asked_are_not_counted():
    labels, answers = torch.tensor([0, data_loading.IGNORE_INDEX, 1, 1]), torch.tensor([0, 1, 1, 0])
    assert evaluation.confusion_matrix(labels, answers, 2).tolist() == [[1, 0], [1, 1]]


def test_digits_are_split_fairly_and_always_alike():
    train, validation = training_data.digits("train"), training_data.digits("validation")
    assert len(train) + len(validation) == len(load_digits().target) == 1797
    assert (len(train), len(validation)) == (RECIPES["digits"].pictures, RECIPES["digits"].validation)
    for part in (train, validation):
        counts = torch.bincount(part.labels)
        assert counts.max() - counts.min() <= 7
        assert part.images.shape[1:] == (3, 32, 32) and part.images.dtype == torch.uint8
        assert torch.equal(part.images[:, 0], part.images[:, 2])
    assert torch.equal(training_data.digits("train", 50).labels, train.labels[:50])
    assert torch.bincount(train.labels[:50]).tolist() == [5] * 10
    alike = torch.cdist(train.images[:, 0].flatten(1).float(), validation.images[:, 0].flatten(1).float())
    assert alike.min() > 0, "a digit is in both splits"


def test_a_digit_keeps_its_picture_when_it_is_enlarged():
    """The mean over each block of 4 x 4 is near the value that was there: the picture is neither turned nor mirrored."""
    first = next(i for i, label in enumerate(load_digits().target) if label == 0)
    small = torch.from_numpy(load_digits().images[first] / 16)
    back = F.avg_pool2d(training_data.digits("train", 1).images[:, :1].double() / 255, 4)[0, 0]
    flat = torch.stack([small.flatten(), back.flatten(), small.flip(1).flatten(), small.T.flatten()])
    same, mirrored, turned = torch.corrcoef(flat)[1, [0, 2, 3]]
    assert same > 0.95 > max(mirrored, turned)


def test_more_digits_than_there_are_is_refused():
    with pytest.raises(ValueError, match="596 digits for validation, but n is 600"):
        training_data.digits("validation", 600)
    with pytest.raises(ValueError, match="split 'test' is not known"):
        training_data.digits("test")


def test_the_halves_share_no_class_and_each_has_one_of_every_confusable_pair():
    assert set(HALF_A).isdisjoint(HALF_B) and set(HALF_A) | set(HALF_B) == set(OBJECTS)
    pairs = [set(OBJECTS[i : i + 2]) for i in range(0, len(OBJECTS), 2)]
    assert all(len(pair & set(HALF_A)) == 1 for pair in pairs)
    assert [RECIPES[name].options["classes"] for name in ("half_a", "half_b")] == [HALF_A, HALF_B]


def test_every_plan_has_its_architecture():
    for name, config in RECIPES.items():
        model = training.start_run(name, config, tuple(f"class {i}" for i in range(3)), 0).model
        assert isinstance(model, nn.Module) and len(model.class_names) == 3


def test_a_network_for_masks_is_trained_and_read_back(few, monkeypatch, tmp_path):
    monkeypatch.setattr(world, "dataset", lambda *_, **__: few)
    monkeypatch.setitem(RECIPES, "try", replace(RECIPES["unet_without_skips"], pictures=12, validation=12))
    card = training.train("try", epochs=1, out=tmp_path, threads=1, progress=False)
    assert card["task"] == "mask" and card["classes"][0] == "background"
    model = training_data.architecture_class(card["architecture"])(card["classes"])
    model.load_state_dict(weight_files.read_weights(tmp_path / "try.safetensors")[0], strict=True)
    result = evaluation.evaluate(model, training_data.object_masks(few))
    assert result.accuracy == pytest.approx(card["accuracy"], rel=1e-4)
    assert result.confusion.sum() == 12 * 48 * 48
