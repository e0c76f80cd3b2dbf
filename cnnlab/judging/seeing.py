"""What do the layers hold? Filters, maps that point, neighbours, detectors."""

from __future__ import annotations

import torch

from cnnlab import attribution, codes, units
from cnnlab.judging.rows import Row, images_of, network, pictures
from cnnlab.networks import untrained

PICTURES = 200


def first_layer() -> Row:
    """Are the first filters edges and blobs, or noise?"""
    explained = units.explain_filters(units.filters(network("mini_alexnet"))).share(0.7)
    before = units.explain_filters(units.filters(untrained(network("mini_alexnet")))).share(0.7)
    return Row(
        "first-layer filters that a Gabor function or a blob of colour explains (R2 of at least 0.7)",
        "at least 0.60, and five times the share before training",
        {"trained": explained, "before": before},
        explained >= 0.6 and explained >= 5 * before,
    )


def dead_filters() -> Row:
    """How many filters of the first layer answer to no picture at all?"""
    model, silent = network("mini_alexnet"), []
    for some in pictures(PICTURES).images.split(50):
        with torch.inference_mode():
            maps = model.relu1(model.norm1(model.conv1(model.normalise(some.float() / 255))))
        silent.append(maps.amax((0, 2, 3)) == 0)
    share = float(torch.stack(silent).all(0).double().mean())
    return Row("dead first-layer filters", "at most 0.05", {"share": share}, share <= 0.05)


def pointing() -> Row:
    """Does the largest value of a map lie on the object? Strictly: a pixel beside it is a miss."""
    model, data = network("mini_alexnet"), pictures(PICTURES)
    images, labels, masks = images_of(data), data.labels.tolist(), data.masks()
    covered = [
        attribution.occlusion(model, image, label, size=24, stride=4).to_pixels()
        for image, label in zip(images, labels, strict=True)
    ]
    smooth = [
        attribution.channel_max(attribution.smoothgrad(model, image, label, samples=20))
        for image, label in zip(images, labels, strict=True)
    ]
    maps = {
        "occlusion": torch.stack(covered),
        "Grad-CAM": attribution.grad_cam(model, images, labels),
        "smoothed gradient": torch.stack(smooth),
    }
    games = {name: attribution.pointing_game(found, masks) for name, found in maps.items()}
    bars = {"occlusion": 0.90, "Grad-CAM": 0.85, "smoothed gradient": 0.75}
    centre = games["occlusion"].centre_rate
    found = {name: game.rate for name, game in games.items()} | {"centre of the picture": centre}
    holds = all(games[name].rate >= max(bar, centre) for name, bar in bars.items())
    return Row("pointing game on exact masks", "0.90, 0.85, 0.75, and above the centre", found, holds)


def neighbours() -> Row:
    """Are pictures that are near each other of one class, and nearer so in later layers?"""
    model, data = network("mini_alexnet"), pictures(1_000)
    found = {
        layer: codes.precision_at_k(codes.features(model, data, layer), data.labels, k=5).rate
        for layer in ("pixels", "conv5", "fc7")
    }
    holds = found["pixels"] < found["conv5"] < found["fc7"] and found["fc7"] >= 0.85
    return Row("nearest neighbours of the same class (top 5)", "rising, fc7 at least 0.85", found, holds)


def detectors() -> Row:
    """How many different concepts have a unit of their own at conv5?"""
    data, layer = pictures(1_000), "relu5"
    objects, scenes = network("mini_alexnet"), network("mini_alexnet_scenes")
    asked = {
        "objects": units.dissect(objects, data, layer),
        "scenes": units.dissect(scenes, data, layer),
        "rotated": units.dissect(objects, data, layer, rotate=1.0),
        "untrained": units.dissect(untrained(network("mini_alexnet")), data, layer),
    }
    found = {name: result.unique_detectors() for name, result in asked.items()}
    of_scenes = {
        f"of scenes in {name}": asked[name].unique_detectors(category="scene")
        for name in ("objects", "scenes")
    }
    holds = found["objects"] > found["rotated"] > found["untrained"]
    holds = holds and of_scenes["of scenes in scenes"] > of_scenes["of scenes in objects"]
    bar = "trained above rotated above untrained; the scene network has more detectors of scenes"
    return Row("unique detectors at conv5", bar, found | of_scenes, holds)
