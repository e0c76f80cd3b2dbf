"""Target classes of attacks: one index for each image, from an index, a name, several of them, or the prediction."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnnlab._validation import plain, target_index

Target = int | str | Sequence[int | str] | Tensor | None


def target_indices(target: Target, model: nn.Module, logits: Tensor) -> Tensor:
    """N class indices on the device of `logits` (N x C): `target` for all images or one for each; None for the predicted class.

    Raises
    ------
    ValueError, TypeError
        If a class is not known, or there is not one for each image.
    """
    if logits.dim() != 2:
        raise ValueError(f"the model must give N x classes logits, but gave {tuple(logits.shape)}.")
    if target is None:
        return logits.argmax(1)
    if isinstance(target, Tensor) and _is_indices(target, logits):
        return target.to(logits.device)
    target = plain(target)
    names = getattr(model, "class_names", None)
    if isinstance(target, int | str) or not isinstance(target, Sequence):
        return torch.full((len(logits),), target_index(target, names, logits), device=logits.device)
    if len(target) != len(logits):
        raise ValueError(
            f"target must be one class, or one for each of {len(logits)} pictures, not {len(target)}."
        )
    indices = [target_index(name, names, logits, required=True) for name in target]
    return torch.tensor(indices, device=logits.device)


def check_targeted(target: Target, targeted: bool = True) -> None:
    """A ValueError if a targeted attack is given no class to go to."""
    if targeted and target is None:
        raise ValueError("a targeted attack must know where to go: give `target`, a class index or name.")


def _is_indices(target: Tensor, logits: Tensor) -> bool:
    """Whether `target` is already a tensor of N class indices, as in the steps of an attack."""
    if target.dtype != torch.int64 or target.shape != logits.shape[:1]:
        return False
    low, high = torch.aminmax(target)
    return int(low) >= 0 and int(high) < logits.shape[1]
