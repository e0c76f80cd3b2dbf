"""The adversarial patch explorer without a browser: the patch moves, is trained, stopped and compared."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.explorers import AdversarialPatchExplorer
from cnnlab.explorers.render import adversarial_patch as render
from cnnlab.robustness import adversarial_patch, paste_patch, patch_success
from cnnlab.world import dataset, sample


@pytest.fixture
def explorer():
    return AdversarialPatchExplorer("mini_alexnet", 7, target="cup", steps=4)


def move(explorer, *box):
    """What the browser sends when the patch has been moved."""
    explorer.canvas.set_state({"box": list(box)})


def test_it_shows_the_patch_that_the_technique_trains(explorer):
    images = dataset("train", n=64, progress=False).images.float() / 255
    expected = adversarial_patch(explorer.model, images, "cup", steps=4, learning_rate=0.03)
    assert torch.allclose(explorer.patch, expected, atol=1e-6)
    shown = np.asarray(Image.open(io.BytesIO(explorer.canvas.fill_image)).convert("RGB"))
    assert abs(shown - expected.permute(1, 2, 0).numpy() * 255).max() <= 0.51
    assert explorer.canvas.moving_fill and explorer.canvas.cover == "patch"


def test_the_patch_that_it_trains_by_itself_wins_where_it_lies_at_first():
    explorer = AdversarialPatchExplorer("mini_alexnet", 7)
    assert explorer.result.won, explorer.result.summary


def test_the_patch_for_a_class_that_is_harder_to_train_wins_at_most_places():
    explorer = AdversarialPatchExplorer("mini_alexnet", 7, target="cup")
    images = dataset("validation", n=48, progress=False).images.float() / 255
    assert patch_success(explorer.model, images, explorer.patch, "cup", places=2).rate > 0.5


def test_moving_the_patch_asks_the_network_about_that_picture(explorer):
    move(explorer, 40, 20, 30)
    pasted = paste_patch(explorer.image, explorer.patch, top=20, left=40, size=30)
    with torch.inference_mode():
        expected = explorer.model(pasted[None]).softmax(1)[0]
    assert torch.allclose(explorer.result.now, expected, atol=1e-5)
    assert explorer.size.value == 30 and explorer.canvas.result["box"] == [40, 20, 30]
    explorer.size.value = 40
    assert explorer.box == (35, 15, 40)


def test_an_ordinary_picture_and_random_pixels_are_no_training(explorer):
    trained = explorer.patch
    for kind in ("random pixels", "picture of the class"):
        explorer.kind.value = kind
        assert not torch.equal(explorer.patch, trained) and kind.split()[-1] in explorer.describe()
    explorer.kind.value = "trained patch"
    assert torch.equal(explorer.patch, trained)


@pytest.mark.parametrize(
    ("network", "picture"), [("squeezenet", "chelsea"), ("squeezenet", "coffee"), ("mini_alexnet", "cup")]
)
def test_the_first_patch_is_for_a_class_that_the_network_does_not_say(network, picture):
    if picture == "cup":
        picture = sample(7, shape="cup")
    explorer = AdversarialPatchExplorer(network, picture, patch=torch.rand(3, 8, 8))
    assert explorer.target.value != int(explorer.result.clean.argmax())
    assert render.REAL in explorer.kind.options, "there is an ordinary picture of it to compare with"


def test_a_class_of_which_there_is_no_picture_offers_none():
    explorer = AdversarialPatchExplorer("mini_alexnet_scenes", 7, steps=4)
    assert list(explorer.kind.options) == ["trained patch", "random pixels"]


def test_a_given_patch_is_shown_and_not_trained_and_the_code_leaves_it_to_the_reader():
    given = torch.rand(3, 32, 32)
    explorer = AdversarialPatchExplorer("mini_alexnet", 7, target="fish", patch=given)
    assert torch.equal(explorer.patch, given) and "your own" in explorer.code()
    explorer.target.value = explorer.target.value + 1
    assert not torch.equal(explorer.patch, given) and "adversarial_patch(" in explorer.code()


def test_training_can_be_stopped_and_the_code_makes_the_patch_as_far_as_it_came():
    async def scene():
        explorer = AdversarialPatchExplorer("mini_alexnet", 7, target="cup", steps=4)
        explorer.steps.value = 200
        for _ in range(400):
            await asyncio.sleep(0.01)
            if explorer.state.steps > 5:
                break
        assert explorer.background.running and not explorer.stop_button.disabled
        explorer.stop_button.click()
        assert "has been stopped" in explorer.status.value and "%" not in explorer.status.value
        reached = explorer.state.steps
        await asyncio.sleep(0.1)
        assert explorer.state.steps == reached < 200 and f"steps={reached}," in explorer.code()

    asyncio.run(scene())


def test_a_class_that_the_network_does_not_have_is_refused():
    with pytest.raises(ValueError, match="daisi.*not known"):
        AdversarialPatchExplorer("mini_alexnet", target="daisi")
