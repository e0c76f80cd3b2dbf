"""What the gradient of max pooling does."""

import torch
import torch.nn.functional as F


def unpool(maps, values, size, stride):
    maps = maps.detach().requires_grad_(True)
    out = F.max_pool2d(maps[None], size, stride)[0]
    return torch.autograd.grad(out, maps, values)[0]
