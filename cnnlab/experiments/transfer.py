"""Transfer experiments with networks that were trained on one half of the classes (`half_a`, `half_b`).

    examples  a network trained on half A learns the classes of half B from few examples, compared with training from scratch
    halves    the first layers of A or B, frozen or fine-tuned, below new layers for B (Yosinski et al., 2014)

Both are sized for a lecture: hundreds of pictures and a few epochs, where the papers use a million pictures and weeks. What this size
can and cannot show is discussed with the records, in notebook 17.
"""

from __future__ import annotations

from typing import Any

from cnnlab import world
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.zoo import load
from cnnlab.transfer import accuracy_by_examples, transferability_experiment
from cnnlab.transfer.learning_curves import Examples

KEYWORDS = {"rate": "learning_rate", "scratch_rate": "scratch_learning_rate"}
"""Option names in the records, and the keywords of the techniques."""


def measure_examples(
    per_class: int, seed: int, *, source: str, pictures: int, test_pictures: int, **options: Any
) -> dict[str, float]:
    """Accuracy on new classes after `per_class` examples of each, by three methods with equally many steps.

    Parameters
    ----------
    per_class, seed
        Number of examples of each class, and the seed that selects them and initialises the new weights.
    source
        The pretrained network; the new task is to classify all objects that are *not* among its classes.
    pictures, test_pictures
        Number of pictures of the split from which examples are drawn, and of the test split.
    options
        For `cnnlab.transfer.accuracy_by_examples`: `steps`, `batch_size`, and the learning rates as `rate` and `scratch_rate`.

    Returns
    -------
    dict
        "frozen", "tuned" and "scratch".
    """
    model = load(source)
    classes = [name for name in world.OBJECTS if name not in model.class_names]
    result = accuracy_by_examples(
        model,
        images_of_classes("train", classes, pictures),
        images_of_classes("test", classes, test_pictures),
        classes,
        per_class=[per_class],
        seeds=[seed],
        **{KEYWORDS.get(key, key): value for key, value in options.items()},
    )
    return {condition: round(float(values), 4) for condition, values in result.accuracy.items()}


def measure_halves(
    layer: str, seed: int, *, pictures: int, test_pictures: int, **options: Any
) -> dict[str, float]:
    """Accuracy on the classes of B with the layers up to `layer` from A or from B, frozen or fine-tuned.

    Parameters
    ----------
    layer, seed
        The last transferred layer; the seed determines the new weights above it and the order of the pictures.
    pictures, test_pictures
        Number of pictures of B: the first of base B's training pictures, and pictures that no network has seen.
    options
        For `cnnlab.transfer.fine_tune`: `epochs`, `batch_size`, and the learning rate as `rate`.

    Returns
    -------
    dict
        "BnB", "BnB+", "AnB", "AnB+", and "base": base B itself, untouched.
    """
    base_b = load("half_b")
    train, test = (
        images_of_classes(split, base_b.class_names, n)
        for split, n in (("train", pictures), ("test", test_pictures))
    )
    result = transferability_experiment(
        load("half_a"),
        base_b,
        train,
        test,
        layers=[layer],
        seeds=[seed],
        **{KEYWORDS.get(key, key): value for key, value in options.items()},
    )
    shares = {treatment: round(float(values), 4) for treatment, values in result.accuracy.items()}
    return shares | {"base": round(result.base, 4)}


def images_of_classes(split: str, classes: list[str] | tuple[str, ...], n: int) -> Examples:
    """Pictures of the given classes, and their labels."""
    data = world.dataset(split, n=n, classes=classes, progress=False)
    return data.images, data.labels


EXAMPLES = Experiment(
    "How many examples does a new class need, with what a network knows of other classes and without?",
    measure_examples,
    grid={"per_class": (1, 4, 16, 64), "seed": (0, 1, 2)},
    options={
        "source": "half_a",
        "pictures": 960,
        "test_pictures": 400,
        "steps": 80,
        "batch_size": 16,
        "rate": 0.02,
        "scratch_rate": 0.05,
    },
    quick_grid={"per_class": (4, 16), "seed": (0,)},
    quick_options={"steps": 25, "test_pictures": 100},
)

HALVES = Experiment(
    "Up to which layer are features good for any classes, and from where on only for their own?",
    measure_halves,
    grid={"layer": ("pool1", "relu3", "relu5", "relu7"), "seed": (0, 1)},
    options={"pictures": 400, "test_pictures": 400, "epochs": 3, "batch_size": 16, "rate": 0.02},
    quick_grid={"layer": ("relu6", "relu7"), "seed": (0,)},
    quick_options={"pictures": 160, "test_pictures": 100, "epochs": 2},
)
