"""Tasks that a network was not trained for: other classes, another question, other pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab import world
from cnnlab._validation import one_of, positive_int
from cnnlab.networks.training_data import digits

NEW_CLASSES, SCENES, DRAWN, DIGITS = "new classes", "scenes", "drawn pictures", "handwritten digits"
TASKS = (NEW_CLASSES, SCENES, DRAWN, DIGITS)


@dataclass(frozen=True, eq=False)
class NewTask:
    """Pictures and labels of a task.

    Attributes
    ----------
    name
        Which task it is.
    classes
        The C names behind the labels.
    images, labels
        To learn from: N x 3 x H x W bytes and N class indices.
    test_images, test_labels
        M others, to try what was learnt.
    """

    name: str
    classes: tuple[str, ...]
    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def tasks_for(model: nn.Module) -> list[str]:
    """The tasks that are new for a network of the world, given what its classes are."""
    known = tuple(getattr(model, "class_names", ()))
    others = [name for name in world.OBJECTS if name not in known]
    offered = {
        NEW_CLASSES: len(others) >= 2,
        SCENES: known != world.SCENES,
        DRAWN: known == world.SCENES or (len(known) >= 2 and set(known) <= set(world.OBJECTS)),
        DIGITS: True,
    }
    return [name for name in TASKS if offered[name]]


def new_task(name: str, model: nn.Module, *, n: int = 400, test_n: int = 200, size: int = 96) -> NewTask:
    """Something else than what the network was trained for.

        "new classes"         the objects that it does not know
        "scenes"              not what stands in the picture, but where
        "drawn pictures"      its own classes as line art
        "handwritten digits"  real data, enlarged to the size of its pictures

    Parameters
    ----------
    model
        A network of the world; its `class_names` say what it knows.
    n, test_n
        Pictures to learn from and to try. Classes of objects and digits are balanced, scenes come as they fall.
    size
        Side of the pictures.

    Raises
    ------
    ValueError
        If the task is not known, or not new for this network.

    References
    ----------
    Lecture N, "Transfer learning" (limited data, similar tasks; pretraining on rendered scenes); lecture L, "Fine-tuning from ImageNet
    to Places"; curriculum row 17.

    Example
    -------
    >>> from cnnlab.networks import MiniAlexNet
    >>> new_task("scenes", MiniAlexNet(["sheep", "goat"]), n=10, test_n=10).images.shape
    torch.Size([10, 3, 96, 96])
    """
    one_of(name, tasks_for(model), "task")
    counts = {"train": positive_int(n, "n"), "test": positive_int(test_n, "test_n")}
    known = tuple(getattr(model, "class_names", ()))
    options: dict[str, Any] = {
        NEW_CLASSES: {"classes": tuple(other for other in world.OBJECTS if other not in known)},
        SCENES: {"task": "scene"},
        DRAWN: {"style": "drawn"} | ({"task": "scene"} if known == world.SCENES else {"classes": known}),
        DIGITS: {},
    }[name]
    if name == DIGITS:
        parts = [
            digits("train" if which == "train" else "validation", count) for which, count in counts.items()
        ]
    else:
        parts = [
            world.dataset(which, n=m, size=size, progress=False, **options) for which, m in counts.items()
        ]
    (images, labels), (test_images, test_labels) = (
        (_sized(part.images, size), part.labels) for part in parts
    )
    return NewTask(name, tuple(parts[0].class_names), images, labels, test_images, test_labels)


def _sized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    larger = F.interpolate(images.float(), size=(size, size), mode="bilinear", align_corners=False)
    return larger.round().clamp(0, 255).to(torch.uint8)
