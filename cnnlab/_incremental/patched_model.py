"""Patched model: a network applied to one image, a square of which is replaced at varying positions.

Occlusion and one-pixel attacks need the logits of one image again and again with small changes. The fastest way depends on the
network and on the machine; it is chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cnnlab._incremental.batching import PreparedModel, prepare
from cnnlab._incremental.engine import IncrementalEngine, build_engine
from cnnlab._incremental.windows import Position, patched_images
from cnnlab.networks.eval_mode import match_device_dtype


class PatchedModel:
    """A network for `image` (3 x H x W) with one square or another replaced; made by `patched_model`.

    Fields
    ------
    original
        C: the logits of the original image, on the CPU.
    batch_size
        The number of versions in one batch.
    """

    def __init__(
        self, network: PreparedModel, engine: IncrementalEngine | None, image: Tensor, original: Tensor
    ):
        self.original, self.batch_size = original, (engine or network).batch_size
        self._network, self._engine, self._image = network, engine, image

    def order(self, positions: Sequence[Position]) -> list[int]:
        """The indices of the positions in the order that is fastest: those that cost alike follow each other."""
        if self._engine:
            return [index for group in self._engine.groups(positions) for index in group]
        return list(range(len(positions)))

    def logits(self, positions: Sequence[Position], squares: Tensor) -> Tensor:
        """N x C logits, at least in float32, one row for each position and the square (N x 3 x size x size) pasted there."""
        squares = squares.to(self._image)
        if self._engine:
            return self._engine.logits(positions, squares)
        return self._network.logits(patched_images(self._image, positions, squares, self._network.layout))


def patched_model(
    model: nn.Module, image: Tensor, size: int, rows: Sequence[int], columns: Sequence[int]
) -> PatchedModel:
    """The network prepared for `image` with a square of `size` pixels replaced.

    On a CPU, layers compute only the windows of their maps that the square changes, and take the rest from the original image:
    the same numbers, up to rounding, for less than half of the work. This works for networks of convolutions, pooling and the like;
    if the control flow of forward depends on values, the whole image goes through each time.

    Parameters
    ----------
    model
        Any module that maps N x 3 x H x W to N x C logits. It runs in eval mode and is left unchanged.
    image
        3 x H x W; it is brought to the model's device and float type.
    size
        The side of the square, in pixels.
    rows, columns
        Possible positions of its upper left corner.

    Raises
    ------
    ValueError
        If the model's output is not N x C logits.

    Example
    -------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 5))
    >>> network = patched_model(model, torch.rand(3, 12, 12), 4, range(9), range(9))
    >>> network.logits([(0, 0), (2, 8)], torch.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 5])
    """
    image = match_device_dtype(model, image)
    network, original = prepare(model, image)
    return PatchedModel(network, build_engine(network, image, size, rows, columns), image, original)
