"""Exercises of notebook 14, memorization of random labels."""

import torch

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import rand
from cnnlab.grading.exercises.requirements import is_tensor_of_shape


@exercise(
    "14.shuffle",
    is_tensor_of_shape(
        "give pictures of the same shape back: flatten the last two axes, pick, and view them as H x W again"
    ),
    relative=0,
    absolute=0,
)
def shuffle():
    """Images with permuted pixels: pixel `positions[k]` moves to position k, in row-major order: `answer(images, positions)`."""
    images = rand(2, 3, 4, 5, seed=2)
    positions = torch.randperm(20, generator=torch.Generator().manual_seed(7))

    def shuffled(order):
        return images.flatten(2)[:, :, order].view(images.shape)

    def same_pixels(result, axis=2):
        return torch.equal(*(values.flatten(axis).sort().values for values in (result, images)))

    def same_values(result):
        return same_pixels(result, axis=1)

    backwards = shuffled(positions.argsort())
    mistakes = {
        "that is the way back: pixel k has gone to permutation[k]; pixel permutation[k] should come to k": backwards,
        "the pixels are all there, but not at the positions asked for": same_pixels,
        "colours were mixed up: a pixel's three colours stay together, so permute positions, not channels": same_values,
    }
    hint = "these are not the picture's pixels any more: each one must occur as often as before"
    yield Case((images, positions), shuffled(positions), mistakes, hint)


@exercise("14.expected_right", relative=0, absolute=1e-6)
def expected_true_labels():
    """The expected share of labels that stay correct when a `share` of them is randomised: `answer(share, classes)`."""
    for share, classes in ((0.5, 10), (0.3, 4), (1.0, 20), (0.0, 20)):
        drawn_true, wrong = share / classes, share * (1 - 1 / classes)
        mistakes = {
            "a label drawn by chance can be the true one: one in `classes` is": 1 - share,
            "those are the drawn ones that are true; the labels that were not drawn are true as well": drawn_true,
            "that is the share of wrong labels": wrong,
        }
        hint = f"for a share of {share} and {classes} classes you give {{result:.3f}}; what is it for a share of 0, and of 1?"
        yield Case((share, classes), 1 - share + drawn_true, mistakes, hint)
