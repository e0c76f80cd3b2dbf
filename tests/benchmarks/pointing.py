"""How well the shipped network and occlusion do on validation pictures: `python tests/benchmarks/pointing.py [COUNT]`.

Prints the accuracy on all 2 000 validation pictures, and on the first COUNT (200) of them the pointing game of occlusion (size 24,
stride 4) beside the centre and random pixels, with the share of the drop that lies on the object.
"""

from __future__ import annotations

import sys

import torch
from tqdm import tqdm

import cnnlab as lab

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    model = lab.load("mini_alexnet")
    data = lab.world.dataset("validation")
    with torch.inference_mode():
        predicted = torch.cat([model(batch.float() / 255).argmax(1) for batch in data.images.split(100)])
    print(f"accuracy on {len(data)} validation pictures: {(predicted == data.labels).float().mean():.1%}")

    maps, masks = [], data.masks()[:count]
    for index in tqdm(range(count), desc="occlusion maps"):
        image, label = data[index]
        maps.append(lab.attribution.occlusion(model, image, label, size=24, stride=4).to_pixels(96, 96))
    game = lab.attribution.pointing_game(torch.stack(maps), masks, seed=0)
    mass = lab.attribution.relevance_mass(torch.stack(maps), masks)
    print(
        f"pointing game on {count} pictures: occlusion {game.rate:.3f}, centre {game.centre_rate:.3f}, random {game.random_rate:.3f}"
    )
    print(f"share of the drop on the object {mass.mean_share:.3f}, share of the picture {mass.mean_area:.3f}")
