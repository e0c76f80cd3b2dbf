"""The exercises of the lecture notebooks, each with a plain reference and hints keyed on how an answer is wrong.

A module holds the exercises of one notebook, as functions of the answer (see `exercise.Exercise`), and lists them under their names
("05.hit") in its `EXERCISES`. References are written from the definition, without the technique rooms of the kit.
"""

from cnnlab.grading.exercises import (
    activations,
    adversarial,
    brains,
    corruptions,
    dissection,
    filters,
    fooling,
    grad_cam,
    inversion,
    last_layer,
    layers_and_shapes,
    maximisation,
    memorization,
    occlusion,
    retrieval,
    saliency,
    segmentation,
    style,
    transfer,
)
from cnnlab.grading.exercises.exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    **dissection.EXERCISES,
    **retrieval.EXERCISES,
    **memorization.EXERCISES,
    **corruptions.EXERCISES,
    **filters.EXERCISES,
    **layers_and_shapes.EXERCISES,
    **inversion.EXERCISES,
    **style.EXERCISES,
    **maximisation.EXERCISES,
    **occlusion.EXERCISES,
    **activations.EXERCISES,
    **last_layer.EXERCISES,
    **saliency.EXERCISES,
    **segmentation.EXERCISES,
    **grad_cam.EXERCISES,
    **transfer.EXERCISES,
    **brains.EXERCISES,
    **adversarial.EXERCISES,
    **fooling.EXERCISES,
}
