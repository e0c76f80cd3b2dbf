"""The gradient of the cross entropy, written down."""

import torch


def head_step(model, images, labels, weight, bias, rate):
    kept = {}
    handle = model.fc.register_forward_hook(lambda layer, given, out: kept.update(codes=given[0]))
    with torch.no_grad():
        model(images)
    handle.remove()
    shares = torch.softmax(kept["codes"] @ weight.T + bias, dim=1)
    shares[torch.arange(len(labels)), labels] -= 1
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["fc.weight"] = weight - rate * shares.T @ kept["codes"] / len(images)
    state["fc.bias"] = bias - rate * shares.mean(0)
    return state
