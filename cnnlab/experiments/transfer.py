"""What is transfer worth? Two experiments with networks that know one half of the classes (`half_a`, `half_b`).

    examples  a network that knows half A learns the classes of half B from few examples, beside one that knows nothing
    halves    the first layers of A or of B, kept or trained on, under new layers for B (Yosinski et al., 2014)

Both are of the size of a lecture: hundreds of pictures and a few passes where the papers take a million and weeks. What such a size
can show and what it cannot is said where the records are shown, in notebook 17.
"""

from __future__ import annotations

from typing import Any

from cnnlab import world
from cnnlab.experiments.experiment import Experiment
from cnnlab.networks.zoo import load
from cnnlab.transfer import accuracy_by_examples, transferability_experiment
from cnnlab.transfer.learning_curves import Examples

KEYWORDS = {"rate": "learning_rate", "scratch_rate": "scratch_learning_rate"}
"""Names of options in the records, and the keywords of the techniques."""


def measure_examples(
    per_class: int, seed: int, *, source: str, pictures: int, test_pictures: int, **options: Any
) -> dict[str, float]:
    """Accuracy on new classes after `per_class` examples of each, in three ways that take equally many steps.

    Parameters
    ----------
    per_class, seed
        How many examples of each class are drawn, and which ones; the seed also decides the new weights.
    source
        A network whose classes are *not* asked: the new task is to tell all other objects apart.
    pictures, test_pictures
        Of the split from which examples are drawn, and of the one on which the result is tried.
    options
        For `cnnlab.transfer.accuracy_by_examples`: `steps`, `batch_size`, `rate`, `scratch_learning_rate`.

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
    """Accuracy on the classes of B with the layers up to `layer` from A or from B, kept as they are or trained on.

    Parameters
    ----------
    layer, seed
        The last layer that is taken over; the seed decides the new weights above it and the order of the pictures.
    pictures, test_pictures
        Of B: the beginning of the pictures on which base B was trained, and pictures that no network has seen.
    options
        For `cnnlab.transfer.fine_tune`: `epochs`, `batch_size`, `rate`.

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
    """Pictures of these classes alone, and their labels."""
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
