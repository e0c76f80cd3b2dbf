"""Dilation is forgotten.

Hint: dilation d reaches
"""


def sizes(side, layers):
    result, field, step = [], 1, 1
    for kernel, stride, padding, _ in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field += (kernel - 1) * step
        step *= stride
        result.append((side, field, step))
    return result
