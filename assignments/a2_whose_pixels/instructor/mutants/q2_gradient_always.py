"""The rule is not looked at.

Hint: that is the plain gradient
"""


def relu_backward(activation, grad_output, rule):
    if rule == "gradient":
        return grad_output * (activation > 0)
    if rule == "deconvnet":
        return grad_output * (activation > 0)
    return grad_output * (activation > 0)
