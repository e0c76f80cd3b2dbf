"""Open at zero too.

Hint: f > 0, not f >= 0
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return arriving * (activation >= 0)
    if rule == "deconvnet":
        return arriving.clamp(min=0)
    return arriving.clamp(min=0) * (activation >= 0)
