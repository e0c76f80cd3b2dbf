"""Techniques that take a set of pictures take the reader's photographs and their crops as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import cnnlab
from cnnlab import features, units

COLOURS = {"red": (150, 30, 30), "green": (30, 140, 40), "blue": (30, 40, 160)}


class Means(nn.Sequential):
    """Mean colours of 8 x 8 pixels, as units that are never negative."""

    input_size = 32

    def __init__(self):
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 8, 8, bias=False), nn.ReLU()
        self.flatten, self.fc = nn.Flatten(), nn.Linear(48, 2)
        with torch.no_grad():
            self.conv.weight.zero_()
            for channel in range(3):
                self.conv.weight[channel, channel] = 1 / 64


@pytest.fixture(scope="module")
def model():
    return Means().eval()


@pytest.fixture(scope="module")
def own_photographs(tmp_path_factory):
    """Four noisy photographs of each colour, in a folder of its name, of different shapes; "blue/3" has one bright spot."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir()
        for number in range(4):
            height, width = 40 + 6 * number, 64 - 4 * number
            pixels = np.array(colour) + generator.normal(0, 12, (height, width, 3))
            if (name, number) == ("blue", 3):
                middle = slice(height // 2 - 14, height // 2 + 14), slice(width // 2 - 14, width // 2 + 14)
                pixels[middle] = 255
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")
    return cnnlab.photographs(folder)


@pytest.mark.parametrize("kind", ["squares", "crops"])
@pytest.mark.parametrize("layer", ["pixels", "relu"])
def test_the_nearest_codes_are_of_the_same_class(model, own_photographs, kind, layer):
    pictures = own_photographs.dataset(32) if kind == "squares" else own_photographs.crops(32, per_photo=4)
    vectors = features.extract_features(model, pictures, layer)
    assert torch.equal(vectors, features.extract_features(model, pictures.images / 255, layer))
    result = features.neighbours(vectors, k=3)
    same = pictures.labels[result.index] == pictures.labels[:, None]
    bright = result.index.new_tensor([pictures.class_names.index("blue")])
    assert same[pictures.labels != bright].all(), "all are alike but those with the bright spot"
    assert features.precision_at_k(vectors, pictures.labels, 3).rate > 0.75
    assert features.mean_average_precision(vectors, pictures.labels).mean > 0.75


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_map_keeps_the_classes_apart(model, own_photographs, method):
    pictures = own_photographs.crops(32, per_photo=5)
    points = features.embed(features.extract_features(model, pictures, "relu", "sum"), method, perplexity=8)
    assert features.precision_at_k(points, pictures.labels, 3).rate > 0.75


def test_the_strongest_patch_is_the_bright_spot(model, own_photographs):
    pictures = own_photographs.dataset(32)
    result = units.top_patches(model, pictures, "relu", k=1)
    position = own_photographs.names.index("blue/3")
    assert (result.picture[:2, 0] == position).sum() == 2, "red and green are nowhere as strong as in white"
    patch = result.crops(pictures, 0)[0]
    assert patch.shape == (3, 8, 8) and float(patch.min()) > 0.9
    along = units.top_along_direction(model, pictures, "relu", torch.ones(3), k=1)
    assert int(along.picture[0, 0]) == position


def test_photographs_without_a_size_are_refused_with_the_call_that_helps(model, own_photographs):
    with pytest.raises(TypeError, match=r"photographs\.dataset\(224\)"):
        features.extract_features(model, own_photographs, "relu")


def test_a_loader_of_torch_reads_them(own_photographs):
    pictures = own_photographs.crops(16, per_photo=2)
    batches = list(torch.utils.data.DataLoader(pictures, batch_size=5))
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert torch.equal(images, pictures.images / 255) and torch.equal(labels, pictures.labels)
