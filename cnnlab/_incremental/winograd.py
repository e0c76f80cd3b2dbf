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

A single forward pass of an image gains nothing; the hundreds of occluded ones of `cnnlab._incremental.engine` do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POINTS = (0.0, 1.0, -1.0, 2.0, -0.5)
SIDE = len(POINTS) + 1
"""A tile of the map is SIDE x SIDE, since the point at infinity counts too."""

ONE = POINTS.index(1.0) * (SIDE + 1)
"""The value at 1 in both directions, which enters every position of the result equally: the bias is added there."""

MIN_CHANNELS = 128
"""With fewer, the sums take longer than the saved multiplications."""

TILES_PER_CHUNK = 128
"""Tiles that are processed together: enough for an efficient matrix product, few enough to stay in the processor's cache."""


class Winograd(nn.Module):
    """Winograd convolution, 3 x 3 or 5 x 5 with stride 1, with the filters of `layer`."""

    def __init__(self, layer: nn.Conv2d):
        super().__init__()
        self.kernel = layer.kernel_size[0]
        self.padding = (self.kernel // 2,) * 2 if layer.padding == "same" else tuple(layer.padding)
        self.bias = layer.bias
        with torch.no_grad():
            inputs, kernels, outputs = matrices(self.kernel)
            self.inputs, self.outputs = inputs.to(layer.weight), outputs.to(layer.weight)
            taps = layer.weight.permute(2, 3, 1, 0).reshape(self.kernel**2, -1)
            values = torch.kron(kernels, kernels).to(layer.weight) @ taps
            self.filters = values.view(SIDE**2, layer.in_channels, layer.out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """N x C x H x W to N x C' x H' x W', with the zero padding of the layer."""
        rows, columns = self.padding
        return self.slide(F.pad(maps, (columns, columns, rows, rows)))

    def slide(self, maps: Tensor) -> Tensor:
        """The same without padding: H' = H - kernel + 1, W' = W - kernel + 1. Returns channels last."""
        step = SIDE - self.kernel + 1
        height, width = (length - self.kernel + 1 for length in maps.shape[-2:])
        down, across = -(-height // step), -(-width // step)
        beyond = (across * step - width, down * step - height)
        if any(beyond):
            maps = F.pad(maps, (0, beyond[0], 0, beyond[1]))
        count, channels = len(maps), self.filters.shape[-1]
        result = maps.new_empty(count, down * step, across * step, channels)
        tiles = _tiles(maps.contiguous(memory_format=torch.channels_last), step, down, across)
        positions = result.view(count, down, step, across, step, channels).permute(2, 4, 0, 1, 3, 5)
        for pictures, rows in _chunks(count, down, across):
            tile, position = tiles[:, :, pictures, rows], positions[:, :, pictures, rows]
            values = _transform_tiles(self.inputs, tile).view(SIDE**2, -1, tile.shape[-1])
            products = torch.bmm(values, self.filters)
            if self.bias is not None:
                products[ONE] += self.bias
            position.copy_(_transform_tiles(self.outputs, products).view(position.shape))
        result = result.permute(0, 3, 1, 2)[:, :, :height, :width]
        return result.contiguous(memory_format=torch.channels_last)


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


def matrices(kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """B^T, G and A^T for a kernel of this side, in float64: SIDE x SIDE, SIDE x kernel, (SIDE - kernel + 1) x SIDE.

    A row of powers of each point evaluates a polynomial there; at infinity its highest coefficient counts. The factor that
    keeps the rows of B^T at 1 goes into G, where it costs nothing.
    """
    outputs, kernels = _powers(SIDE - kernel + 1).T, _powers(kernel)
    inputs = torch.linalg.inv(_powers(SIDE)).T
    scale = inputs.abs().amax(1, keepdim=True)
    return inputs / scale, kernels * scale, outputs


def _powers(degree: int) -> Tensor:
    """SIDE x degree: the powers 0 to degree - 1 of each point; of infinity the highest alone counts."""
    powers = torch.tensor(POINTS, dtype=torch.float64)[:, None] ** torch.arange(degree)
    return torch.cat([powers, torch.eye(degree, dtype=torch.float64)[-1:]])


def _tiles(maps: Tensor, step: int, down: int, across: int) -> Tensor:
    """SIDE x SIDE x N x down x across x C, a view: the overlapping tiles of the maps, with the positions in a tile first."""
    picture, channel, row, column = maps.stride()
    sizes = (SIDE, SIDE, len(maps), down, across, maps.shape[1])
    return maps.as_strided(
        sizes, (row, column, picture, step * row, step * column, channel), maps.storage_offset()
    )


def _transform_tiles(matrix: Tensor, tiles: Tensor) -> Tensor:
    """matrix x tile x matrix^T for each of the tiles: a x a x ... to b x b x the other axes flattened, for a matrix b x a."""
    rows, columns = matrix.shape
    return matrix @ (matrix @ tiles.reshape(columns, -1)).view(rows, columns, -1)


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
