"""New tasks for transfer: other classes, other labels, other images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab import world
from cnnlab._validation import one_of, positive_int
from cnnlab.networks.training_data import digits

NEW_CLASSES, SCENES, LINE_ART, DIGITS = "new classes", "scenes", "drawn pictures", "handwritten digits"
TASKS = (NEW_CLASSES, SCENES, LINE_ART, DIGITS)


@dataclass(frozen=True, eq=False)
class NewTask:
    """A task for transfer learning: its training and test pictures with labels.

    Attributes
    ----------
    name
        Name of the task.
    classes
        The C class names.
    images, labels
        Training data: N x 3 x H x W bytes and N class indices.
    test_images, test_labels
        Test data: M other pictures.
    """

    name: str
    classes: tuple[str, ...]
    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def tasks_for(model: nn.Module) -> list[str]:
    """The tasks that are new for a network of the world, given its classes."""
    known_classes = tuple(getattr(model, "class_names", ()))
    other_classes = [name for name in world.OBJECTS if name not in known_classes]
    is_offered = {
        NEW_CLASSES: len(other_classes) >= 2,
        SCENES: known_classes != world.SCENES,
        LINE_ART: known_classes == world.SCENES
        or (len(known_classes) >= 2 and set(known_classes) <= set(world.OBJECTS)),
        DIGITS: True,
    }
    return [name for name in TASKS if is_offered[name]]


def new_task(name: str, model: nn.Module, *, n: int = 400, test_n: int = 200, size: int = 96) -> NewTask:
    """A new task: pictures and labels of a task that the network was not trained for.

        "new classes"         the object classes that it does not have
        "scenes"              the scene as the label, not the object
        "drawn pictures"      its own classes as line art
        "handwritten digits"  real data, upsampled to the size of its pictures

    Parameters
    ----------
    model
        A network of the world; its `class_names` are the classes that it was trained on.
    n, test_n
        Numbers of training and test pictures. Classes of objects and digits are balanced, scenes are random.
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
    known_classes = tuple(getattr(model, "class_names", ()))
    options: dict[str, Any] = {
        NEW_CLASSES: {
            "classes": tuple(
                name_of_class for name_of_class in world.OBJECTS if name_of_class not in known_classes
            )
        },
        SCENES: {"task": "scene"},
        LINE_ART: {"style": "drawn"}
        | ({"task": "scene"} if known_classes == world.SCENES else {"classes": known_classes}),
        DIGITS: {},
    }[name]
    if name == DIGITS:
        parts = [
            digits("train" if split == "train" else "validation", count) for split, count in counts.items()
        ]
    else:
        parts = [
            world.dataset(split, n=m, size=size, progress=False, **options) for split, m in counts.items()
        ]
    (images, labels), (test_images, test_labels) = (
        (_resized(part.images, size), part.labels) for part in parts
    )
    return NewTask(name, tuple(parts[0].class_names), images, labels, test_images, test_labels)


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    larger = F.interpolate(images.float(), size=(size, size), mode="bilinear", align_corners=False)
    return larger.round().clamp(0, 255).to(torch.uint8)
