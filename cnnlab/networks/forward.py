"""The forward pass that every technique uses: a copy of the images in, a checked output back.

A network may normalise its input in place, return a tuple, have been compiled, or compute without gradients. Techniques need not know:

    forward              the output of a network, one tensor without NaN
    class_logits         the output of a classifier, N x C logits with at least two classes
    probabilities        class probabilities on the CPU, and `class_names`, the names of the classes
    without_gradients    the context for predictions: eval mode, inference mode
    with_gradients       the context for input gradients: eval mode, gradients on, parameters constant
    input_gradient       the gradient of scores with respect to images or activations
    as_pixels            images on the network's device, in a float type in which small changes are not lost
    pictures_at_once     how many images go through a network in one pass
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnlab._validation import positive_int
from cnnlab.networks.eval_mode import eval_mode, match_device_dtype, model_device_dtype, uncompiled

NOT_DIFFERENTIABLE = (
    "the output does not depend on the picture through derivatives: does the network compute without gradients (no_grad, detach,"
    " argmax), or from something else than the picture?"
)
ONE_OUTPUT = (
    "the network has one output, and a softmax over a single class is 1 for every picture; give it two classes, for a logit z of the"
    " positive class as `torch.cat([torch.zeros_like(z), z], 1)`."
)
PROBABILITIES = (
    "the outputs of the network look like probabilities: they lie between 0 and 1, from a softmax or a sigmoid. Techniques expect"
    " logits; leave out this last step, or give them the logarithm of a softmax."
)
COMPLEX = (
    "{what} gives complex numbers, which have no order; take their magnitude (`.abs()`) in a layer behind."
)

UNFIT = (
    "Output size is too small",
    "Kernel size can't be greater",
    "Padding size should be less",
    "mat1 and mat2 shapes cannot be multiplied",
    "Wrong image",
    "doesn't match model",
    "is invalid for input of size",
    "must match the size of tensor",
    "channels, but got",
)
"""Of torch's, torchvision's and others' messages for pictures of another size, or with other channels, than the network is made for."""


PIXELS_AT_ONCE = 10**6


def pictures_at_once(shape: Sequence[int], batch_size: int | None = None) -> int:
    """Images of `shape` (..., H, W) in one forward pass: `batch_size`, or for None as many as have a million pixels together.

    That is 64, the most, up to 125 x 125, and 19 of 224 x 224: large images need no more memory than small ones.
    """
    if batch_size is not None:
        return positive_int(batch_size, "batch_size")
    return min(64, max(1, PIXELS_AT_ONCE // (shape[-2] * shape[-1])))


def forward(model: nn.Module, images: Tensor) -> Tensor:
    """The output of `model` for a copy of `images`, which are brought to its device and float type; half precision comes back as float32.

    Raises
    ------
    TypeError
        If the output is not one tensor of real numbers, or the network needs more than pictures.
    ValueError
        If the network does not take pictures of this size, or none in colour; if the output holds NaN or infinity (minus infinity is
        the logit of a class that is impossible).
    """
    network = uncompiled(model)
    pictures = match_device_dtype(model, images)
    order = getattr(network, "memory_format", torch.contiguous_format)
    try:
        output = _output(network, pictures.clone(memory_format=order))
    except RuntimeError as error:
        # A layer of the reader's own may call `view`, which asks for the usual order in memory.
        if order is torch.contiguous_format or "view size is not compatible" not in str(error):
            raise
        output = _output(network, pictures.clone(memory_format=torch.contiguous_format))
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the network must give one tensor of logits, but gave a {type(output).__name__}{_parts(output)};"
            " wrap it in a module whose forward returns the logits alone."
        )
    if output.is_complex():
        raise TypeError(COMPLEX.format(what="the network"))
    if bool((output.isnan() | output.isposinf()).any()):
        found = "NaN" if bool(output.isnan().any()) else "infinite numbers"
        raise ValueError(
            f"the network gives {found} for these pictures; check its weights (a diverged training, a missing checkpoint), its"
            " normalisation, and its precision."
        )
    return at_least_float32(output)


def training_logits(model: nn.Module, images: Tensor) -> Tensor:
    """The logits of a network in training mode: its output, or the first of several (GoogLeNet adds those of its auxiliary heads).

    Raises
    ------
    ValueError
        If the network does not take pictures of this size in training, where auxiliary heads run too.
    """
    output = _output(model, images, " in training")
    return output[0] if isinstance(output, tuple) else output


def _output(model: nn.Module, images: Tensor, mode: str = "") -> Any:
    """What the network gives; a size that it does not take is named."""
    size = " x ".join(map(str, images.shape[1:]))
    try:
        return model(images)
    except TypeError as error:
        if "required positional argument" not in str(error):
            raise
        raise TypeError(
            f"the network must take pictures alone, but {error}; wrap it in a module whose forward gives it the rest."
        ) from None
    except ValueError as error:
        if "Expected more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            "batch normalisation cannot be trained with a single picture in a batch; give more pictures, or a larger batch_size."
        ) from None
    except (AssertionError, RuntimeError) as error:
        if str(error).startswith("Guard failed"):
            raise ValueError(
                f"the exported network does not take {len(images)} pictures of {size} ({error}); export it with dynamic_shapes."
            ) from None
        if not any(words in str(error) for words in UNFIT):
            raise
        own = f"; its own size is {model.input_size}" if hasattr(model, "input_size") else ""
        raise ValueError(f"this network does not take pictures of {size}{mode}{own} ({error}).") from None


def at_least_float32(values: Tensor) -> Tensor:
    """Half precision as float32, in which sums and squares are exact enough; other types as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def class_logits(model: nn.Module, images: Tensor) -> Tensor:
    """N x C logits of a classifier for images N x 3 x H x W, by `forward`; warns once if they look like probabilities.

    Raises
    ------
    TypeError, ValueError
        As `forward`; if the output is not N x C; if there is only one class.
    """
    logits = forward(model, images)
    if logits.dim() != 2 or len(logits) != len(images):
        raise ValueError(
            f"this network is no classifier: for {len(images)} pictures it gives {' x '.join(map(str, logits.shape))}; the model must"
            " give N x classes logits, one score for each class."
        )
    if logits.shape[1] == 1:
        raise ValueError(ONE_OUTPUT)
    if model not in _WARNED and _are_probabilities(model, logits):
        _WARNED.add(model)
        warnings.warn(PROBABILITIES, stacklevel=2)
    return logits


_WARNED: WeakSet[nn.Module] = WeakSet()


def probabilities(model: nn.Module, images: Tensor) -> Tensor:
    """The class probabilities, on the CPU, of an image 3 x H x W (C), or of images N x 3 x H x W (N x C); errors as `class_logits`."""
    batch = images if images.dim() == 4 else images.unsqueeze(0)
    with without_gradients(model):
        logits = class_logits(model, batch)
    probability = logits.softmax(1).cpu()
    return probability if images.dim() == 4 else probability[0]


def class_names(model: nn.Module, classes: int) -> tuple[str, ...]:
    """The names of the classes; their numbers if the network has no names."""
    return tuple(getattr(model, "class_names", ())) or tuple(f"class {i}" for i in range(classes))


@contextmanager
def without_gradients(model: nn.Module) -> Iterator[None]:
    """Eval mode and inference mode, for predictions."""
    with eval_mode(model), torch.inference_mode():
        yield


@contextmanager
def with_gradients(model: nn.Module) -> Iterator[None]:
    """Eval mode with gradients on, also inside `torch.inference_mode()`; parameters are constants, in this thread only."""
    with eval_mode(model), torch.inference_mode(False), torch.enable_grad(), ReplacedParameters():
        yield


def input_gradient(scores: Tensor, inputs: Tensor, *, retain_graph: bool = False) -> Tensor:
    """The gradient of each image's score (N) with respect to its part of `inputs` (N x ...), detached from the graph.

    Images do not influence each other in eval mode, so the gradient of the sum contains them all. `retain_graph` keeps the graph for
    another backward pass.

    Raises
    ------
    ValueError
        If the scores do not depend on `inputs` through derivatives.
    """
    gradient = None
    if scores.requires_grad:
        (gradient,) = torch.autograd.grad(scores.sum(), inputs, retain_graph=retain_graph, allow_unused=True)
    if gradient is None:
        raise ValueError(NOT_DIFFERENTIABLE)
    return gradient.contiguous()  # whatever order the network has worked in


def as_pixels(model: nn.Module, images: Tensor) -> Tensor:
    """A copy of `images`, without gradient, on the model's device: in float32, or float64 for a model in float64.

    A model in half precision gets float32 too: a change of 1/255 would be lost between its numbers. `forward` converts.
    """
    device, dtype = model_device_dtype(model, images)
    wide = torch.promote_types(dtype, torch.float32)
    with torch.inference_mode(False):
        return images.detach().to(device=device, dtype=wide, copy=True)


class ReplacedParameters(TorchFunctionMode):
    """Passes torch's functions, in this thread, other tensors in place of some parameters; all others are passed detached.

    So a graph reaches the images only, or weights have another memory layout, and a training loop in another thread never notices: it
    would, if the parameters of the network themselves were frozen or exchanged.
    """

    def __init__(self, values: Mapping[nn.Parameter, Tensor] | None = None):
        super().__init__()
        self._values = values or {}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(
            *map(self._replaced, args), **{k: self._replaced(v) for k, v in (kwargs or {}).items()}
        )

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if type(value) is not Tensor and isinstance(value, nn.Parameter):
                value = self._values[value] if value in self._values else value.detach()
            # Weights made inside inference mode cannot be part of a graph, their copies can.
            return value.clone() if value.is_inference() and not torch.is_inference_mode_enabled() else value
        if type(value) in (list, tuple):
            return type(value)(map(self._replaced, value))
        return value


def _are_probabilities(model: nn.Module, logits: Tensor) -> bool:
    """Whether they lie between 0 and 1, and are not merely zeros and ones; and each row sums to 1, or a sigmoid is the last step.

    Logits of a network that has not learned may all lie between 0 and 1 by chance, so for a sigmoid its name is asked for.
    """
    values = logits.detach()
    if not bool((values >= 0).all() and (values <= 1 + 1e-4).all() and (values % 1 != 0).any()):
        return False
    *_, last = model.modules()
    code = getattr(type(uncompiled(model)).forward, "__code__", None)  # a scripted network has none
    named = code is not None and "sigmoid" in code.co_names
    sigmoid = named or isinstance(last, nn.Sigmoid) or type(logits.grad_fn).__name__.startswith("Sigmoid")
    sums = values.sum(1)
    return sigmoid or torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def _parts(output: Any) -> str:
    """The names in a dictionary, the number of entries of a tuple."""
    if isinstance(output, dict):
        return f" ({', '.join(map(str, output))})"
    return f" of {len(output)}" if isinstance(output, tuple | list) else ""
