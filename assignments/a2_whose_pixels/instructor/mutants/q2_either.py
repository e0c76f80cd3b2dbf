"""One condition is enough for guided.

Hint: not one of the two
"""


def relu_backward(activation, grad_output, rule):
    if rule == "gradient":
        return grad_output * (activation > 0)
    if rule == "deconvnet":
        return grad_output.clamp(min=0)
    return grad_output * ((activation > 0) | (grad_output > 0))
