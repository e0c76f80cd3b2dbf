"""Registry of all experiments by name; `cnnlab run` lists them."""

from __future__ import annotations

from cnnlab.experiments import (
    attacks,
    corruptions,
    dissection,
    fooling,
    memorization,
    microscope,
    part_truth,
    retrieval,
    segmentation,
    transfer,
)
from cnnlab.experiments.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "attacks": attacks.ATTACKS,
    "transferred_attacks": attacks.TRANSFER,
    "defences": attacks.ADAPTIVE_ATTACKS,
    "fooling_evolved": fooling.EVOLUTION,
    "fooling_retrained": fooling.RETRAINING,
    "corruptions": corruptions.CORRUPTION_ERRORS,
    "random_labels": memorization.RANDOM_LABELS,
    "scrambled": memorization.SCRAMBLED_INPUTS,
    "regularisers": memorization.REGULARISATION,
    "dissection": dissection.DISSECTION,
    "dissection_basis": dissection.BASIS,
    "retrieval": retrieval.RETRIEVAL,
    "new_domains": transfer.NEW_DOMAINS,
    "examples_per_class": transfer.EXAMPLES,
    "halves": transfer.HALVES,
    "places_remembered": segmentation.UPSAMPLING_METHODS,
    "rendered_to_drawn": segmentation.DOMAIN_SHIFT,
    "parts": part_truth.PARTS,
    "atlas": microscope.ATLAS,
    "unit_sheets": microscope.SHEETS,
}
"""Experiments by name, in the order of the notebooks."""
