import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score
from torch import nn

from cnnlab import world
from cnnlab.networks.segmentation_models import UNet
from cnnlab.segmentation import boundary_band, mean_iou, segment, segmentation_score, vision_tasks


def test_mean_iou_is_the_jaccard_score_of_scikit_learn():
    masks, answers = torch.randint(0, 5, (4, 9, 9)), torch.randint(0, 5, (4, 9, 9))
    result = mean_iou(answers, masks)
    truth, said = masks.flatten().numpy(), answers.flatten().numpy()
    assert np.allclose(result.per_class, jaccard_score(truth, said, average=None))
    assert result.mean == pytest.approx(jaccard_score(truth, said, average="macro"))
    assert np.array_equal(result.confusion, confusion_matrix(truth, said))
    assert result.pixel_accuracy == pytest.approx((truth == said).mean())


def test_classes_that_never_occur_and_pixels_to_ignore_are_left_out():
    masks, answers = torch.tensor([[0, 0, 1, -100]]), torch.tensor([[0, 1, 1, 2]])
    result = mean_iou(answers, masks, classes=4)
    assert result.per_class[:2].tolist() == [0.5, 0.5] and result.per_class[2:].isnan().all()
    assert result.mean == 0.5 and result.confusion.sum() == 3


def test_an_answer_without_any_object_has_high_accuracy_and_a_low_mean():
    masks = torch.zeros(1, 10, 10, dtype=torch.long)
    masks[0, 4:6, 4:6] = 1
    result = mean_iou(torch.zeros_like(masks), masks)
    assert result.pixel_accuracy == pytest.approx(0.96) and result.mean == pytest.approx(0.48)


@pytest.mark.parametrize("width", [1, 3])
def test_the_band_holds_the_pixels_with_another_class_nearby(width):
    masks = torch.zeros(2, 12, 12, dtype=torch.long)
    masks[0, 3:7, 2:9] = 4
    masks[0, 8:, 8:] = 2
    band = boundary_band(masks, width)
    for y in range(12):
        for x in range(12):
            window = masks[0, max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
            assert band[0, y, x] == (len(window.unique()) > 1)
    assert not band[1].any() and torch.equal(boundary_band(masks[0], width), band[0])


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
    coarse, fine = (
        segmentation_score(Blocks(False).eval(), images, masks, width=4),
        segmentation_score(Blocks(True), images, masks),
    )
    assert fine.overall.mean == fine.near_boundary.mean == fine.interior.mean == 1
    assert coarse.interior.mean == 1 > coarse.overall.mean > coarse.near_boundary.mean
    assert torch.equal(coarse.near_boundary.confusion + coarse.interior.confusion, coarse.overall.confusion)


def test_the_score_does_not_depend_on_batches_and_takes_bytes(discs):
    images, masks = discs
    single, all_at_once = (segmentation_score(Blocks(False), images, masks, batch_size=n) for n in (1, 3))
    bytes_ = segmentation_score(Blocks(False), (images * 255).byte(), masks.byte())
    assert torch.equal(single.near_boundary.confusion, all_at_once.near_boundary.confusion)
    assert torch.equal(single.overall.confusion, bytes_.overall.confusion)
    answers = segment(Blocks(False), images, batch_size=2)
    assert mean_iou(answers, masks).mean == single.overall.mean


def test_one_picture_and_the_mode_are_left_as_they_came(discs):
    images, _ = discs
    model = Blocks(True)
    model.drop.eval()
    assert segment(model, images[0]).shape == (32, 32)
    segmentation_score(model, images, discs[1])
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
        segmentation_score(Blocks(True), images, masks[:2])
    with pytest.raises(ValueError, match="hold class 2"):
        segmentation_score(Blocks(True), images, masks * 2)
    with pytest.raises(ValueError, match="take one for masks"):
        segment(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), images)


def test_four_tasks_on_one_picture():
    picture = world.render(3, shape="sheep", others=("sheep", "car"), clutter=2, cover=0.0, size=64)
    result = vision_tasks(picture)
    assert result.label == "sheep" and sorted(result.names) == ["car", "sheep", "sheep"]
    assert torch.equal(result.instances > 0, result.semantic > 0)
    assert result.semantic.unique().tolist() == [
        0,
        1 + world.OBJECTS.index("sheep"),
        1 + world.OBJECTS.index("car"),
    ]
    for number, (name, box) in enumerate(zip(result.names, result.boxes.tolist(), strict=True), start=1):
        seen = result.instances == number
        top, left, bottom, right = box
        assert seen.any()
        assert seen[top:bottom, left:right].sum() == seen.sum()
        assert seen[top].any() and seen[bottom - 1].any() and seen[:, left].any() and seen[:, right - 1].any()
        assert (result.semantic[seen] == 1 + world.OBJECTS.index(name)).all()
    assert tuple(result.boxes[0].tolist()) == picture.box


def test_a_picture_without_objects_has_no_boxes():
    result = vision_tasks(world.render(3, shape="none", clutter=2, size=48))
    assert result.names == () and result.boxes.shape == (0, 4) and not result.semantic.any()
