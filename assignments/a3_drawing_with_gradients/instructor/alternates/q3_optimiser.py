"""With plain SGD that maximises, clipped in place."""

import torch


def ascend(model, start, target, shifts, rate, l2):
    pixels = torch.nn.Parameter(start.clone())
    steps = torch.optim.SGD([pixels], lr=rate, maximize=True)
    for shift in shifts:
        steps.zero_grad()
        shaken = torch.roll(pixels, tuple(shift), dims=(1, 2))
        gain = model(shaken.unsqueeze(0))[0][target]
        (gain - l2 * ((shaken - 0.5) ** 2).sum()).backward()
        steps.step()
        with torch.no_grad():
            pixels.clamp_(0, 1)
    return pixels.detach()
