"""The weights in the package: small enough, each with a card that says where it comes from."""

import pytest
import torch

from cnnlab.networks import load, weight_files
from cnnlab.networks.recipes import RECIPES

SHIPPED = weight_files.shipped()


def test_all_together_take_at_most_25_megabytes():
    assert sum(file.stat().st_size for file in weight_files.FOLDER.iterdir()) <= 25e6


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_loads_and_answers(name):
    model = load(name)
    with torch.inference_mode():
        scores = model(torch.rand(2, 3, model.input_size, model.input_size))
    assert scores.shape[:2] == (2, len(model.class_names)) and scores.isfinite().all()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_tells_the_recipe_of_the_plan(name):
    card, config = weight_files.card(name), RECIPES[name]
    assert card["architecture"] == config.architecture and card["task"] == config.task
    assert card["data"]["pictures"] == config.pictures and card["plan"]["epochs"] == config.epochs
    assert len(card["history"]["loss"]) == config.epochs
    assert card["seed"] == 0 and card["seconds"] > 0 and card["machine"]["device"]
