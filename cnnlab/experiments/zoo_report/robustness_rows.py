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


BACKGROUND_SWAPS = {
    "herd_meadow": {"sheep": "rocks", "goat": "meadow"},
    "herd_snow": {"husky": "forest", "wolf": "snow"},
}
"""For each network trained on backgrounds that reveal the class: the swapped backgrounds."""


def shortcuts() -> ReportRow:
    """Background shortcuts: accuracy when the backgrounds of the two classes are swapped."""
    values, passed = {}, True
    for name, swap in BACKGROUND_SWAPS.items():
        data = world.dataset("validation", n=400, classes=tuple(swap), bias=swap)
        images, masks, accuracies, background_shares = images_of(data), data.masks(), {}, {}
        for model in (network(name), network("herd_honest")):
            labels = [model.class_names.index(data.class_names[label]) for label in data.labels.tolist()]
            with torch.inference_mode():
                correct = model(images).argmax(1) == torch.tensor(labels)
            accuracies[model.name] = float(correct.double().mean())
            relevance = attribution.grad_cam(model, images, None)
            background_shares[model.name] = 1 - attribution.relevance_mass(relevance, masks).mean_share
        values |= {f"{name}: biased": accuracies[name], f"{name}: honest": accuracies["herd_honest"]}
        values |= {
            f"{name}: on background, biased": background_shares[name],
            f"{name}: on background, honest": background_shares["herd_honest"],
        }
        passed &= (
            accuracies["herd_honest"] - accuracies[name] >= 0.4
            and background_shares[name] > background_shares["herd_honest"]
        )
    criterion = "accuracy with exchanged backgrounds 0.40 lower than the honest network's, Grad-CAM more on the background"
    return ReportRow("shortcuts", criterion, values, passed)
