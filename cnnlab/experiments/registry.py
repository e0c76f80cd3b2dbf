"""All experiments by name; `cnnlab run` lists them."""

from __future__ import annotations

from cnnlab.experiments.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {}
"""Name to experiment, in the order of the notebooks."""
