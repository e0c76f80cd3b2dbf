"""One condition is enough for guided.

Hint: not one of the two
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return arriving * (activation > 0)
    if rule == "deconvnet":
        return arriving.clamp(min=0)
    return arriving * ((activation > 0) | (arriving > 0))
