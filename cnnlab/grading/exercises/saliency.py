"""Exercises of notebook 06, saliency."""

from torch import nn

from cnnlab.grading.exercises.exercise import Case, exercise
from cnnlab.grading.exercises.inputs import input_gradient, rand, seeded_network
from cnnlab.grading.exercises.requirements import has_shape, is_tensor, is_tensor_of_shape, unchanged

CHANGED = "the picture that was passed in has changed; work on a copy (`image.clone().requires_grad_()`)"
BY_HAND = "the shape is right, the values are not: compute one of them by hand"


@exercise(
    "06.saliency",
    is_tensor("return a tensor with one number for each pixel, not {type}"),
    unchanged(CHANGED, 1),
    lambda result, case, passed: CHANGED if passed[1].requires_grad else None,
    has_shape("one number for each pixel makes 12 x 12; yours is {shape}"),
)
def saliency():
    """The largest absolute value, over the channels, of the logit's gradient at each pixel: `answer(model, image, target)`."""
    layers = nn.Conv2d(3, 6, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 25, 4)
    model, image, target = seeded_network(*layers, seed=8, scale=0.2), rand(3, 12, 12, seed=4), 1
    model[3].bias.data[2] = 5.0  # the predicted class differs from the target
    gradient = input_gradient(model, image, lambda logits: logits[target])
    probability = input_gradient(model, image, lambda logits: logits.softmax(0)[target]).abs().amax(0)
    predicted = input_gradient(model, image, lambda logits: logits.max()).abs().amax(0)
    signed, size = gradient.amax(0), gradient.abs()
    mistakes = {
        "take the absolute value before the maximum: a pixel that lowers the score matters as much": signed,
        "this is the mean over the channels; the lecture takes the maximum": size.mean(0),
        "this is the sum over the channels; the lecture takes the maximum": size.sum(0),
        "this is the gradient of the probability; the lecture takes the score before the softmax": probability,
        "this is the gradient of the predicted class, not of the target": predicted,
    }
    yield Case((model, image, target), size.amax(0), mistakes, BY_HAND)


@exercise("06.guided", is_tensor_of_shape("return a tensor of the same shape as R"))
def guided():
    """Guided backpropagation through a ReLU with input f and incoming gradient R: `answer(f, R)`."""
    forward, grad_output = rand(6, 6, seed=1) - 0.5, rand(6, 6, seed=2) - 0.5
    active, positive = (forward > 0).float(), (grad_output > 0).float()
    expected = active * positive * grad_output
    mistakes = {
        "this is plain backpropagation: what is negative on the way back must stop, too": active
        * grad_output,
        "this is the deconvnet: what was closed on the way forward must stop, too": positive * grad_output,
        "this is what was stopped: turn the comparison round": grad_output - expected,
        "R itself is handed on, not R times f": expected * forward,
        "R itself is handed on, not 1": active * positive,
        "this is the forward pass; R is what goes back": forward.relu(),
    }
    yield Case((forward, grad_output), expected, mistakes, BY_HAND)
