"""Winograd convolution: small convolutions with fewer multiplications.

A kernel of r x r that slides over m x m positions multiplies m^2 r^2 pairs of numbers. Yet a polynomial of degree n - 1 is determined by
its values at n points, and the product of two polynomials has at each point the product of their values. A convolution is such a product
of polynomials. So a tile of the map, n x n with n = m + r - 1, and the kernel are both transformed to values at n points in each
direction, which takes only sums within each channel; the values are multiplied, n^2 pairs instead of m^2 r^2; and sums transform back:

    Y = A^T [ (G g G^T) * (B^T d B) ] A        for a tile d of the map and a kernel g

(Winograd, "Arithmetic Complexity of Computations", 1980; Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
equation 8.) With six points, one of them infinity, a 3 x 3 kernel needs 36 multiplications where it has 144, a 5 x 5 kernel 36
instead of 100. The finite points 0, 1, -1, 2 and -1/2 keep the numbers small (Barabasz et al., "Error Analysis and Improving the Accuracy
of Winograd Convolution", 2020): in float32 the error is some 1e-5 of the result's spread, about that of the direct computation.

A map whose side is no multiple of m would need tiles that reach beyond it. So some tiles are one position smaller: they need one point
fewer, and the values of the kernel at the others are there already.

A single forward pass of an image gains nothing; the hundreds of occluded ones of `cnnlab._incremental.engine` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS = (0.0, 1.0, -1.0, 2.0, -0.5)
SIDE = len(POINTS) + 1
"""A large tile of the map is SIDE x SIDE, since the point at infinity counts too; a small one leaves out the last point."""

ONE = 1 + POINTS.index(1.0)
"""The value at 1 in both directions enters every position of the result equally: the bias is added there. Infinity comes first."""

MIN_CHANNELS = 96
"""With fewer, the sums take longer than the saved multiplications."""

TILES_PER_CHUNK = 128
"""Tiles that are processed together: enough for an efficient matrix product, few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class TileRow:
    """Tiles of one size, one after the other along an axis: each reads `side` positions, and gives `step` of them."""

    start: int
    count: int
    step: int
    side: int

    @property
    def stop(self) -> int:
        """The first position of the result after the tiles."""
        return self.start + self.count * self.step


def tile_rows(length: int, kernel: int) -> list[TileRow]:
    """The tiles that cover `length` positions: as many as large ones alone would need, but small where those suffice."""
    step = SIDE - kernel + 1
    count = -(-length // step)
    small = min(count, count * step - length)
    large = count - small
    rows = TileRow(0, large, step, SIDE), TileRow(large * step, small, step - 1, SIDE - 1)
    return [row for row in rows if row.count]


class Winograd(nn.Module):
    """Winograd convolution, 3 x 3 or 5 x 5 with stride 1, with the filters of `layer`."""

    def __init__(self, layer: nn.Conv2d):
        super().__init__()
        self.kernel = layer.kernel_size[0]
        self.padding = (self.kernel // 2,) * 2 if layer.padding == "same" else tuple(layer.padding)
        self.bias = layer.bias
        with torch.no_grad():
            self.transforms = {}
            for side in (SIDE - 1, SIDE):
                inputs, kernels, outputs = (matrix.to(layer.weight) for matrix in matrices(self.kernel, side))
                self.transforms[side] = inputs, outputs
            taps = layer.weight.permute(2, 3, 1, 0).reshape(self.kernel**2, -1)
            values = torch.kron(kernels, kernels) @ taps
            self.filters = values.view(SIDE, SIDE, layer.in_channels, layer.out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """N x C x H x W to N x C' x H' x W', with the zero padding of the layer."""
        rows, columns = self.padding
        return self.slide(F.pad(maps, (columns, columns, rows, rows)))

    def slide(self, maps: Tensor) -> Tensor:
        """The same without padding: H' = H - kernel + 1, W' = W - kernel + 1. Returns channels last."""
        height, width = (length - self.kernel + 1 for length in maps.shape[-2:])
        rows, columns = tile_rows(height, self.kernel), tile_rows(width, self.kernel)
        beyond = columns[-1].stop - width, rows[-1].stop - height
        if any(beyond):
            maps = F.pad(maps, (0, beyond[0], 0, beyond[1]))
        maps = maps.contiguous(memory_format=torch.channels_last)
        result = maps.new_empty(len(maps), rows[-1].stop, columns[-1].stop, self.filters.shape[-1])
        for down, across in product(rows, columns):
            self._compute(maps, down, across, result)
        result = result.permute(0, 3, 1, 2)[:, :, :height, :width]
        return result.contiguous(memory_format=torch.channels_last)

    def _compute(self, maps: Tensor, down: TileRow, across: TileRow, result: Tensor) -> None:
        """The tiles of one size, `down` x `across`: their positions of the `result`, N x H' x W' x C'."""
        (rows_in, rows_out), (columns_in, columns_out) = (
            self.transforms[down.side],
            self.transforms[across.side],
        )
        tiles = _tiles(maps, down, across)
        part = result[:, down.start : down.stop, across.start : across.stop]
        part = part.unflatten(2, (across.count, across.step)).unflatten(1, (down.count, down.step))
        positions = part.permute(2, 4, 0, 1, 3, 5)
        for pictures, rows in _chunks(len(maps), down.count, across.count):
            tile, position = tiles[:, :, pictures, rows], positions[:, :, pictures, rows]
            values = _transform_tiles(rows_in, columns_in, tile).view(*tile.shape[:2], -1, tile.shape[-1])
            products = values.new_empty(*values.shape[:3], self.filters.shape[-1])
            for value, filters, found in zip(values, self.filters, products, strict=False):
                torch.bmm(value, filters[: across.side], out=found)
            if self.bias is not None:
                products[ONE, ONE] += self.bias
            position.copy_(_transform_tiles(rows_out, columns_out, products).view(position.shape))


def is_supported(layer: nn.Module) -> bool:
    """Whether the layer is a convolution that `Winograd` computes faster."""
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size in ((3, 3), (5, 5))
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and layer.padding != "valid"
        and min(layer.in_channels, layer.out_channels) >= MIN_CHANNELS
        and layer.weight.dtype in (torch.float32, torch.float64)
    )


def matrices(kernel: int, side: int = SIDE) -> tuple[Tensor, Tensor, Tensor]:
    """B^T, G and A^T for a kernel and tiles of these sides, in float64: side x side, side x kernel, (side - kernel + 1) x side.

    A row of powers of each point evaluates a polynomial there; at infinity its highest coefficient counts.
    """
    inputs = torch.linalg.inv(_powers(side, side)).T
    return inputs, _powers(side, kernel), _powers(side, side - kernel + 1).T


def _powers(side: int, degree: int) -> Tensor:
    """side x degree: of infinity the highest power alone counts, and then the powers 0 to degree - 1 of the points."""
    powers = torch.tensor(POINTS[: side - 1], dtype=torch.float64)[:, None] ** torch.arange(degree)
    return torch.cat([torch.eye(degree, dtype=torch.float64)[-1:], powers])


def _tiles(maps: Tensor, down: TileRow, across: TileRow) -> Tensor:
    """side x side x N x down x across x C, a view: the overlapping tiles of the maps, with the positions in a tile first."""
    picture, channel, row, column = maps.stride()
    sizes = (down.side, across.side, len(maps), down.count, across.count, maps.shape[1])
    strides = (row, column, picture, down.step * row, across.step * column, channel)
    return maps.as_strided(sizes, strides, maps.storage_offset() + down.start * row + across.start * column)


def _transform_tiles(rows: Tensor, columns: Tensor, tiles: Tensor) -> Tensor:
    """rows x tile x columns^T for each of the tiles: a x b x ... to c x d x the other axes flattened, for matrices c x a and d x b."""
    across = (rows @ tiles.reshape(len(tiles), -1)).view(len(rows), tiles.shape[1], -1)
    return columns @ across


def _chunks(count: int, down: int, across: int):
    """Slices of images and of rows of tiles, about TILES_PER_CHUNK tiles at a time."""
    if down * across > TILES_PER_CHUNK:
        height = max(1, TILES_PER_CHUNK // across)
        for picture in range(count):
            for row in range(0, down, height):
                yield slice(picture, picture + 1), slice(row, row + height)
    else:
        several = TILES_PER_CHUNK // (down * across)
        for picture in range(0, count, several):
            yield slice(picture, picture + several), slice(None)
