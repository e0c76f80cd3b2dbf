"""The rule is not looked at.

Hint: that is the plain gradient
"""


def relu_backward(activation, arriving, rule):
    if rule == "gradient":
        return arriving * (activation > 0)
    if rule == "deconvnet":
        return arriving * (activation > 0)
    return arriving * (activation > 0)
