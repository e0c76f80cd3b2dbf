"""Adversarial attacks, defences and corruptions: how small a change flips a network's prediction, and what helps against it.

    fgsm_pgd              gradient-sign attacks: `fgsm`, `pgd`
    apgd                  PGD that chooses its own step sizes, with a loss that the scale of the logits cannot switch off: `apgd`
    minimal_epsilon       the smallest epsilon at which FGSM succeeds: `minimal_epsilon`
    penalty_attack        the smallest change that reaches a target class: `penalty_attack`
    one_pixel             one-pixel attack, by differential evolution
    black_box             attacks without gradients: `transfer_attack`, `query_attack`
    fooling_images        meaningless images classified with high confidence: `evolve_fooling` (`cppn` generates them)
    adversarial_patch     a patch that is seen as one class wherever it lies: `adversarial_patch`, `patch_success`
    defences              JPEG and noise in front of a network: `JpegDefence`, `NoiseDefence`; masked gradients: `LogitScaleDefence`
    masked_gradients      the signs of a defence that only hides its gradient: `masked_gradient_signs`
    adversarial_training  training on adversarial examples: `adversarial_training`; `random_signs` as a baseline for attacks
    linear_models         a linear classifier of pixels: `linear_classifier`, and how many small changes add up: `small_changes`
    evaluation            accuracy under attack: `robust_accuracy`, `accuracy_by_epsilon`
    corruptions           fifteen common corruptions in five severities: `corrupt` (`noise`, `blur`, `weather`, `digital`)
    corruption_error      CE and mCE
    cue_conflict          shape or texture? `cue_conflict`, `cue_conflicts`, `shape_bias`
    randomised_inputs     images that can only be memorised: `shuffled_pixels`, `random_pixels`, `gaussian_pixels`
    _gradients            logits and input gradients for attacks: `loss_gradient`
    norm_ball, targets    the set that an attack may not leave; the target class of each image

Every attack takes a model that maps images in [0, 1] to logits and leaves it unchanged. Epsilon is in the same pixel values: 4/255
is four of the 255 steps of a stored image. Images that show what a unit or a class detects belong to `cnnlab.synthesis`.
"""

from cnnlab.robustness._gradients import loss_gradient
from cnnlab.robustness.adversarial_patch import (
    PatchStep,
    PatchSuccess,
    adversarial_patch,
    adversarial_patch_steps,
    paste_patch,
    patch_success,
)
from cnnlab.robustness.adversarial_training import adversarial_training, random_signs
from cnnlab.robustness.apgd import apgd
from cnnlab.robustness.black_box import QueryAttack, TransferAttack, query_attack, transfer_attack
from cnnlab.robustness.corruption_error import corruption_error, corruption_errors, mean_corruption_error
from cnnlab.robustness.corruptions import CORRUPTIONS, FAMILIES, SEVERITIES, corrupt
from cnnlab.robustness.cue_conflict import CueConflicts, ShapeBias, cue_conflict, cue_conflicts, shape_bias
from cnnlab.robustness.defences import JpegDefence, LogitScaleDefence, NoiseDefence
from cnnlab.robustness.evaluation import RobustAccuracy, accuracy_by_epsilon, robust_accuracy
from cnnlab.robustness.fgsm_pgd import fgsm, pgd
from cnnlab.robustness.fooling_images import Fooling, evolve_fooling
from cnnlab.robustness.linear_models import SmallChanges, linear_classifier, small_changes
from cnnlab.robustness.masked_gradients import MaskedGradientSigns, masked_gradient_signs
from cnnlab.robustness.minimal_epsilon import MinimalEpsilon, bisect_epsilon, minimal_epsilon
from cnnlab.robustness.one_pixel import OnePixel, one_pixel, one_pixel_steps
from cnnlab.robustness.penalty_attack import PenaltyAttack, penalty_attack
from cnnlab.robustness.randomised_inputs import gaussian_pixels, random_pixels, shuffled_pixels

__all__ = [
    *("CORRUPTIONS", "FAMILIES", "SEVERITIES"),
    *(
        "CueConflicts",
        "MinimalEpsilon",
        "Fooling",
        "JpegDefence",
        "LogitScaleDefence",
        "MaskedGradientSigns",
        "NoiseDefence",
        "OnePixel",
        "PatchStep",
        "PatchSuccess",
        "PenaltyAttack",
    ),
    *("QueryAttack", "RobustAccuracy", "ShapeBias", "SmallChanges", "TransferAttack"),
    *(
        "accuracy_by_epsilon",
        "adversarial_patch",
        "adversarial_patch_steps",
        "adversarial_training",
        "apgd",
        "bisect_epsilon",
        "corrupt",
        "corruption_error",
        "corruption_errors",
        "cue_conflict",
        "cue_conflicts",
    ),
    *(
        "evolve_fooling",
        "fgsm",
        "minimal_epsilon",
        "linear_classifier",
        "loss_gradient",
        "masked_gradient_signs",
        "mean_corruption_error",
    ),
    *(
        "one_pixel",
        "one_pixel_steps",
        "paste_patch",
        "patch_success",
        "penalty_attack",
        "pgd",
        "query_attack",
        "robust_accuracy",
        "shape_bias",
    ),
    *("random_signs", "small_changes", "transfer_attack"),
]
