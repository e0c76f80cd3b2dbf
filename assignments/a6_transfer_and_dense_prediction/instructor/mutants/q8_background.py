"""Everything is background.

Hint: one class everywhere
"""

import torch


def learn_to_segment(images, masks, test_images):
    return torch.zeros(test_images[:, 0].shape, dtype=torch.long)
