"""Wet pictures: the albedo is that of the papers, objects shine and bear drops, and what a picture shows stays the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cnnlab.world import OBJECTS, index_of, render, wet
from cnnlab.world.picture import Picture
from cnnlab.world.renderer import LABELS
from cnnlab.world.wetness import HELD_BACK, REFLECTED, wet_albedo

WATER = 1.33


def fresnel(cosine: np.ndarray) -> np.ndarray:
    """Reflectance of unpolarised light that falls from air on water, by the cosine of its angle."""
    inside = np.sqrt(1 - (1 - cosine**2) / WATER**2)
    across = (cosine - WATER * inside) / (cosine + WATER * inside)
    along = (WATER * cosine - inside) / (WATER * cosine + inside)
    return (across**2 + along**2) / 2


def test_the_share_held_back_is_that_of_a_surface_of_water():
    """Lekner & Dorf (1988): p = 1 - (1 - r) / n^2, with r the reflectance of diffuse light from outside."""
    cosine = (np.arange(100_000) + 0.5) / 100_000
    from_outside = np.mean(2 * cosine * fresnel(cosine))
    assert 1 - (1 - from_outside) / WATER**2 == pytest.approx(HELD_BACK, abs=0.005)
    assert float(fresnel(np.array(1.0))) == pytest.approx(REFLECTED, abs=0.001)


def test_wet_albedo_is_the_sum_over_all_ways_to_and_fro():
    albedo = np.linspace(0, 1, 11)
    entering, bounces = 1 - REFLECTED, np.arange(500)[:, None]
    ways = entering * albedo * (1 - HELD_BACK) * (HELD_BACK * albedo) ** bounces
    np.testing.assert_allclose(wet_albedo(albedo), ways.sum(0), rtol=1e-12)


@pytest.mark.parametrize("size", [32, 96, 224])
def test_rain_makes_the_ground_dark_and_saturated_and_leaves_the_sky(size):
    dry = render(7, shape="sheep", scene="meadow", size=size)
    rained = wet(dry)
    sky, ground = dry.mask("material", "air"), dry.mask("material", "grass") & (dry.instance == 0)
    assert torch.equal(rained.image[:, sky], dry.image[:, sky])
    before, after = (one.image[:, ground].double() for one in (dry, rained))
    assert (after <= before).all() and after.mean() < 0.9 * before.mean()
    saturation = [(one.amax(0) - one.amin(0)) / one.amax(0) for one in (before, after)]
    assert saturation[1].mean() > saturation[0].mean()


def test_wet_objects_are_darker_with_bright_points():
    for shape in ("elephant", "car", "house"):
        dry = render(11, shape=shape, scale=0.4, position=(0.5, 0.5), cover=0, size=224)
        before, after = (one.image.mean(0)[dry.mask()] for one in (dry, wet(dry)))
        assert after.median() < before.median() - 0.02
        brighter = (after > before + 0.2).float().mean()
        assert 0.005 < brighter < 0.2, shape


@pytest.mark.parametrize("shape", [*OBJECTS, "none"])
def test_a_wet_picture_keeps_its_truth_and_repeats(shape):
    dry = render(3, shape=shape)
    kept = dry.image.clone()
    rained = wet(dry)
    assert isinstance(rained, Picture) and rained.recipe == dry.recipe
    for category in ("object", "part", "scene", "material", "texture", "instance"):
        assert torch.equal(getattr(rained, category), getattr(dry, category))
    assert rained.image.shape == dry.image.shape and rained.image.dtype == torch.float32
    assert rained.image.min() >= 0 and rained.image.max() <= 1
    assert torch.equal(rained.image, wet(dry).image) and torch.equal(dry.image, kept)
    assert not torch.equal(rained.image, dry.image)


def test_open_water_stays_and_a_thing_of_water_gets_drops():
    lake = render(5, shape="whale", texture="sea", scene="lake")
    water = lake.material == index_of("material", "water")
    rained = wet(lake)
    outside = water & (lake.instance == 0)
    assert outside.any() and torch.equal(rained.image[:, outside], lake.image[:, outside])
    assert not torch.equal(rained.image[:, lake.mask()], lake.image[:, lake.mask()])


def test_what_is_no_picture_of_the_world_is_refused_in_words():
    picture = render(7)
    for other in (picture.image, picture.recipe, [picture], "meadow", None):
        with pytest.raises(TypeError, match=f"a picture of the world.*got {type(other).__name__}"):
            wet(other)


def test_open_air_and_open_water_alone_stay_as_they_are():
    scene = render(3, shape="none", clutter=0, scene="lake")
    for material in ("air", "water"):
        row = scene.labels[scene.labels[:, LABELS.index("material")] == index_of("material", material)][:1]
        alone = replace(scene, labels=np.repeat(row, len(scene.labels), axis=0))
        assert alone.mask("material", material).all() and torch.equal(wet(alone).image, scene.image)
