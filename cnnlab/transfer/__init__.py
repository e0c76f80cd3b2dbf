"""What is a trained network good for beside its own task? Its layers kept, frozen, trained on.

    heads                  a new head for new classes; freezing; everything behind a layer fresh
    fine_tuning            training on from given weights, on few pictures, each layer at its own rate
    learning_curves        accuracy against examples per class and against frozen layers, beside learning from scratch
    layer_transferability  the experiment with two halves of the classes: general and specific layers
    new_tasks              what a network was not trained for: new classes, scenes, drawn pictures, digits

A linear classifier or neighbours on the features of a network that stays as it is are in `cnnlab.features`; what a unit looks for before
and after is asked in `cnnlab.units`.
"""

from cnnlab.transfer.fine_tuning import FineTuned, accuracy, fine_tune, fine_tune_epochs
from cnnlab.transfer.heads import freeze, head_name, new_head, reinitialise_after
from cnnlab.transfer.layer_transferability import (
    STAGES,
    TransferabilityResult,
    transfer_init,
    transferability_experiment,
)
from cnnlab.transfer.learning_curves import ExamplesCurve, accuracy_by_depth, accuracy_by_examples
from cnnlab.transfer.new_tasks import NewTask, new_task, tasks_for

__all__ = [
    "STAGES",
    "ExamplesCurve",
    "FineTuned",
    "NewTask",
    "TransferabilityResult",
    "accuracy",
    "accuracy_by_depth",
    "accuracy_by_examples",
    "fine_tune",
    "fine_tune_epochs",
    "freeze",
    "head_name",
    "new_head",
    "new_task",
    "reinitialise_after",
    "tasks_for",
    "transfer_init",
    "transferability_experiment",
]
