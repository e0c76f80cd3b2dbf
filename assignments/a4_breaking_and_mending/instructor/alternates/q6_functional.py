"""With torch.func, on parameters outside of the network."""

import torch
import torch.nn.functional as F


def training_step(model, images, labels, epsilon, rate):
    weights = {name: value.detach().clone() for name, value in model.named_parameters()}

    def loss(these, inputs):
        return F.cross_entropy(torch.func.functional_call(model, these, (inputs,)), labels)

    slope = torch.func.grad(loss, argnums=1)(weights, images)
    attacked = (images + epsilon * slope.sign()).clamp(0, 1)
    slopes = torch.func.grad(loss)(weights, attacked)
    return {name: (weights[name] - rate * slopes[name]).numpy() for name in weights}
