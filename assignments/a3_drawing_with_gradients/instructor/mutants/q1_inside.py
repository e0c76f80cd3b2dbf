"""The last row and column are left out.

Hint: pay too
"""


def total_variation(images, beta):
    right = (images[..., 1:] - images[..., :-1])[..., :-1, :]
    down = (images[..., 1:, :] - images[..., :-1, :])[..., :-1]
    paid = (right**2 + down**2) ** (beta / 2)
    return paid.sum((1, 2, 3))
