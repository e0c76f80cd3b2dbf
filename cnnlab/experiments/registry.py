"""All experiments by name; `cnnlab run` lists them."""

from __future__ import annotations

from cnnlab.experiments import (
    attacks,
    by_heart,
    corrupted,
    dissection,
    fooling,
    masks,
    retrieval,
    transferring,
)
from cnnlab.experiments.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "attacks": attacks.ATTACKS,
    "transferred_attacks": attacks.TRANSFER,
    "defences": attacks.DEFENDED,
    "fooling_retrained": fooling.RETRAINED,
    "corruptions": corrupted.CORRUPTED,
    "random_labels": by_heart.RANDOM_LABELS,
    "scrambled": by_heart.SCRAMBLED,
    "regularisers": by_heart.REGULARISED,
    "dissection": dissection.DISSECTION,
    "dissection_basis": dissection.BASIS,
    "retrieval": retrieval.RETRIEVAL,
    "examples_per_class": transferring.EXAMPLES,
    "halves": transferring.HALVES,
    "places_remembered": masks.WAY_UP,
    "rendered_to_drawn": masks.RENDERED_TO_DRAWN,
}
"""Name to experiment, in the order of the notebooks."""
