"""What is a trained network good for beside its own task? Its layers kept, frozen, trained on.

    heads    a new head for new classes; freezing; everything behind a layer fresh
    tuning   training on from given weights, on few pictures, each layer at its own rate
    curves   accuracy against examples per class and against frozen layers, beside learning from scratch
    halves   the experiment with two halves of the classes: general and specific layers
    tasks    what a network was not trained for: new classes, scenes, drawn pictures, digits

A linear classifier or neighbours on the features of a network that stays as it is are in `cnnlab.features`; what a unit looks for before
and after is asked in `cnnlab.units`.
"""

from cnnlab.transfer.curves import ExamplesCurve, accuracy_by_depth, accuracy_by_examples
from cnnlab.transfer.halves import STAGES, Halves, continuation, halves_experiment
from cnnlab.transfer.heads import freeze, head_name, new_head, restart_behind
from cnnlab.transfer.tasks import NewTask, new_task, tasks_for
from cnnlab.transfer.tuning import Tuned, accuracy, fine_tune, fine_tune_passes

__all__ = [
    "STAGES",
    "ExamplesCurve",
    "Halves",
    "NewTask",
    "Tuned",
    "accuracy",
    "accuracy_by_depth",
    "accuracy_by_examples",
    "continuation",
    "fine_tune",
    "fine_tune_passes",
    "freeze",
    "halves_experiment",
    "head_name",
    "new_head",
    "new_task",
    "restart_behind",
    "tasks_for",
]
