"""Answers to the exercises of notebook 08."""

from __future__ import annotations

import torch


def step(model, image, target, rate, *, sign=1.0, read=lambda p, t: p[t], scale=lambda g: g, clip=True):
    picture = image.clone().requires_grad_()
    read(model(picture[None])[0], target).backward()
    stepped = picture.detach() + sign * rate * scale(picture.grad)
    return stepped.clamp(0, 1) if clip else stepped


def by_autograd(model, image, target, rate):
    with torch.enable_grad():
        picture = image.detach().unsqueeze(0).requires_grad_()
        (gradient,) = torch.autograd.grad(model(picture)[:, target].sum(), picture)
    return (picture + rate * gradient)[0].clip(0, 1)


def in_place(model, image, target, rate):
    return image.add_(0.1)


def smallest_to_grey(image, share, *, colour=0.5, size=lambda x: (x - 0.5).norm(dim=0), largest=False):
    pixel_size = size(image)
    bound = pixel_size.flatten().quantile(1 - share if largest else share)
    return image.masked_fill(pixel_size > bound if largest else pixel_size < bound, colour)


def sorted_pixels(image, share):
    result = image.clone().flatten(1)
    order = (result - 0.5).square().sum(0).argsort()
    result[:, order[: int(share * len(order))]] = 0.5
    return result.view_as(image)


RIGHT = {"08.ascent_step": [step, by_autograd], "08.clip_small": [smallest_to_grey, sorted_pixels]}
WRONG = {
    "08.ascent_step": {
        "downhill": lambda *a: step(*a, sign=-1.0),
        "before the softmax": lambda *a: step(*a, read=lambda p, t: p.softmax(0)[t]),
        "along the sign": lambda *a: step(*a, scale=torch.sign),
        "leave [0, 1]": lambda *a: step(*a, clip=False),
        "has changed": in_place,
        "not float": lambda *a: 1.0,
        "values are not": lambda *a: step(*a) * 0.9,
        "3 x 8 x 8": lambda *a: step(*a)[None],
    },
    "08.clip_small": {
        "not black": lambda *a: smallest_to_grey(*a, colour=0.0),
        "the largest": lambda *a: smallest_to_grey(*a, largest=True),
        "from black": lambda *a: smallest_to_grey(*a, size=lambda x: x.norm(dim=0)),
        "three colours": lambda *a: smallest_to_grey(*a, size=lambda x: (x - 0.5).abs()),
        "were asked for": lambda i, s: smallest_to_grey(i, s / 2),
        "has changed": lambda i, s: i.fill_(0.5),
        "return the picture": lambda i, s: smallest_to_grey(i, s)[0],
    },
}
