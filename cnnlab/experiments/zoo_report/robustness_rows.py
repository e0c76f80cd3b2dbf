"""Robustness rows of the report: attacks, prototypes, textures, backgrounds."""

from __future__ import annotations

from functools import partial

import torch

from cnnlab import attribution, robustness, synthesis, world
from cnnlab.experiments.zoo_report.rows import ReportRow, images_of, network, pictures

PLAIN, ROBUST = "mini_alexnet", "mini_alexnet_robust"


def adversarial() -> ReportRow:
    """Accuracy under attack with an epsilon of 4/255, and of 8/255."""
    data, values, clean = pictures(200), {}, {}
    for epsilon, suffix in ((4, ""), (8, ", at 8/255")):
        attack = partial(robustness.pgd, epsilon=epsilon / 255, steps=10)
        for name, network_name in (("plain", PLAIN), ("robust", ROBUST)):
            result = robustness.robust_accuracy(network(network_name), data, attack)
            values[name + suffix], clean[f"{name}, clean"] = result.accuracy, result.clean_accuracy
    passed = values["plain"] <= 0.10 and values["robust"] >= 0.60
    criterion = "plain at most 0.10, adversarially trained at least 0.60"
    return ReportRow("accuracy under PGD-10 at 4/255", criterion, values | clean, passed)


PLAIN_ASCENT = {"parametrisation": "pixels", "jitter": 0, "zoom": 0.0, "rotate": 0.0, "l2": 0.0, "tv": 0.0}
"""Gradient ascent on pixels without any prior."""


def prototypes() -> ReportRow:
    """Transfer of prototypes: does another network recognise the class in the picture that maximises it for the first one?

    Measured on pictures from plain gradient ascent, which contain nothing but the network's preferences; and on those with the priors
    of `synthesis.maximise`, which also make good pictures from a non-robust network.
    """
    judge, values = network("mini_resnet"), {}
    classes = torch.arange(len(judge.class_names))
    for suffix, options in (("", PLAIN_ASCENT), (", with priors", {})):
        for name, network_name in (("plain", PLAIN), ("robust", ROBUST)):
            images = synthesis.maximise(network(network_name), seed=0, **options).images
            with torch.inference_mode():
                values[name + suffix] = float((judge(images).argmax(1) == classes).double().mean())
    passed = values["robust"] >= 0.6 and values["robust"] >= values["plain"] + 0.2
    criterion = (
        "by plain ascent, from the adversarially trained network at least 0.60, and 0.20 above the plain one"
    )
    return ReportRow("prototypes that mini_resnet calls by their class", criterion, values, passed)


def shape_bias() -> ReportRow:
    """Shape bias: is the shape or the texture of a cue conflict picture named?"""
    conflicts = robustness.cue_conflicts(380)
    values = {
        name: robustness.shape_bias(network(network_name), conflicts).bias
        for name, network_name in (("plain", PLAIN), ("restyled", "mini_alexnet_restyled"))
    }
    criterion = "restyled at least 0.25 above plain"
    return ReportRow(
        "shape bias on cue conflicts", criterion, values, values["restyled"] - values["plain"] >= 0.25
    )


SHORTCUTS = {
    "herd_meadow": ("herd_honest", {"sheep": "rocks", "goat": "meadow"}),
    "herd_snow": ("herd_honest", {"husky": "forest", "wolf": "snow"}),
    "sheep_goat_meadow": ("sheep_goat", {"sheep": "rocks", "goat": "meadow"}),
    "wolf_husky_snow": ("wolf_husky", {"husky": "snow", "wolf": "forest"}),
}
"""For each network trained on backgrounds that reveal the class: its honest counterpart, and swapped backgrounds."""


def shortcuts() -> ReportRow:
    """Background shortcuts: accuracy when the backgrounds of the two classes are swapped."""
    values, passed = {}, True
    for name, (honest, swap) in SHORTCUTS.items():
        size = network(name).input_size
        count = 400 if size == 96 else 100
        data = world.dataset("validation", n=count, classes=tuple(swap), bias=swap, size=size)
        accuracies, background_shares = {}, {}
        for kind, model in (("biased", network(name)), ("honest", network(honest))):
            labels = torch.tensor([model.class_names.index(data.class_names[label]) for label in data.labels])
            correct, maps = [], []
            for images, expected in zip(images_of(data).split(40), labels.split(40), strict=True):
                with torch.inference_mode():
                    correct.append(model(images).argmax(1) == expected)
                maps.append(attribution.grad_cam(model, images, None))
            accuracies[kind] = float(torch.cat(correct).double().mean())
            mass = attribution.relevance_mass(torch.cat(maps), data.masks())
            background_shares[kind] = 1 - mass.mean_share
        values |= {f"{name}: {kind}": value for kind, value in accuracies.items()}
        values |= {f"{name}: on background, {kind}": value for kind, value in background_shares.items()}
        passed &= (
            accuracies["honest"] - accuracies["biased"] >= 0.4
            and background_shares["biased"] > background_shares["honest"]
        )
    criterion = "accuracy with exchanged backgrounds 0.40 lower than the honest network's, Grad-CAM more on the background"
    return ReportRow("shortcuts", criterion, values, passed)
