"""The sides come from torch's own layers, the fields from sums."""

import torch


def sizes(side, layers):
    sides, steps, fields = [], [1], [1]
    signal = torch.zeros(1, 1, side)
    for kernel, stride, padding, dilation in layers:
        signal = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation)(signal).detach()
        sides.append(signal.shape[-1])
        fields.append(fields[-1] + dilation * (kernel - 1) * steps[-1])
        steps.append(steps[-1] * stride)
    return torch.tensor([sides, fields[1:], steps[1:]]).T
