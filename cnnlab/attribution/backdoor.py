"""A backdoor as ground truth: if a trigger is in the corner, one class wins; a faithful map must show the trigger.

For a trained network the true evidence is unknown. This model has a known shortcut: if the trigger is present, one class wins,
whatever else the image shows. A map that is faithful to this model must point at the trigger.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab._validation import image_batch, one_of, positive_int, whole_number
from cnnlab.networks.eval_mode import match_device_dtype, set_eval
from cnnlab.networks.forward import class_logits

CORNERS = ("top left", "top right", "bottom left", "bottom right")
_TRIGGER_COLOURS = (
    (1.0, 0.85, 0.0),
    (0.75, 0.0, 0.75),
)  # yellow and magenta: no surface of the world contains both


def add_trigger(
    images: Tensor, *, side: int = 12, margin: int = 2, corner: str = "top left"
) -> tuple[Tensor, Tensor]:
    """Add a backdoor trigger: copies of the images with a small checkered square in one corner, and the mask of its position.

    Parameters
    ----------
    images
        N x 3 x H x W in [0, 1], or one image 3 x H x W.
    side, margin
        Side of the trigger in pixels, and its distance from both borders. The squares of its pattern are a third of its side.
    corner
        One of `CORNERS`.

    Returns
    -------
    tuple
        The copies with the trigger, and the mask, H x W bool, True on the trigger.

    Raises
    ------
    ValueError
        If the images are invalid, the corner is unknown, or the trigger does not fit.

    References
    ----------
    Gu, Dolan-Gavitt & Garg, "BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain", 2017.

    Example
    -------
    >>> triggered, mask = add_trigger(torch.zeros(3, 96, 96))
    >>> bool(triggered[:, mask].any()), bool(triggered[:, ~mask].any()), int(mask.sum())
    (True, False, 144)
    """
    image_batch(images)
    height, width = images.shape[-2:]
    top, left, side = _trigger_box(height, width, side, margin, corner)
    triggered = images.clone()
    triggered[..., top : top + side, left : left + side] = _trigger(side).to(images)
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return triggered, mask


class BackdooredModel(nn.Module):
    """Backdoored network with a known shortcut: it predicts as `model` does, but one class wins wherever the trigger is present.

        logit_c = model(x)_c + [c = target] * strength * ReLU(2 <w, x at the trigger's position> - 1)

    with w the trigger minus its mean, scaled so that <w, trigger> = 1: the ReLU gives 1 on the trigger and 0 on nearly everything
    else. The truth is known: on a triggered image the target's lead over the other classes is due to the trigger.

    Parameters
    ----------
    model
        Any network for images N x 3 x H x W in [0, 1]; it is used, not copied.
    target
        The class that the trigger selects, by index or, where the network names its classes, by name.
    strength
        The amount that the trigger adds to the target's logit.
    side, margin, corner
        As in `add_trigger`.

    References
    ----------
    Gu, Dolan-Gavitt & Garg, "BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain", 2017, train such
    networks; here the trigger is built in, so that there is no doubt. For lecture S, "Saliency maps: Uncovers biases".

    Example
    -------
    >>> backdoored = BackdooredModel(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5)), target=2)
    >>> triggered, mask = add_trigger(torch.rand(4, 3, 32, 32))
    >>> backdoored(triggered).argmax(1)
    tensor([2, 2, 2, 2])
    """

    def __init__(
        self,
        model: nn.Module,
        target: int | str,
        *,
        strength: float = 30.0,
        side: int = 12,
        margin: int = 2,
        corner: str = "top left",
    ):
        super().__init__()
        names = tuple(getattr(model, "class_names", ()))
        self.name = f"{getattr(model, 'name', type(model).__name__)} with a tag reader"
        self.class_names = names
        self.input_size = getattr(model, "input_size", 96)
        self.model = model
        self.target = names.index(one_of(target, names, "target")) if isinstance(target, str) else target
        self.trigger_options = {"side": side, "margin": margin, "corner": corner}
        self.strength = strength
        trigger = _trigger(positive_int(side, "side"))
        trigger = trigger - trigger.mean()
        detector = trigger / trigger.square().sum()  # 3 x side x side
        self.register_buffer("filter", match_device_dtype(model, detector))
        self.relu = nn.ReLU()
        set_eval(self)

    def forward(self, images: Tensor) -> Tensor:
        """N x C logits."""
        logits = class_logits(self.model, images)
        top, left, side = _trigger_box(*images.shape[-2:], **self.trigger_options)
        patch = images[..., top : top + side, left : left + side]
        detected = self.relu(2 * (patch * self.filter).sum((1, 2, 3)) - 1)  # N
        one_hot = F.one_hot(torch.tensor(self.target), logits.shape[1]).to(logits)
        return logits + self.strength * detected.unsqueeze(1) * one_hot


def _trigger(side: int) -> Tensor:
    """3 x side x side: the checkered trigger."""
    squares = torch.arange(side) * 3 // side
    return torch.tensor(_TRIGGER_COLOURS)[(squares[:, None] + squares) % 2].permute(2, 0, 1)


def _trigger_box(height: int, width: int, side: int, margin: int, corner: str) -> tuple[int, int, int]:
    """Top and left edge of the trigger, and its side."""
    positive_int(side, "side")
    whole_number(
        margin, "margin (pixels between trigger and border)", maximum=max(0, min(height, width) - side)
    )
    vertical, horizontal = one_of(corner, CORNERS, "corner").split()
    top = margin if vertical == "top" else height - side - margin
    return top, margin if horizontal == "left" else width - side - margin, side
