"""The size of what is negative is handed on.

Hint: its size is not handed on
"""


def relu_backward(activation, grad_output, rule):
    if rule == "gradient":
        return grad_output.abs() * (activation > 0)
    if rule == "deconvnet":
        return grad_output.abs() * (activation > 0)
    return grad_output.abs() * (activation > 0)
