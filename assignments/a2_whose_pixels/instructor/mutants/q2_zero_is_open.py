"""Open at zero too.

Hint: f > 0, not f >= 0
"""


def relu_backward(activation, grad_output, rule):
    if rule == "gradient":
        return grad_output * (activation >= 0)
    if rule == "deconvnet":
        return grad_output.clamp(min=0)
    return grad_output.clamp(min=0) * (activation >= 0)
