"""The padding is counted on one side.

Hint: both sides
"""


def sizes(side, layers):
    result, field, step = [], 1, 1
    for kernel, stride, padding, dilation in layers:
        side = (side + padding - dilation * (kernel - 1) - 1) // stride + 1
        field += dilation * (kernel - 1) * step
        step *= stride
        result.append((side, field, step))
    return result
