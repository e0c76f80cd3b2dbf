"""What went forward is handed on.

Hint: is R, not f
"""


def relu_backward(activation, grad_output, rule):
    if rule == "gradient":
        return activation.clamp(min=0)
    if rule == "deconvnet":
        return activation * (grad_output > 0)
    return activation.clamp(min=0) * (grad_output > 0)
