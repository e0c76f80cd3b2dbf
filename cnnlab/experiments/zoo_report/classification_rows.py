"""Classification rows of the report: accuracy and calibration of the networks."""

from __future__ import annotations

from cnnlab import world
from cnnlab.experiments.zoo_report.rows import ReportRow, accuracy, network, pictures
from cnnlab.networks.evaluation import evaluate
from cnnlab.networks.recipes import RECIPES

OBJECT_NETWORKS = ("mini_alexnet", "mini_vgg", "mini_resnet", "mini_densenet")


def four_architectures() -> ReportRow:
    """Accuracy of the four architectures on the whole validation split, with clutter, cover and free backgrounds."""
    values = {name: accuracy(network(name), pictures(2_000)) for name in OBJECT_NETWORKS}
    return ReportRow(
        "object accuracy of the four architectures",
        "at least 0.95 each",
        values,
        min(values.values()) >= 0.95,
    )


def confidence() -> ReportRow:
    """Calibration of mini_alexnet: mean confidence and accuracy. A softmax that is always sure does not change under occlusion."""
    evaluation = evaluate(network("mini_alexnet"), pictures(2_000))
    values = {
        "median probability": evaluation.confidence_median,
        "calibration error": evaluation.calibration_error,
    }
    passed = evaluation.confidence_median < 0.98 and evaluation.calibration_error <= 0.05
    return ReportRow(
        "confidence of mini_alexnet", "median under 0.98, calibration error at most 0.05", values, passed
    )


def random_labels() -> ReportRow:
    """Memorization of random labels: a network fits them and does not generalise (Zhang et al., 2017)."""
    plan = RECIPES["memory_random"]
    training_set = world.dataset("train", n=plan.pictures, seed=plan.data_seed)
    relabelled = training_set.with_random_labels(plan.random_labels, plan.data_seed)
    model, chance_level = network("memory_random"), 1 / len(training_set.class_names)
    values = {
        "train": accuracy(model, relabelled),
        "test": accuracy(model, pictures(2_000)),
        "chance": chance_level,
        "twin, test": accuracy(network("memory_true"), pictures(2_000)),
    }
    passed = values["train"] == 1.0 and abs(values["test"] - chance_level) <= 0.02
    return ReportRow("random labels", "train accuracy 1, test accuracy within 0.02 of chance", values, passed)
