"""Experiments that take longer than a reader should wait: run once in full, recorded, and repeatable by name.

    experiment  what an experiment is: a question, a grid of cells, a function that measures one cell
    registry    all experiments by name
    runner      run one, quick or in full; an interrupted full run goes on where it stopped
    records     the rows of full runs that ship with the kit, with recipe, seed, machine and duration

A notebook runs the quick version live and plots the recorded full one beside it, and says which is which. `cnnlab run NAME` repeats a
full run. The techniques themselves are in their rooms; an experiment only calls them, cell by cell.
"""

from cnnlab.experiments.experiment import Experiment
from cnnlab.experiments.records import Record, load_record
from cnnlab.experiments.registry import EXPERIMENTS
from cnnlab.experiments.runner import run

__all__ = ["EXPERIMENTS", "Experiment", "Record", "load_record", "run"]
