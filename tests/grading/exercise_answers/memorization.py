"""Answers to the exercises of notebook 14."""

from __future__ import annotations

import torch


def shuffled(images, places):
    return images.flatten(2)[:, :, places].view(images.shape)


def by_index(image, places):
    return image[:, places // image.shape[2], places % image.shape[2]].reshape(image.shape)


RIGHT = {
    "14.shuffle": [shuffled, lambda images, places: torch.stack([by_index(one, places) for one in images])],
    "14.expected_right": [
        lambda share, classes: 1 - share + share / classes,
        lambda share, classes: 1 - share * (classes - 1) / classes,
    ],
}
WRONG = {
    "14.shuffle": {
        "same shape": lambda images, places: images.flatten(2)[:, :, places],
        "the way back": lambda images, places: shuffled(images, places.argsort()),
        "not at the places": lambda images, places: images,
        "mixed up": lambda images, places: shuffled(images, places).flip(1),
        "not the picture's pixels": lambda images, places: torch.rand(images.shape),
    },
    "14.expected_right": {
        "can be the true one": lambda share, classes: 1 - share,
        "not drawn are true": lambda share, classes: share / classes,
        "share of wrong labels": lambda share, classes: share * (1 - 1 / classes),
        "share of 0": lambda share, classes: 0.2,
    },
}
