"""Transfer learning: new heads, frozen layers and fine-tuning of a trained network for other tasks.

    heads                  a new head for new classes; freezing; reinitialising all layers after a given one
    fine_tuning            training from pretrained weights, on few pictures, with a learning rate for each layer
    learning_curves        accuracy against examples per class and against frozen layers, compared with training from scratch
    layer_transferability  the experiment with two halves of the classes: general and specific layers
    new_tasks              tasks that a network was not trained for: new classes, scenes, drawn pictures, digits

For a linear classifier or nearest neighbours on the features of a frozen network see `cnnlab.features`; for what a unit responds
to before and after, `cnnlab.units`.
"""

from cnnlab.transfer.fine_tuning import FineTuned, accuracy, fine_tune, fine_tune_epochs
from cnnlab.transfer.heads import freeze, head_name, new_head, reinitialise_after
from cnnlab.transfer.layer_transferability import (
    STAGES,
    TransferabilityResult,
    transfer_init,
    transferability_experiment,
)
from cnnlab.transfer.learning_curves import (
    ExamplesCurve,
    accuracy_by_depth,
    accuracy_by_examples,
    sample_per_class,
    verdicts,
)
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
    "sample_per_class",
    "tasks_for",
    "transfer_init",
    "transferability_experiment",
    "verdicts",
]
