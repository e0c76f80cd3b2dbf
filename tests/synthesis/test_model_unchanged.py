"""Whatever is optimised through a network, it comes back as it was: also when its forward pass raises."""

from __future__ import annotations

import pytest
import torch

from cnnlab import synthesis as s

MADE = {
    "maximise": lambda m, x: s.maximise(m, 1, steps=2),
    "maximise a channel": lambda m, x: s.maximise(
        m, s.channel("conv2", 1), steps=2, blur=0.5, clip_small_contributions=0.2
    ),
    "invert": lambda m, x: s.invert(m, x, "conv2", steps=2),
    "dream": lambda m, x: s.deepdream(m, x, "relu", octaves=2, steps=2),
    "deepdream_zoom": lambda m, x: list(s.deepdream_zoom(m, x, "relu", octaves=1, steps=1, frames=2)),
    "transfer_style": lambda m, x: s.transfer_style(m, x, x.flip(1), steps=2),
}


def state(model):
    modules = [
        (m.training, [list(hooks) for name, hooks in sorted(vars(m).items()) if name.endswith("_hooks")])
        for m in model.modules()
    ]
    parameters = [
        (id(p), p.requires_grad, p.tolist(), None if p.grad is None else p.grad.tolist())
        for p in model.parameters()
    ]
    return modules, parameters, [b.tolist() for b in model.buffers()], torch.get_rng_state().tolist()


@pytest.mark.parametrize("broken", [None, RuntimeError("broken"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("make", MADE)
def test_the_model_is_left_alone(network, images, make, broken):
    network.train()
    network(images).sum().backward()
    network.norm1.eval()
    network.conv1.weight.requires_grad_(False)
    network.pool.register_forward_pre_hook(lambda *_: None)
    image = images[0].clone().requires_grad_()
    before = state(network)
    network.broken = broken
    if broken:
        with pytest.raises(type(broken)):
            MADE[make](network, image)
    else:
        MADE[make](network, image)
    assert state(network) == before
    assert torch.equal(image, images[0]) and image.grad is None and image.requires_grad
