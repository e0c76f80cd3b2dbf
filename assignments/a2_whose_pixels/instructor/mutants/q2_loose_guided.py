"""Guided as the deconvnet.

Hint: the deconvnet does not look at what went forward
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return arriving * (activation > 0)
    if rule == "deconvnet":
        return arriving.clamp(min=0)
    return arriving.clamp(min=0)
