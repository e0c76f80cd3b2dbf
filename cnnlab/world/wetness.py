"""Wetness: a rendered picture after rain. Dark, saturated colours, highlights of a film of water, and drops.

It is laid over a finished picture, so recipes and data sets know nothing of it. The labels stay: a wet sheep is a sheep.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnlab.world.names import index_of
from cnnlab.world.picture import Picture
from cnnlab.world.recipe import rng_for

REFLECTED = 0.02
"""Share of the light that a surface of water reflects before it enters, at normal incidence."""
HELD_BACK = 0.474
"""Share of diffuse light that the same surface throws back to the ground from below, at a refractive index of 1.33."""
GAMMA = 2.2
ROUNDING = (2, 4, 8)
"""Widths of the blurs that make a body of a silhouette, in pixels of a picture of 96."""
SHARPNESS = 60
"""Exponent of the highlights."""
PER_DROP = 55
"""Area for each drop, in square pixels of a picture of 96."""


def wet(picture: Picture) -> Picture:
    """The same picture after rain, with the same ground truth: what a wet surface looks like, and nothing else changed.

        wet albedo = (1 - R) (1 - p) A / (1 - p A)

    Light that a surface of albedo A sends back is thrown down again by the water above it, with probability p, and more of it is absorbed
    each time. So all but white becomes darker, and colours more saturated. Objects also get highlights, where the film mirrors the light,
    and drops: dark towards the light, bright away from it. Sky and open water stay as they are. A wet picture is wetted like any other
    and becomes darker again.

    Returns
    -------
    Picture
        With another `image` (and the map `colour`, which follows it).

    Raises
    ------
    TypeError
        If it is no picture of the world: a photograph's tensor does not say what is wet.

    References
    ----------
    Angstrom (1925), The albedo of various surfaces of ground; Lekner & Dorf (1988), Why some things are darker when wet, Applied Optics
    27(7). The highlights are Phong's (1975).

    Example
    -------
    >>> from cnnlab.world import render
    >>> dry = render(7, shape="sheep", scene="meadow")
    >>> bool(wet(dry).image[:, dry.mask()].mean() < dry.image[:, dry.mask()].mean())
    True
    """
    import torch

    if not isinstance(picture, Picture):
        raise TypeError(
            "wet needs a picture of the world, as `world.render` gives it, since its maps say what is sky, water or an object; but got"
            f" {type(picture).__name__}."
        )
    linear = picture.image.permute(1, 2, 0).double().numpy() ** GAMMA  # H x W x 3
    objects, material = picture.instance.numpy() > 0, picture.material.numpy()
    stays_dry = ~objects & np.isin(material, [index_of("material", name) for name in ("air", "water")])
    rng = rng_for(picture.recipe.seed, "wet")
    from_left = rng_for(picture.recipe.seed, "light").random() < 0.5  # as the picture was drawn
    light = np.array([-0.45 if from_left else 0.45, -0.6, 0.66])  # x to the right, y down, z to the eye
    colours = np.where(stays_dry[..., None], linear, wet_albedo(linear))
    colours += 0.9 * (objects * _highlights(picture, rng, light))[..., None]
    _add_drops(colours, objects, rng, light[:2] / np.hypot(*light[:2]))
    image = np.rint(np.clip(colours, 0, 1) ** (1 / GAMMA) * 255) / 255
    image[stays_dry] = picture.image.permute(1, 2, 0).numpy()[stays_dry]
    return replace(picture, image=torch.from_numpy(image).permute(2, 0, 1).float().contiguous())


def wet_albedo(albedo: np.ndarray) -> np.ndarray:
    """The albedo under a film of water, of an albedo from 0 to 1 (linear, not gamma-encoded); see `wet`."""
    return (1 - REFLECTED) * (1 - HELD_BACK) * albedo / (1 - HELD_BACK * albedo)


def _highlights(picture: Picture, rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Phong's highlights on the rounded, slightly wavy film over the objects: H x W, 0 to 1."""
    from scipy.ndimage import gaussian_filter

    pixel = picture.image.shape[-1] / 96
    solid = (picture.instance.numpy() > 0).astype(np.float64)
    waves = gaussian_filter(rng.standard_normal(solid.shape), 2.2 * pixel)
    relief = gaussian_filter(picture.image.mean(0).double().numpy(), 0.6 * pixel)  # light is high
    height = 0.9 * sum(width * gaussian_filter(solid, width * pixel) for width in ROUNDING)
    down, right = np.gradient(pixel * (height + 0.35 * waves / waves.std() + 0.6 * relief))
    normal = np.stack([-right, -down, np.ones_like(down)], axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    mirrored = 2 * normal[..., 2:] * normal - (0, 0, 1)  # where the eye's ray goes
    return np.clip(mirrored @ light, 0, 1) ** SHARPNESS


def _add_drops(colours: np.ndarray, objects: np.ndarray, rng: np.random.Generator, light: np.ndarray) -> None:
    """Lay drops over the objects: each a lens over the colours around it, with a mirrored point of light. `light` is (x, y)."""
    from scipy.ndimage import gaussian_filter

    pixel = len(colours) / 96
    rows, columns = np.nonzero(objects)
    count = int(len(rows) / pixel**2 / PER_DROP)
    if not count:
        return
    around = gaussian_filter(colours, (1.5 * pixel, 1.5 * pixel, 0))
    chosen, radii = rng.integers(len(rows), size=count), (1.3 + 2.2 * rng.random(count) ** 3) * pixel
    for row, column, radius in zip(rows[chosen], columns[chosen], radii, strict=True):
        reach = int(radius) + 2
        here = tuple(slice(max(0, at - reach), min(at + reach + 1, len(objects))) for at in (row, column))
        y, x = np.ogrid[here]
        x, y = (x - column) / radius, (y - row) / radius
        square = x**2 + y**2
        cover = (np.clip((1 - square) * radius / 2 + 0.5, 0, 1) * objects[here])[..., None]
        toward = x * light[0] + y * light[1]
        lens = around[here] * np.clip(0.8 - 0.75 * toward, 0.15, None)[..., None]
        point = np.exp(-((x - 0.45 * light[0]) ** 2 + (y - 0.45 * light[1]) ** 2) / 0.05)
        lens += (0.1 * np.clip(-toward, 0, 1) * square + 1.1 * point)[..., None]
        colours[here] = colours[here] * (1 - cover) + lens * cover
