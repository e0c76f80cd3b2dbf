"""What turns the answers, and what does not: attacks, prototypes, textures, backgrounds."""

from __future__ import annotations

from functools import partial

import torch

from cnnlab import attribution, robustness, synthesis, world
from cnnlab.judging.rows import Row, images_of, network, pictures

PLAIN, ROBUST = "mini_alexnet", "mini_alexnet_robust"


def adversarial() -> Row:
    """Accuracy when each pixel may change by 4 of 255 to the worst; and by 8 of 255."""
    data, found, clean = pictures(200), {}, {}
    for epsilon, how in ((4, ""), (8, ", at 8/255")):
        attack = partial(robustness.pgd, epsilon=epsilon / 255, steps=10)
        for name, full in (("plain", PLAIN), ("robust", ROBUST)):
            result = robustness.robust_accuracy(network(full), data, attack)
            found[name + how], clean[f"{name}, clean"] = result.accuracy, result.clean_accuracy
    holds = found["plain"] <= 0.10 and found["robust"] >= 0.60
    bar = "plain at most 0.10, adversarially trained at least 0.60"
    return Row("accuracy under PGD-10 at 4/255", bar, found | clean, holds)


PLAINLY = {"parametrisation": "pixels", "jitter": 0, "zoom": 0.0, "turn": 0.0, "l2": 0.0, "tv": 0.0}
"""Nothing but gradient ascent on pixels."""


def prototypes() -> Row:
    """Does another network see the class in the picture that the first one likes best?

    Asked of pictures by nothing but gradient ascent, where all that is in a picture comes from the network; beside it those with the priors
    of `synthesis.maximise`, which make good pictures from a plain network as well.
    """
    judge, found = network("mini_resnet"), {}
    classes = torch.arange(len(judge.class_names))
    for how, options in (("", PLAINLY), (", with priors", {})):
        for name, full in (("plain", PLAIN), ("robust", ROBUST)):
            images = synthesis.maximise(network(full), seed=0, **options).images
            with torch.inference_mode():
                found[name + how] = float((judge(images).argmax(1) == classes).double().mean())
    holds = found["robust"] >= 0.6 and found["robust"] >= found["plain"] + 0.2
    bar = (
        "by plain ascent, from the adversarially trained network at least 0.60, and 0.20 above the plain one"
    )
    return Row("prototypes that mini_resnet calls by their class", bar, found, holds)


def shape_bias() -> Row:
    """The shape of one class in the texture of another: which of them is named?"""
    conflicts = robustness.cue_conflicts(380)
    found = {
        name: robustness.shape_bias(network(full), conflicts).bias
        for name, full in (("plain", PLAIN), ("restyled", "mini_alexnet_restyled"))
    }
    bar = "restyled at least 0.25 above plain"
    return Row("shape bias on cue conflicts", bar, found, found["restyled"] - found["plain"] >= 0.25)


SWAPS = {
    "herd_meadow": {"sheep": "rocks", "goat": "meadow"},
    "herd_snow": {"husky": "forest", "wolf": "snow"},
}
"""For each network that was trained on backgrounds that give the class away: the backgrounds exchanged."""


def shortcuts() -> Row:
    """What is left when each of the two classes stands where the other one used to?"""
    found, holds = {}, True
    for name, swap in SWAPS.items():
        data = world.dataset("validation", n=400, classes=tuple(swap), bias=swap)
        images, masks, rates, shares = images_of(data), data.masks(), {}, {}
        for model in (network(name), network("herd_honest")):
            labels = [model.class_names.index(data.class_names[label]) for label in data.labels.tolist()]
            with torch.inference_mode():
                right = model(images).argmax(1) == torch.tensor(labels)
            rates[model.name] = float(right.double().mean())
            relevance = attribution.grad_cam(model, images, None)
            shares[model.name] = 1 - attribution.relevance_mass(relevance, masks).mean_share
        found |= {f"{name}: biased": rates[name], f"{name}: honest": rates["herd_honest"]}
        found |= {
            f"{name}: on background, biased": shares[name],
            f"{name}: on background, honest": shares["herd_honest"],
        }
        holds &= rates["herd_honest"] - rates[name] >= 0.4 and shares[name] > shares["herd_honest"]
    bar = "accuracy with exchanged backgrounds 0.40 lower than the honest network's, Grad-CAM more on the background"
    return Row("shortcuts", bar, found, holds)
