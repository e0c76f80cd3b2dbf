"""Exercises of notebook 17, transfer."""

import copy
from collections import OrderedDict

import torch
from torch import nn

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.requirements import has_shape


def dot_products(codes):
    """The dot products of all pairs of features, which are invariant to the order and the signs of the axes."""
    codes = torch.as_tensor(codes).detach().double()
    return codes @ codes.T


@exercise(
    "17.whiten",
    has_shape("(9, 4) numbers are expected, {shape} came"),
    read=dot_products,
    relative=0.05,  # N or N - 1 in the deviation
    absolute=1e-8,
)
def whiten():
    """The test vectors (M x D) in all D whitened principal axes of the training vectors (N x D): `answer(train, test)`."""
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(4, 4, generator=generator, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.5, 2.0])
    train = torch.randn(60, 4, generator=generator, dtype=torch.float64) @ mixing + 5
    test = torch.randn(9, 4, generator=generator, dtype=torch.float64) @ mixing.flip(0) + 4
    mean, test_mean = train.mean(0), test.mean(0)

    def whitened(mean, source=train, exponent=-0.5):
        values, vectors = torch.linalg.eigh(torch.cov(source.T))
        return (test - mean) @ vectors * values**exponent

    standardised, with_test_axes = (test - mean) / train.std(0), whitened(test_mean, source=test)
    mistakes = {
        "the axes come from the test vectors; find them on the training vectors": with_test_axes,
        "the mean of the training vectors is not taken off": whitened(0),
        "the mean is that of the test vectors; take that of the training vectors": whitened(test_mean),
        "this projects but does not whiten; divide each axis by its deviation": whitened(mean, exponent=0),
        "this divides by the variance; the deviation is its root": whitened(mean, exponent=-1),
        "this brings each number to deviation 1, but leaves them correlated; turn to the principal axes first": standardised,
    }
    hint = "mean off, turn by the eigenvectors of the training covariance, divide by the roots of its eigenvalues"
    yield Case((train, test), whitened(mean), mistakes, hint)


@exercise("17.what_moved", read=lambda names: {str(name) for name in names})
def changed_parts():
    """The names of the parts whose weights or statistics differ: `answer(before, after)`."""
    convolutions = {"conv1": nn.Conv2d(3, 4, 3), "norm1": nn.BatchNorm2d(4), "conv2": nn.Conv2d(4, 4, 3)}
    before = nn.Sequential(OrderedDict(**convolutions, norm2=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))
    after = copy.deepcopy(before)
    after.norm1.running_mean += 0.5  # not trained, but changed
    after.norm2.weight.data += 0.1
    after.fc.bias.data += 0.1
    only_trained = {"norm2", "fc"}

    def are_tensors(names):
        return any("." in name for name in names)

    mistakes = {
        "one part without any trained weight moved, too: the statistics of a normalisation; look at all of state_dict()": only_trained,
        "these are the parts that stayed; name those that moved": {"conv1", "conv2"},
        "name the parts ('fc'), not their tensors ('fc.bias')": are_tensors,
    }
    hint = "compare every tensor of the two state_dict()s; the part is what stands before the last dot"
    yield Case((before, after), {"norm1", "norm2", "fc"}, mistakes, hint)
