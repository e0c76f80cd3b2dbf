"""Do the networks know their classes, and how sure are they?"""

from __future__ import annotations

from cnnlab import world
from cnnlab.judging.rows import Row, accuracy, network, pictures
from cnnlab.networks.evaluation import evaluate
from cnnlab.networks.plans import PLANS

OBJECT_NETWORKS = ("mini_alexnet", "mini_vgg", "mini_resnet", "mini_densenet")


def four_architectures() -> Row:
    """Accuracy of the four architectures on the whole validation split, with clutter, cover and free backgrounds."""
    found = {name: accuracy(network(name), pictures(2_000)) for name in OBJECT_NETWORKS}
    return Row(
        "object accuracy of the four architectures", "at least 0.95 each", found, min(found.values()) >= 0.95
    )


def confidence() -> Row:
    """Is mini_alexnet as sure as it is right? A softmax that is always sure does not move when the object is covered."""
    judged = evaluate(network("mini_alexnet"), pictures(2_000))
    found = {"median probability": judged.confidence_median, "calibration error": judged.calibration_error}
    holds = judged.confidence_median < 0.98 and judged.calibration_error <= 0.05
    return Row(
        "confidence of mini_alexnet", "median under 0.98, calibration error at most 0.05", found, holds
    )


def random_labels() -> Row:
    """A network can learn labels that mean nothing; then it knows nothing (Zhang et al., 2017)."""
    plan = PLANS["memory_random"]
    training = world.dataset("train", n=plan.pictures, seed=plan.data_seed)
    learned = training.with_random_labels(plan.random_labels, plan.data_seed)
    model, chance = network("memory_random"), 1 / len(training.class_names)
    found = {
        "train": accuracy(model, learned),
        "test": accuracy(model, pictures(2_000)),
        "chance": chance,
        "twin, test": accuracy(network("memory_true"), pictures(2_000)),
    }
    holds = found["train"] == 1.0 and abs(found["test"] - chance) <= 0.02
    return Row("random labels", "train accuracy 1, test accuracy within 0.02 of chance", found, holds)
