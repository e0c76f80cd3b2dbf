import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score
from torch import nn

from cnnlab import world
from cnnlab.networks.segmentation_models import UNet
from cnnlab.segmentation import edge_band, four_tasks, mean_iou, score, segment


def test_mean_iou_is_the_jaccard_score_of_scikit_learn():
    masks, answers = torch.randint(0, 5, (4, 9, 9)), torch.randint(0, 5, (4, 9, 9))
    found = mean_iou(answers, masks)
    truth, said = masks.flatten().numpy(), answers.flatten().numpy()
    assert np.allclose(found.per_class, jaccard_score(truth, said, average=None))
    assert found.mean == pytest.approx(jaccard_score(truth, said, average="macro"))
    assert np.array_equal(found.confusion, confusion_matrix(truth, said))
    assert found.pixel_accuracy == pytest.approx((truth == said).mean())


def test_classes_that_never_occur_and_pixels_to_ignore_are_left_out():
    masks, answers = torch.tensor([[0, 0, 1, -100]]), torch.tensor([[0, 1, 1, 2]])
    found = mean_iou(answers, masks, classes=4)
    assert found.per_class[:2].tolist() == [0.5, 0.5] and found.per_class[2:].isnan().all()
    assert found.mean == 0.5 and found.confusion.sum() == 3


def test_an_answer_without_any_object_has_high_accuracy_and_a_low_mean():
    masks = torch.zeros(1, 10, 10, dtype=torch.long)
    masks[0, 4:6, 4:6] = 1
    found = mean_iou(torch.zeros_like(masks), masks)
    assert found.pixel_accuracy == pytest.approx(0.96) and found.mean == pytest.approx(0.48)


@pytest.mark.parametrize("width", [1, 3])
def test_the_band_holds_the_pixels_with_another_class_nearby(width):
    masks = torch.zeros(2, 12, 12, dtype=torch.long)
    masks[0, 3:7, 2:9] = 4
    masks[0, 8:, 8:] = 2
    band = edge_band(masks, width)
    for y in range(12):
        for x in range(12):
            window = masks[0, max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
            assert band[0, y, x] == (len(window.unique()) > 1)
    assert not band[1].any() and torch.equal(edge_band(masks[0], width), band[0])


class Blocks(nn.Module):
    """Says what the red channel says, but only as finely as blocks of 4 x 4 pixels: right inside, wrong at edges."""

    def __init__(self, fine):
        super().__init__()
        self.fine = fine
        self.drop = nn.Dropout(0.9)

    def forward(self, images):
        red = images[:, :1]
        if not self.fine:
            red = nn.functional.avg_pool2d(red, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
        return self.drop(torch.cat([0.5 - red, red - 0.5], 1))


@pytest.fixture
def discs():
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    masks = torch.stack([((y - c) ** 2 + (x - 15) ** 2 < 90).long() for c in (14, 16, 17)])
    return masks[:, None].float().expand(-1, 3, -1, -1).contiguous(), masks


def test_coarse_answers_are_wrong_at_edges_only(discs):
    images, masks = discs
    coarse, fine = score(Blocks(False).eval(), images, masks, width=4), score(Blocks(True), images, masks)
    assert fine.everywhere.mean == fine.at_edges.mean == fine.inside.mean == 1
    assert coarse.inside.mean == 1 > coarse.everywhere.mean > coarse.at_edges.mean
    assert torch.equal(coarse.at_edges.confusion + coarse.inside.confusion, coarse.everywhere.confusion)


def test_the_score_does_not_depend_on_batches_and_takes_bytes(discs):
    images, masks = discs
    one, all_at_once = (score(Blocks(False), images, masks, batch_size=n) for n in (1, 3))
    bytes_ = score(Blocks(False), (images * 255).byte(), masks.byte())
    assert torch.equal(one.at_edges.confusion, all_at_once.at_edges.confusion)
    assert torch.equal(one.everywhere.confusion, bytes_.everywhere.confusion)
    answers = segment(Blocks(False), images, batch_size=2)
    assert mean_iou(answers, masks).mean == one.everywhere.mean


def test_one_picture_and_the_mode_are_left_as_they_came(discs):
    images, _ = discs
    model = Blocks(True)
    model.drop.eval()
    assert segment(model, images[0]).shape == (32, 32)
    score(model, images, discs[1])
    assert model.training and not model.drop.training


def test_a_network_is_asked_pixel_by_pixel():
    model = UNet(["background", "cat", "dog"]).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        expected = model(images).argmax(1)
    assert torch.equal(segment(model, images), expected)


def test_wrong_input_is_refused(discs):
    images, masks = discs
    with pytest.raises(ValueError, match="same axes"):
        mean_iou(masks[:1], masks)
    with pytest.raises(ValueError, match="there are 2 classes, but index 4 came"):
        mean_iou(masks, masks + 3, classes=2)
    with pytest.raises(ValueError, match="no pixel is left"):
        mean_iou(masks, masks * 0 - 1)
    with pytest.raises(ValueError, match="must fit"):
        score(Blocks(True), images, masks[:2])
    with pytest.raises(ValueError, match="hold class 2"):
        score(Blocks(True), images, masks * 2)
    with pytest.raises(ValueError, match="take one for masks"):
        segment(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), images)


def test_four_tasks_on_one_picture():
    picture = world.render(3, shape="sheep", others=("sheep", "car"), clutter=2, cover=0.0, size=64)
    found = four_tasks(picture)
    assert found.label == "sheep" and sorted(found.names) == ["car", "sheep", "sheep"]
    assert torch.equal(found.instances > 0, found.semantic > 0)
    assert found.semantic.unique().tolist() == [
        0,
        1 + world.OBJECTS.index("sheep"),
        1 + world.OBJECTS.index("car"),
    ]
    for number, (name, box) in enumerate(zip(found.names, found.boxes.tolist(), strict=True), start=1):
        seen = found.instances == number
        top, left, bottom, right = box
        assert seen.any()
        assert seen[top:bottom, left:right].sum() == seen.sum()
        assert seen[top].any() and seen[bottom - 1].any() and seen[:, left].any() and seen[:, right - 1].any()
        assert (found.semantic[seen] == 1 + world.OBJECTS.index(name)).all()
    assert tuple(found.boxes[0].tolist()) == picture.box


def test_a_picture_without_objects_has_no_boxes():
    found = four_tasks(world.render(3, shape="none", clutter=2, size=48))
    assert found.names == () and found.boxes.shape == (0, 4) and not found.semantic.any()
