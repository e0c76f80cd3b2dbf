"""Answers to the exercises of notebook 17."""

from __future__ import annotations

import torch

from cnnlab.features import pca


def whitened(test, source, mean, exponent):
    values, vectors = torch.linalg.eigh(torch.cov(source.T))
    return (test - mean) @ vectors * values**exponent


def changed(before, after, tensors):
    return {name for (name, a), (_, b) in zip(tensors(before), tensors(after), strict=True) if (a != b).any()}


def parts(names):
    return {name.rpartition(".")[0] for name in names}


RIGHT = {
    "17.whiten": [
        lambda train, test: pca(train).whiten(test),
        lambda train, test: whitened(test, train, train.mean(0), -0.5),
    ],
    "17.what_moved": [
        lambda before, after: parts(changed(before, after, lambda m: list(m.state_dict().items()))),
        lambda before, after: [
            name
            for name, module in before.named_children()
            if any(
                not torch.equal(module.state_dict()[key], after.get_submodule(name).state_dict()[key])
                for key in module.state_dict()
            )
        ],
    ],
}
WRONG = {
    "17.whiten": {
        "come from the test vectors": lambda train, test: pca(test).whiten(test),
        "is not taken off": lambda train, test: whitened(test, train, 0, -0.5),
        "that of the test vectors": lambda train, test: whitened(test, train, test.mean(0), -0.5),
        "does not whiten": lambda train, test: pca(train).project(test),
        "by the variance": lambda train, test: whitened(test, train, train.mean(0), -1.0),
        "correlated": lambda train, test: (test - train.mean(0)) / train.std(0),
        "numbers are expected": lambda train, test: train,
        "mean off": lambda train, test: test,
    },
    "17.what_moved": {
        "state_dict": lambda b, a: parts(changed(b, a, lambda m: list(m.named_parameters()))),
        "that stayed": lambda b, a: {"conv1", "conv2"},
        "not their tensors": lambda b, a: changed(b, a, lambda m: list(m.state_dict().items())),
        "before the last dot": lambda b, a: {"fc"},
    },
}
