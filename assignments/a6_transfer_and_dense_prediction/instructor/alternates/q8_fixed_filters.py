"""Nothing but a linear rule is learnt, on the energy of random filters, from least squares."""

import torch
import torch.nn.functional as F


def learn_to_segment(images, masks, test_images):
    generator = torch.Generator().manual_seed(0)
    filters = torch.randn(48, 1, 5, 5, generator=generator)
    filters -= filters.mean((2, 3), keepdim=True)

    def codes(pictures):
        grey = pictures.mean(1, keepdim=True)
        energy = F.conv2d(F.pad(grey - grey.mean(), [2] * 4, mode="reflect"), filters).abs()
        energy = F.avg_pool2d(F.pad(energy, [2] * 4, mode="reflect"), 5, 1)
        return torch.cat(
            [energy.movedim(1, -1), torch.ones(*energy.movedim(1, -1).shape[:-1], 1)], -1
        ).double()

    known, wanted = codes(images).flatten(0, 2), F.one_hot(masks.flatten(), 3).double()
    rule = torch.linalg.lstsq(known.T @ known + 1e-3 * torch.eye(known.shape[1]), known.T @ wanted).solution
    return (codes(test_images) @ rule).argmax(-1)
