"""Exercises of notebook 13, corruptions, texture and shape."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import rand
from cnnlab.grading.exercises.requirements import is_tensor_of_shape, unchanged


@exercise(
    "13.contrast",
    is_tensor_of_shape("give a picture of the same shape back, 3 x H x W"),
    unchanged("the picture that was passed in has changed; compute a new one"),
)
def contrast():
    """The image with a share `lost` of its contrast removed, towards its mean colour: `answer(image, lost)`."""
    image, lost = rand(3, 6, 8, seed=4) * torch.tensor([1.0, 0.6, 0.3])[:, None, None], 0.7

    def fade(centre, lost=lost):
        return centre + (1 - lost) * (image - centre)

    mean, grey = image.mean((1, 2), keepdim=True), image.mean()
    mistakes = {
        "a share `lost` must go, so 1 - lost of each deviation stays; yours keeps lost": fade(mean, 1 - lost),
        "the mean colour has one value for each channel; yours is one mean over all channels": fade(grey),
        "that goes to grey (0.5); it should go to the mean colour of the picture": fade(0.5),
        "that goes to black: darker, not paler. Keep the mean where it is": fade(0),
    }
    hint = "the shape is right, the values are not: what should happen for lost = 0, and for lost = 1?"
    yield Case((image, lost), fade(mean), mistakes, hint)


@exercise(
    "13.corruption_error",
    is_tensor_of_shape(
        "give one number for each corruption: a tensor with as many values as the tables have rows"
    ),
    absolute=1e-6,
)
def corruption_error():
    """CE of each corruption, from two tables of error rates, kinds x 5: `answer(errors, normaliser)`."""
    errors = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.0, 0.1, 0.1, 0.3]])
    reference = torch.tensor([[0.2, 0.2, 0.4, 0.6, 0.6], [0.1, 0.1, 0.2, 0.3, 0.5]])
    ratio, mean, mean_ratio = errors.sum(1) / reference.sum(1), errors.mean(1), (errors / reference).mean(1)
    mistakes = {
        "sum over the severities first, then divide: a ratio of sums is not the mean of ratios": mean_ratio,
        "that is the reference over the network: upside down": 1 / ratio,
        "that is the mean error; it still has to be divided by the reference's": mean,
        "that divides the mean by the sum; take sums, or means, for both": mean / reference.sum(1),
        "1, not 100, is as bad as the reference here": 100 * ratio,
    }
    hint = "the shape is right, the values are not: which axis holds the severities?"
    yield Case((errors, reference), ratio, mistakes, hint)


@exercise("13.shape_bias", relative=0, absolute=1e-6)
def shape_bias():
    """The shape bias: the share of shape decisions, from N class indices each: `answer(predictions, shapes, textures)`."""
    predictions = torch.tensor([0, 0, 0, 1, 2, 3, 4, 4, 4, 2])
    shapes = torch.tensor([0, 0, 0, 0, 1, 1, 1, 4, 4, 3])
    textures = torch.tensor([1, 2, 3, 1, 2, 2, 2, 4, 4, 1])
    by_shape, by_texture, conflict = predictions == shapes, predictions == textures, shapes != textures
    shape, texture = int((by_shape & conflict).sum()), int((by_texture & conflict).sum())
    both, texture_or_both = int(by_shape.sum()), int(by_texture.sum())
    of_all = shape / int(conflict.sum()), both / len(predictions)
    with_both = both / (both + texture_or_both), both / (both + texture)
    mistakes = {
        "answers for a third class count in neither: divide by the answers for shape or texture, not by all": of_all,
        "pictures whose shape and texture are of the same class hold no conflict; leave them out": with_both,
        "that is the share of texture decisions": texture / (shape + texture),
    }
    hint = "you give {result:.3f}; count the decisions for shape and for texture on paper for three pictures"
    yield Case((predictions, shapes, textures), shape / (shape + texture), mistakes, hint)
