"""Exercises of notebook 08, activation maximisation."""

from torch import nn

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import input_gradient, rand, seeded_network
from cnnlab.grading.exercises.requirements import is_new_image, is_tensor_of_shape, unchanged


@exercise("08.ascent_step", is_new_image(argument=1))
def ascent_step():
    """One step of gradient ascent on the logit, clipped to [0, 1]: `answer(model, image, target, rate)`."""
    layers = nn.Conv2d(3, 6, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 9, 4)
    model, image, target, rate = seeded_network(*layers, seed=8, scale=0.4), rand(3, 8, 8, seed=6), 2, 0.5
    step = rate * input_gradient(model, image, lambda logits: logits[target])
    probability_step = rate * input_gradient(model, image, lambda logits: logits.softmax(0)[target])
    by_probability, by_sign = (image + probability_step).clamp(0, 1), image + rate * step.sign()
    mistakes = {
        "the pixels leave [0, 1]; clip them after the step": image + step,
        "this goes downhill: ascent adds the gradient": (image - step).clamp(0, 1),
        "this is the gradient of the probability; take the logit, before the softmax": by_probability,
        "this goes along the sign of the gradient; take the gradient itself": by_sign.clamp(0, 1),
    }
    hint = (
        "the shape is right, the values are not: x + rate * gradient of the target's logit, clipped to [0, 1]"
    )
    yield Case((model, image, target, rate), (image + step).clamp(0, 1), mistakes, hint)


@exercise(
    "08.clip_small",
    is_tensor_of_shape("return the picture, 3 x H x W, with some of its pixels grey"),
    unchanged("the picture that was passed in has changed; work on a copy (`image.clone()`)"),
    relative=0,
    absolute=0,
    outlier_fraction=0.01,  # one pixel, since definitions of quantiles differ
)
def clip_small():
    """The image with the share of pixels that are closest to grey made grey: `answer(image, share)`."""
    image, share = rand(3, 10, 10, seed=1), 0.3

    def replace_smallest(size, colour=0.5):
        return image.masked_fill(size <= size.flatten().sort().values[int(share * size.numel()) - 1], colour)

    contrast, length, single_values = (image - 0.5).norm(dim=0), image.norm(dim=0), (image - 0.5).abs()
    by_value = replace_smallest(single_values)
    mistakes = {
        "a pixel that goes becomes grey (0.5), not black": replace_smallest(contrast, 0.0),
        "these are the largest; make the smallest grey": replace_smallest(-contrast),
        "size is the distance from grey (0.5), not from black": replace_smallest(length),
        "a pixel goes with all its three colours: measure the length over the colours": by_value,
    }

    def hint(result):
        grey = (result == 0.5).all(0).float().mean()
        return f"{grey:.0%} of your pixels are grey, {share:.0%} were asked for, those closest to grey"

    yield Case((image, share), replace_smallest(contrast), mistakes, hint)
