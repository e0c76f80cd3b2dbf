"""The four tasks of computer vision on one picture, with their ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.world import OBJECTS, Picture
from cnnlab.world.names import NAMES


@dataclass(frozen=True, eq=False)
class VisionTasks:
    """The ground truth of each vision task, for a picture H x W with K objects.

    Attributes
    ----------
    label
        Classification: the class of the main object.
    names, boxes
        Detection: K class names, and K x 4 pixels (top, left, bottom, right), bottom and right exclusive.
    semantic
        Semantic segmentation: H x W class indices, 0 the background, 1 + the index into `cnnlab.world.OBJECTS` elsewhere. Two sheep side
        by side are one region.
    instances
        Instance segmentation: H x W, 0 the background, 1 ... K the objects in the order of `names`. Two sheep are two.
    """

    label: str
    names: tuple[str, ...]
    boxes: Tensor
    semantic: Tensor
    instances: Tensor


def vision_tasks(picture: Picture) -> VisionTasks:
    """Ground truth of the four vision tasks, from the picture's exact maps.

    Only objects of the twenty classes count, and only their visible parts; clutter is background.

    References
    ----------
    Lecture K, "Computer Vision Tasks": classification, object detection, semantic and instance segmentation.

    Example
    -------
    >>> from cnnlab import world
    >>> tasks = vision_tasks(world.render(3, shape="sheep", others=("sheep", "car")))
    >>> tasks.label, sorted(tasks.names)
    ('sheep', ['car', 'sheep', 'sheep'])
    """
    semantic = picture.object.long()
    semantic = semantic.where(semantic <= len(OBJECTS), 0)
    instances, names, boxes = torch.zeros_like(semantic), [], []
    for instance in picture.instance[semantic > 0].unique().tolist():
        visible = (picture.instance == instance) & (semantic > 0)
        rows, columns = visible.nonzero(as_tuple=True)
        boxes.append([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        names.append(NAMES["object"][int(semantic[visible].mode().values)])
        instances[visible] = len(names)
    return VisionTasks(
        picture.label, tuple(names), torch.tensor(boxes).reshape(-1, 4).long(), semantic, instances
    )
