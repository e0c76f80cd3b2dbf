"""By autograd, with the flat places kept out of the power."""

import torch


def tv_gradient(images, beta):
    pixels = images.detach().clone().requires_grad_()
    right = torch.nn.functional.pad(pixels[..., 1:] - pixels[..., :-1], (0, 1))
    down = torch.nn.functional.pad(pixels[..., 1:, :] - pixels[..., :-1, :], (0, 0, 0, 1))
    squares = right**2 + down**2
    rough = squares > 0
    (found,) = torch.autograd.grad((squares[rough] ** (beta / 2)).sum(), pixels)
    return found
