"""The norm itself is climbed: its gradient points the same way; shifted, and shifted back."""

import torch


def answer7(model, layer, images):
    kept = []
    handle = dict(model.named_modules())[layer].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone())
    )
    model(images)
    handle.remove()
    return kept[0]


def octave(model, layer, original, change, size, shifts, rate):
    both = torch.stack(
        [
            torch.nn.functional.interpolate(part[None], size=size, mode="bilinear", antialias=True)[0]
            for part in (original, change)
        ]
    )
    base = both[0]
    now = both.sum(0).clip(0, 1)
    for shift in shifts:
        moved = torch.roll(now, tuple(shift), (1, 2)).requires_grad_()
        torch.linalg.vector_norm(answer7(model, layer, moved[None])).backward()
        uphill = torch.roll(moved.grad, (-shift[0], -shift[1]), (1, 2))
        now = torch.clip(now + rate * uphill / uphill.abs().mean(), 0, 1)
    return now - base
