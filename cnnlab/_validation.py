"""Input checks of the public functions, and their error messages.

Every technique validates its arguments with these functions, so that all errors of the kit read alike: what was expected,
what was given, what to do. Checks that need a network's layers are in `cnnlab.networks.activations`.

torch is used only through the arguments, so importing this module does not import torch.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


MAX_NAMES = 100
"""The largest number of names listed in a message; of longer lists, such as ImageNet's thousand classes, a fifth of it is listed."""


def one_of(value: Any, allowed: Iterable[str], what: str) -> str:
    """Return `value` if it is one of the `allowed` names; else a ValueError lists them and suggests the nearest one."""
    names = list(allowed)
    if value in names:
        return value
    close = [f'"{name}"' for name in _close_names(value, names)]
    suggestion = f" Did you mean {' or '.join(close)}?" if close else ""
    visible = names if len(names) <= MAX_NAMES else names[: MAX_NAMES // 5]
    more = f" and {len(names) - len(visible)} more" if len(names) > len(visible) else ""
    raise ValueError(f"{what} {value!r} is not known.{suggestion} Choose one of: {', '.join(visible)}{more}.")


def class_index(name: str, class_names: Sequence[str]) -> int:
    """The index of the class with this name, else of the class with this synonym; upper and lower case do not count.

    Raises
    ------
    ValueError
        If there is none, or several classes share the name; the message lists them, or the nearest names and synonyms.
    """
    names, folded = list(class_names), name.strip().casefold()
    for fitting in (
        [n for n, known in enumerate(names) if known == name],
        [n for n, known in enumerate(names) if known.casefold() == folded],
        [n for n, known in enumerate(names) if folded in map(str.casefold, getattr(known, "synonyms", ()))],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            listed = "; ".join(f"{n}: {_with_synonyms(names[n])}" for n in fitting)
            raise ValueError(
                f'class "{name}" may be one of {len(fitting)}; give its index or another name. {listed}.'
            )
    return names.index(one_of(name, names, "class"))


def _with_synonyms(name: str) -> str:
    synonyms = ", ".join(getattr(name, "synonyms", ()))
    return f"{name} ({synonyms})" if synonyms else str(name)


def _close_names(value: Any, names: list[str]) -> list[str]:
    """Up to three names: those with `value` as a word in them or in a synonym, then those spelled like it; case does not count."""
    query = str(value).strip().casefold()
    known: dict[str, str] = {}  # each spelling, of a name or a synonym, and the name that it stands for
    for name in names:
        for spelling in (name, *getattr(name, "synonyms", ())):
            known.setdefault(spelling.casefold(), name)
    words = [name for spelling, name in known.items() if query in re.split(r"[\s,-]+", spelling)]
    alike = [known[spelling] for spelling in difflib.get_close_matches(query, known, n=6)]
    inside = [name for spelling, name in known.items() if query and query in spelling]
    return list(dict.fromkeys([*words, *alike] or inside))[:3]


def plain(value: Any) -> Any:
    """Numbers, arrays and tensors of numpy and torch as Python's numbers and lists; any other value as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def one_or_several(value: Any) -> list:
    """The entries of a list, array or tensor; any other value, a name or a number, is the only entry."""
    value = plain(value)
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]


def positive_int(value: Any, what: str) -> int:
    """Return `value` as an int of at least 1; numpy and torch integers are accepted, booleans and fractions are not."""
    return whole_number(value, what, minimum=1)


def whole_number(value: Any, what: str, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return `value` as an int between `minimum` and `maximum`; else a TypeError or ValueError names `what`."""
    span = f"of at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
    try:
        number = index("no number" if isinstance(value, bool) else value)
    except TypeError:
        raise TypeError(
            f"{what} must be a whole number {span}, but got {value!r} ({type(value).__name__})."
        ) from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{what} must be a whole number {span}, but got {number}.")
    return number


def fraction(value: Any, what: str) -> float:
    """Return `value` as a float in [0, 1]; else a TypeError or ValueError names `what`. Booleans and words are no numbers."""
    try:
        number = float("no number" if isinstance(value, bool | str | bytes) else value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number between 0 and 1, but got {value!r}.") from None
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what} must lie between 0 and 1, but got {number:g}.")
    return number


def image_batch(images: Any, what: str = "images") -> tuple[Tensor, bool]:
    """A batch N x 3 x H x W of floats in [0, 1], and whether the argument was a single picture 3 x H x W.

    Raises
    ------
    TypeError
        If `images` is no torch tensor, or not of a floating dtype.
    ValueError
        If the axes are wrong, a side is empty, or a value is not finite or outside of [0, 1].
    """
    import torch

    if not isinstance(images, torch.Tensor):
        hint = (
            "pass `picture.image`"
            if hasattr(images, "image")
            else "use `cnnlab.photo(...)` or `torch.as_tensor`"
        )
        raise TypeError(f"{what} must be a torch tensor, but got {type(images).__name__}; {hint}.")
    if images.dim() not in (3, 4) or images.shape[-3] != 3:
        raise ValueError(
            f"{what} must have the axes 3 x H x W or N x 3 x H x W, but came as {_axes(images.shape)}."
            + (" Channels stand first: try `.permute(2, 0, 1)`." if images.shape[-1] == 3 else "")
        )
    if not images.dtype.is_floating_point:
        raise TypeError(f"{what} must be floats in [0, 1], but came as {images.dtype}; divide bytes by 255.")
    if 0 in images.shape:
        raise ValueError(f"{what} is empty: it came as {_axes(images.shape)}.")
    values = images.detach()
    low, high = (
        float(values.amin()),
        float(values.amax()),
    )  # `aminmax` copies pictures whose channels lie last in memory
    if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails too
        raise ValueError(
            f"{what} must lie in [0, 1], but the values run from {low:g} to {high:g}."
            " Normalisation belongs inside the model; bytes are divided by 255."
        )
    single = images.dim() == 3
    return (images.unsqueeze(0) if single else images), single


def labelled_images(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Images for training, N x 3 x H x W, and their class indices: N, or N x H x W for masks. numpy arrays become tensors.

    The images stay on their device, the class indices come to the CPU.

    Raises
    ------
    TypeError
        If the labels are no whole numbers.
    ValueError
        If the axes do not fit, there is not one label for each image, or the labels are one-hot.
    """
    import torch

    if isinstance(labels, list | tuple) and any(isinstance(label, str) for label in labels):
        raise TypeError(
            "labels must be class indices (whole numbers), but names came; look them up by `model.class_names.index(name)`."
        )
    images, labels = torch.as_tensor(images), torch.as_tensor(labels).cpu()
    if (
        images.dim() != 4
        or not len(images)
        or images.shape[1] != 3
        or labels.dim() == 0
        or len(images) != len(labels)
    ):
        raise ValueError(
            f"images must be N x 3 x H x W, with one label for each, but came as {_axes(images.shape)} with"
            f" {len(labels) if labels.dim() else 1} labels."
        )
    if labels.dim() == 2:
        raise ValueError(
            f"labels must be N class indices, but came as {_axes(labels.shape)}; one-hot rows become indices by `labels.argmax(1)`."
        )
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels must be class indices (whole numbers), but came as {labels.dtype}.")
    return images, labels.long()


def labels_within(labels: Tensor, classes: int) -> None:
    """Raise a ValueError if a class index is below 0 or not below `classes`, the number of the network's outputs."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels run from {low} to {high}, but the network has {classes} outputs, so they must lie between 0 and {classes - 1};"
            " cnnlab.transfer.new_head gives it a head of another size."
        )


def target_index(
    target: Any, class_names: Sequence[str] | None, logits: Tensor, *, required: bool = False
) -> int:
    """The class index of `target`: an index, a class name, or None for the class with the largest of the `logits` (C).

    Where one class must be named, for all pictures or since none is predicted, `required` refuses None with a ValueError.
    """
    classes = logits.shape[-1]
    if target is None:
        if required:
            raise ValueError(
                f"target must be a class, by index (of {classes} classes) or name; None is no class."
            )
        return int(logits.argmax(-1))
    if isinstance(target, str):
        if not class_names:
            raise ValueError(f"the network does not name its classes, so target {target!r} must be an index.")
        return class_index(target, class_names)
    return whole_number(target, f"target (a class index of {classes} classes)", maximum=classes - 1)


def _axes(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape) or "a single number"
