"""Feature rows of the report: first-layer filters, attribution maps, neighbours, concept detectors."""

from __future__ import annotations

import torch
from torch import nn

from cnnlab import attribution, features, units, world
from cnnlab.experiments.zoo_report.rows import ReportRow, accuracy, images_of, network, pictures
from cnnlab.networks import reinitialise

PICTURES = 200


def first_layer() -> ReportRow:
    """First-layer filters: are they edges and blobs, or noise?"""
    explained = units.fit_filters(units.filters(network("mini_alexnet"))).fraction_explained(0.7)
    before = units.fit_filters(units.filters(reinitialise(network("mini_alexnet")))).fraction_explained(0.7)
    return ReportRow(
        "first-layer filters that a Gabor function or a blob of colour explains (R2 of at least 0.7)",
        "at least 0.60, and five times the share before training",
        {"trained": explained, "before": before},
        explained >= 0.6 and explained >= 5 * before,
    )


def dead_filters() -> ReportRow:
    """Share of dead filters in the first layer, which respond to no picture."""
    model, silent = network("mini_alexnet"), []
    for batch in pictures(PICTURES).images.split(50):
        with torch.inference_mode():
            maps = model.relu1(model.norm1(model.conv1(model.normalise(batch.float() / 255))))
        silent.append(maps.amax((0, 2, 3)) == 0)
    share = float(torch.stack(silent).all(0).double().mean())
    return ReportRow("dead first-layer filters", "at most 0.05", {"share": share}, share <= 0.05)


def pointing() -> ReportRow:
    """Pointing game: the share of maps whose maximum lies on the object. Strict: a pixel beside it is a miss."""
    values = _pointing_rates(network("mini_alexnet"), pictures(PICTURES), size=24, stride=4)
    passed = _point(values, {"occlusion": 0.90, "Grad-CAM": 0.85, "smoothed gradient": 0.75})
    return ReportRow("pointing game on exact masks", "0.90, 0.85, 0.75, and above the centre", values, passed)


def bridge() -> ReportRow:
    """Pointing game on rendered objects, whose position is known, for a network with a trunk trained on photographs."""
    model, data = network("squeezenet_world"), pictures(1_000, size=224)
    values = {"accuracy": accuracy(model, data)}
    values |= _pointing_rates(model, pictures(PICTURES, size=224), size=56, stride=16)
    passed = _point(values, {"occlusion": 0.90, "Grad-CAM": 0.90, "smoothed gradient": 0.80})
    bar = "accuracy at least 0.95, pointing 0.90, 0.90, 0.80, and above the centre"
    return ReportRow(
        "an ImageNet trunk on rendered pictures", bar, values, passed and values["accuracy"] >= 0.95
    )


def _pointing_rates(model: nn.Module, data: world.Dataset, *, size: int, stride: int) -> dict[str, float]:
    """How often the maximum of three maps of the true class, and the centre of the picture, lie on the object.

    `size` and `stride` are those of the occluder.
    """
    images, labels, masks = images_of(data), data.labels.tolist(), data.masks()
    covered = [
        attribution.occlusion(model, image, label, size=size, stride=stride).to_pixels()
        for image, label in zip(images, labels, strict=True)
    ]
    smooth = [
        attribution.channel_max(attribution.smoothgrad(model, image, label, samples=20))
        for image, label in zip(images, labels, strict=True)
    ]
    parts = zip(images.split(50), data.labels.split(50), strict=True)
    maps = {
        "occlusion": torch.stack(covered),
        "Grad-CAM": torch.cat([attribution.grad_cam(model, batch, which.tolist()) for batch, which in parts]),
        "smoothed gradient": torch.stack(smooth),
    }
    games = {name: attribution.pointing_game(values, masks) for name, values in maps.items()}
    rates = {name: game.rate for name, game in games.items()}
    return rates | {"centre of the picture": games["occlusion"].centre_rate}


def _point(rates: dict[str, float], bars: dict[str, float]) -> bool:
    """Whether each map reaches its required rate and points better than the centre of the picture."""
    return all(rates[name] >= max(bar, rates["centre of the picture"]) for name, bar in bars.items())


def neighbours() -> ReportRow:
    """Nearest neighbours: the share with the same class, by layer. Does it grow in later layers?"""
    model, data = network("mini_alexnet"), pictures(1_000)
    values = {
        layer: features.precision_at_k(features.extract_features(model, data, layer), data.labels, k=5).rate
        for layer in ("pixels", "conv5", "fc7")
    }
    passed = values["pixels"] < values["conv5"] < values["fc7"] and values["fc7"] >= 0.85
    return ReportRow(
        "nearest neighbours of the same class (top 5)", "rising, fc7 at least 0.85", values, passed
    )


def detectors() -> ReportRow:
    """Number of different concepts with a detector among the units of conv5."""
    data, layer = pictures(1_000), "relu5"
    objects, scenes = network("mini_alexnet"), network("mini_alexnet_scenes")
    dissections = {
        "objects": units.dissect(objects, data, layer),
        "scenes": units.dissect(scenes, data, layer),
        "rotated": units.dissect(objects, data, layer, rotate=1.0),
        "untrained": units.dissect(reinitialise(network("mini_alexnet")), data, layer),
    }
    values = {name: result.unique_detectors() for name, result in dissections.items()}
    scene_detectors = {
        f"of scenes in {name}": dissections[name].unique_detectors(category="scene")
        for name in ("objects", "scenes")
    }
    passed = values["objects"] > values["rotated"] > values["untrained"]
    passed = passed and scene_detectors["of scenes in scenes"] > scene_detectors["of scenes in objects"]
    criterion = "trained above rotated above untrained; the scene network has more detectors of scenes"
    return ReportRow("unique detectors at conv5", criterion, values | scene_detectors, passed)
