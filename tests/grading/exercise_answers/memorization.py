"""Answers to the exercises of notebook 14."""

from __future__ import annotations

import torch


def shuffled(images, positions):
    return images.flatten(2)[:, :, positions].view(images.shape)


def by_index(image, positions):
    return image[:, positions // image.shape[2], positions % image.shape[2]].reshape(image.shape)


RIGHT = {
    "14.shuffle": [
        shuffled,
        lambda images, positions: torch.stack([by_index(one, positions) for one in images]),
    ],
    "14.expected_right": [
        lambda share, classes: 1 - share + share / classes,
        lambda share, classes: 1 - share * (classes - 1) / classes,
    ],
}
WRONG = {
    "14.shuffle": {
        "same shape": lambda images, positions: images.flatten(2)[:, :, positions],
        "the way back": lambda images, positions: shuffled(images, positions.argsort()),
        "not at the positions": lambda images, positions: images,
        "mixed up": lambda images, positions: shuffled(images, positions).flip(1),
        "not the picture's pixels": lambda images, positions: torch.rand(images.shape),
    },
    "14.expected_right": {
        "can be the true one": lambda share, classes: 1 - share,
        "not drawn are true": lambda share, classes: share / classes,
        "share of wrong labels": lambda share, classes: share * (1 - 1 / classes),
        "share of 0": lambda share, classes: 0.2,
    },
}
