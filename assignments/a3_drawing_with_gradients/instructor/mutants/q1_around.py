"""The picture goes around.

Hint: does not go around
"""


def total_variation(images, beta):
    right = images.roll(-1, 3) - images
    down = images.roll(-1, 2) - images
    paid = (right**2 + down**2) ** (beta / 2)
    return paid.sum((1, 2, 3))
