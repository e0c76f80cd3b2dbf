"""What went forward is handed on.

Hint: is R, not f
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return activation.clamp(min=0)
    if rule == "deconvnet":
        return activation * (arriving > 0)
    return activation.clamp(min=0) * (arriving > 0)
