"""The size of what is negative is handed on.

Hint: its size is not handed on
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return arriving.abs() * (activation > 0)
    if rule == "deconvnet":
        return arriving.abs() * (activation > 0)
    return arriving.abs() * (activation > 0)
