"""The four tasks of computer vision on one picture, with their exact answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab.world import OBJECTS, Picture
from cnnlab.world.names import NAMES


@dataclass(frozen=True, eq=False)
class FourTasks:
    """What each task asks for, of a picture H x W with K objects in it.

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


def four_tasks(picture: Picture) -> FourTasks:
    """What is the right answer to each of the four tasks? Read off the picture's exact maps.

    Only objects of the twenty classes count, and of these what is seen; clutter is background.

    References
    ----------
    Lecture K, "Computer Vision Tasks": classification, object detection, semantic and instance segmentation.

    Example
    -------
    >>> from cnnlab import world
    >>> found = four_tasks(world.render(3, shape="sheep", others=("sheep", "car")))
    >>> found.label, sorted(found.names)
    ('sheep', ['car', 'sheep', 'sheep'])
    """
    semantic = picture.object.long()
    semantic = semantic.where(semantic <= len(OBJECTS), 0)
    instances, names, boxes = torch.zeros_like(semantic), [], []
    for thing in picture.instance[semantic > 0].unique().tolist():
        seen = (picture.instance == thing) & (semantic > 0)
        rows, columns = seen.nonzero(as_tuple=True)
        boxes.append([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        names.append(NAMES["object"][int(semantic[seen].mode().values)])
        instances[seen] = len(names)
    return FourTasks(
        picture.label, tuple(names), torch.tensor(boxes).reshape(-1, 4).long(), semantic, instances
    )
