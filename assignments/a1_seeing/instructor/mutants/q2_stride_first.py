"""The field grows by the layer's own stride already.

Hint: its own stride comes after
"""


def sizes(side, layers):
    result, field, step = [], 1, 1
    for kernel, stride, padding, dilation in layers:
        side = (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        step *= stride
        field += dilation * (kernel - 1) * step
        result.append((side, field, step))
    return result
