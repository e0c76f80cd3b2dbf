"""What a classifier says of one picture or several: class probabilities on the CPU, and the names of the classes."""

from __future__ import annotations

from torch import Tensor, nn

from cnnlab.networks.forward import class_logits, without_gradients


def probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """The class probabilities of one picture 3 x H x W (C), or of several N x 3 x H x W (N x C).

    Raises
    ------
    ValueError, TypeError
        If the network does not give one score for each of two classes or more (`class_logits`).
    """
    batch = images if images.dim() == 4 else images.unsqueeze(0)
    with without_gradients(model):
        logits = class_logits(model, batch)
    probability = logits.softmax(1).cpu()
    return probability if images.dim() == 4 else probability[0]


def class_names(model: nn.Module, classes: int) -> tuple[str, ...]:
    """The names of the classes; their numbers if the network has no names."""
    return tuple(getattr(model, "class_names", ())) or tuple(f"class {i}" for i in range(classes))
