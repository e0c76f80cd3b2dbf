"""Places are counted one by one, and the field is followed from the end to the start."""


def sizes(side, layers):
    result = []
    for depth in range(1, len(layers) + 1):
        kernel, stride, padding, dilation = layers[depth - 1]
        reach = dilation * (kernel - 1) + 1
        side = len(range(0, side + 2 * padding - reach + 1, stride))
        field, step = 1, 1
        for k, s, _, d in reversed(layers[:depth]):
            field = (field - 1) * s + d * (k - 1) + 1
            step = step * s
        result.append([side, field, step])
    return result
