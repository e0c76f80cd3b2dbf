"""Experiments that take too long to run while reading: run once in full, recorded, and repeatable by name.

    experiment  the definition of an experiment: a question, a grid of cells, a function that measures one cell
    registry    all experiments by name
    memorization  a network on random labels or scrambled pixels, also epoch by epoch: `make_task`, `train_epochs`
    runner      run an experiment, quick or in full; an interrupted full run continues where it stopped
    records     the rows of full runs that ship with the kit, with recipe, seed, machine and duration

A notebook runs the quick version live and plots the recorded full one beside it, both labelled. `cnnlab run NAME` repeats a
full run. The techniques are in other packages; an experiment only calls them, cell by cell.
"""

from cnnlab.experiments.experiment import Experiment
from cnnlab.experiments.memorization import make_task, train_epochs
from cnnlab.experiments.records import Record, load_record
from cnnlab.experiments.registry import EXPERIMENTS
from cnnlab.experiments.runner import run

__all__ = ["EXPERIMENTS", "Experiment", "Record", "load_record", "make_task", "run", "train_epochs"]
