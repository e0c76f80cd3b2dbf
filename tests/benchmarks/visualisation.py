"""Feature visualisation beside lucent on squeezenet, in one run: `python tests/benchmarks/visualisation.py --lucent FOLDER`.

Lucent is the port of Lucid to torch; `pip install --no-deps --target FOLDER torch-lucent kornia decorator` puts it beside the kit. Sixteen
class images of 100 steps and 64 units, each as both make them by default, at one size. A class image is good if the *other* network
recognises it; a unit's picture, if the unit is active on it as it is, unmoved. Some four minutes on two cores.

Both make all pictures in one batch. The microscope makes the pictures of units one by one, since each is shown as it grows.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from cs231n import SEED, WELL_KNOWN, recognised
from timing import timed
from torch import Tensor, nn

import cnnlab
from cnnlab.networks import record_activations
from cnnlab.synthesis import channel, maximise

CLASSES, STEPS, SIDE = 16, 100, 160
LAYER, UNITS, UNIT_STEPS, UNIT_SIDE = "fire5", 64, 64, 128


def lucent_images(model: nn.Module, layer: str, numbers: Sequence[int], side: int, steps: int) -> Tensor:
    """Lucent's pictures of these channels of a layer, N x 3 x side x side, by its default transforms, optimiser and Fourier basis."""
    import kornia
    from lucent.optvis import objectives, param, render

    for name in ("get_rotation_matrix2d", "warp_affine"):  # where kornia had them when lucent was written
        setattr(kornia, name, getattr(kornia.geometry.transform, name))
    torch.manual_seed(0)
    objective = sum(objectives.channel(layer, number, batch=place) for place, number in enumerate(numbers))
    (pictures,) = render.render_vis(
        model,
        objective,
        lambda: param.image(side, batch=len(numbers)),
        thresholds=(steps,),
        preprocess=False,  # the kit's networks normalise by themselves
        fixed_image_size=side,
        progress=False,
        show_image=False,
    )
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


@torch.inference_mode()
def activity(model: nn.Module, images: Tensor) -> Tensor:
    """The mean of unit n on picture n, N."""
    with record_activations(model, [LAYER]) as found:
        model(images)
    return found[LAYER].mean((2, 3)).diagonal()


def main() -> None:
    model, judge = cnnlab.load("squeezenet").eval(), cnnlab.load("efficientnet_lite0").eval()
    classes = [
        list(model.class_names).index(name) for name in random.Random(SEED).sample(WELL_KNOWN, CLASSES)
    ]
    made = {
        "kit": timed(lambda: maximise(model, classes, steps=STEPS, size=SIDE, seed=SEED).images),
        "lucent": timed(lambda: lucent_images(model, "labels", classes, SIDE, STEPS)),
    }
    print(f"{CLASSES} class images, {STEPS} steps, {SIDE} x {SIDE}")
    for who, (seconds, images) in made.items():
        first, five, _ = recognised(judge, images, classes)
        print(
            f"  {who:6} {seconds:5.1f} s; the other network says the class first {first:.0%}, among five {five:.0%}"
        )
    print(f"  lucent takes {made['lucent'][0] / made['kit'][0]:.2f} of the kit's time")
    units = channel(LAYER, range(UNITS))
    made = {
        "kit": timed(lambda: maximise(model, units, steps=UNIT_STEPS, size=UNIT_SIDE, seed=SEED).images),
        "lucent": timed(lambda: lucent_images(model, LAYER, range(UNITS), UNIT_SIDE, UNIT_STEPS)),
    }
    active = {who: activity(model, images) for who, (_, images) in made.items()}
    print(f"{UNITS} units of {LAYER}, {UNIT_SIDE} x {UNIT_SIDE}, {UNIT_STEPS} steps")
    for who, (seconds, _) in made.items():
        print(f"  {who:6} {seconds:5.1f} s; mean activity {active[who].mean():.2f}")
    higher = (active["kit"] > active["lucent"]).float().mean()
    print(
        f"  lucent takes {made['lucent'][0] / made['kit'][0]:.2f} of the kit's time; {higher:.0%} of the units are more active for the kit"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lucent", type=Path, required=True, help="the folder that lucent was installed in")
    sys.path.append(str(parser.parse_args().lucent.resolve()))
    torch.manual_seed(0)
    main()
