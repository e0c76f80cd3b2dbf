"""What the gradient of a convolution does."""

import torch
import torch.nn.functional as F


def transposed_convolution(maps, kernel, stride, padding):
    sizes = [(n - 1) * stride + kernel.shape[2] - 2 * padding for n in maps.shape[1:]]
    canvas = torch.zeros(1, kernel.shape[1], *sizes, requires_grad=True)
    out = F.conv2d(canvas, kernel, stride=stride, padding=padding)
    return torch.autograd.grad(out, canvas, maps[None])[0][0]
