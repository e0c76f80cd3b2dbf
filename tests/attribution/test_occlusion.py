"""The occlusion map is what its definition says, agrees with Captum's, grows without loss and leaves everything as it was."""

from __future__ import annotations

from itertools import product

import captum.attr
import pytest
import torch
from enlivening import enliven
from torch import Tensor, nn
from unchanged import state

from cnnlab.attribution import (
    FILLS,
    OcclusionMap,
    fill_image,
    occlude,
    occluder_positions,
    occlusion,
    occlusion_steps,
)
from cnnlab.networks.architectures import MiniAlexNet


@pytest.fixture
def model() -> nn.Module:
    net = nn.Sequential(
        *(
            nn.Conv2d(3, 8, 5, 2, 2),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Dropout(0.5),
        ),
        *(nn.Conv2d(8, 12, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(6)),
    )
    net(torch.rand(1, 3, 32, 40))
    net.class_names = ("sheep", "goat", "wolf", "husky", "bird", "fish")
    return enliven(net).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.rand(3, 32, 40)


def by_definition(model: nn.Module, image: Tensor, size: int, stride: int, fill="grey", seed=0) -> Tensor:
    """R x C x classes: the probabilities, one picture after the other."""
    rows, columns = (
        occluder_positions(image.shape[1], size, stride),
        occluder_positions(image.shape[2], size, stride),
    )
    answers = torch.empty(len(rows), len(columns), model(image[None].clone()).shape[1], dtype=image.dtype)
    for (i, top), (j, left) in product(enumerate(rows), enumerate(columns)):
        answers[i, j] = model(occlude(image, top, left, size, fill, seed)[None]).softmax(1)[0].detach()
    return answers


def by_captum(
    model: nn.Module, image: Tensor, target: int, size: int, stride: int, baseline: Tensor
) -> Tensor:
    """H x W: the mean drop of the probability over the windows that cover a pixel."""
    probe = captum.attr.Occlusion(lambda pictures: model(pictures).softmax(1))
    window, steps = (3, size, size), (3, stride, stride)
    return probe.attribute(image[None], window, steps, baseline[None], target, perturbations_per_eval=8)[0, 0]


@pytest.mark.parametrize(
    ("size", "stride", "fill"),
    [
        *((8, 4, fill) for fill in (*FILLS, "tomato", (0.2, 0.0, 0.9))),
        *((size, stride, "noise") for size, stride in ((8, 8), (12, 4), (16, 2))),
    ],
)
def test_occlusion_matches_captum(model, image, size, stride, fill):
    result = occlusion(model, image, 3, size=size, stride=stride, fill=fill, seed=5)
    expected = by_captum(model, image, 3, size, stride, fill_image(image, fill, 5))
    assert expected.std() > 0.002
    assert torch.allclose(result.to_pixels(32, 40), expected, atol=1e-5)


def test_occlusion_of_mini_alexnet_matches_captum():
    model, image = enliven(MiniAlexNet([f"class {i}" for i in range(20)])).eval(), torch.rand(3, 96, 96)
    result = occlusion(model, image, size=24, stride=12)
    expected = by_captum(model, image, result.target, 24, 12, torch.full_like(image, 0.5))
    assert expected.std() > 0.002
    assert torch.allclose(result.to_pixels(96, 96), expected, atol=1e-5)


@pytest.mark.parametrize(("size", "stride"), [(10, 7), (32, 5), (5, 9), (1, 13)])
def test_every_place_holds_what_the_definition_says(model, image, size, stride):
    expected = by_definition(model, image, size, stride)
    result = occlusion(model, image, "wolf", size=size, stride=stride)
    assert result.target == 2 and result.size == size
    assert result.rows.tolist() == occluder_positions(32, size, stride)
    assert result.columns.tolist() == occluder_positions(40, size, stride)
    assert torch.allclose(result.probability, expected[..., 2], atol=1e-6)
    assert torch.equal(result.predicted, expected.argmax(-1))
    assert result.baseline == pytest.approx(float(model(image[None]).detach().softmax(1)[0, 2]), abs=1e-6)
    assert torch.equal(result.drop, result.baseline - result.probability)


@pytest.mark.parametrize("fill", ["grey", "noise", "black"])
def test_a_linear_model_loses_w_times_x_minus_fill_in_the_window(fill):
    """Closed form: with logits (w . x, 0) the log-odds of class 0 are w . x, so covering takes away sum of w (x - fill)."""
    image, weight = torch.rand(3, 12, 15).double(), torch.randn(3, 12, 15).double() / 20
    model = nn.Sequential(nn.Flatten(), nn.Linear(540, 2, bias=False, dtype=torch.double))
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([weight.flatten(), torch.zeros(540)]))
    result = occlusion(model, image, 0, size=4, stride=3, fill=fill, seed=1)
    evidence = (weight * (image - fill_image(image, fill, 1))).sum(0)
    for (i, top), (j, left) in product(enumerate(result.rows.tolist()), enumerate(result.columns.tolist())):
        lost = torch.logit(torch.tensor(result.baseline).double()) - torch.logit(result.probability[i, j])
        assert float(lost) == pytest.approx(float(evidence[top : top + 4, left : left + 4].sum()), abs=1e-6)


def test_the_map_points_at_the_one_corner_that_a_network_looks_at():
    class Corner(nn.Module):
        def forward(self, images):
            seen = images[:, :, -4:, -4:].mean((1, 2, 3))
            return torch.stack([20 * seen, torch.full_like(seen, 15)], 1)

    image = torch.full((3, 16, 16), 0.2)
    image[:, -4:, -4:] = 1
    result = occlusion(Corner(), image, 0, size=4, stride=4, fill="black")
    assert (result.drop > 0.5).nonzero().tolist() == [[3, 3]]
    assert result.predicted.sum() == 1 and result.predicted[3, 3] == 1


def test_a_network_that_does_not_look_gives_a_flat_map():
    """Overlapping places are averaged, not summed: the middle, covered more often, counts no more than the corner."""

    class Blind(nn.Module):
        def forward(self, images):
            return images.new_tensor([1.0, 3.0, 2.0]).expand(len(images), -1)

    result = occlusion(Blind(), torch.rand(3, 20, 20), 0, size=8, stride=4)
    assert torch.allclose(result.probability, torch.tensor(result.baseline))
    assert result.to_pixels().abs().max() < 1e-6


@pytest.mark.parametrize("batch_size", [1, 3, 7, 1000])
def test_the_batch_size_does_not_change_the_map(model, image, batch_size):
    whole = occlusion(model, image, 1, size=10, stride=6)
    result = occlusion(model, image, 1, size=10, stride=6, batch_size=batch_size)
    assert torch.allclose(result.probability, whole.probability, atol=1e-6)
    assert torch.equal(result.predicted, whole.predicted)


def test_target_by_index_by_name_or_predicted(model, image):
    predicted = int(model(image[None]).argmax())
    assert occlusion(model, image, size=16, stride=16).target == predicted
    by_name = occlusion(model, image, "husky", size=16, stride=16)
    by_index = occlusion(model, image, 3, size=16, stride=16)
    assert by_name.target == 3 and torch.equal(by_name.probability, by_index.probability)


def test_noise_repeats_with_its_seed(model, image):
    first, again, other = (
        occlusion(model, image, 0, size=8, stride=8, fill="noise", seed=s) for s in (1, 1, 2)
    )
    assert torch.equal(first.probability, again.probability)
    assert not torch.equal(first.probability, other.probability)


def test_partial_maps_grow_into_the_whole(model, image):
    whole = occlusion(model, image, 1, size=8, stride=4)
    partial = list(occlusion_steps(model, image, 1, size=8, stride=4, batch_size=10))
    assert [round(p.fraction_done * whole.predicted.numel()) for p in partial] == [10, 20, 30, 40, 50, 60, 63]
    for step in partial:  # earlier maps are not written into by later steps
        known = step.predicted >= 0
        assert torch.equal(known, ~step.probability.isnan())
        assert torch.allclose(step.probability[known], whole.probability[known], atol=1e-6)
        assert torch.equal(step.predicted[known], whole.predicted[known])
    assert partial[-1].fraction_done == 1


def test_a_stop_in_the_middle_loses_nothing(model, image):
    whole = occlusion(model, image, 1, size=8, stride=4)
    steps = occlusion_steps(model, image, 1, size=8, stride=4, batch_size=20)
    next(steps)
    kept = next(steps)
    steps.close()
    known = kept.predicted >= 0
    assert known.sum() == 40
    assert torch.allclose(kept.probability[known], whole.probability[known], atol=1e-6)
    covered = ~kept.to_pixels().isnan()
    assert covered[:20].all() and not covered[-4:].any()


def test_model_and_picture_are_left_as_they_were(model, image):
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    image.requires_grad_(True)
    before, pixels = state(model), image.detach().clone()
    result = occlusion(model, image, 0, size=8, stride=8)
    assert state(model) == before
    assert torch.equal(image, pixels) and image.requires_grad and image.grad is None
    assert not result.probability.requires_grad and not result.probability.is_inference()
    model.eval()
    assert torch.equal(result.probability, occlusion(model, image, 0, size=8, stride=8).probability)


def test_between_two_steps_the_caller_finds_everything_as_it_was(model, image):
    model.train()
    before = state(model)
    steps = [state(model) for _ in occlusion_steps(model, image, 0, size=8, stride=8, batch_size=5)]
    assert steps == [before] * 4


class Fragile(nn.Module):
    """Fails after some calls."""

    def __init__(self, calls: int, error: type[BaseException]):
        super().__init__()
        self.inner, self.calls, self.error = nn.Conv2d(3, 4, 5), calls, error

    def forward(self, images: Tensor) -> Tensor:
        self.calls -= 1
        if self.calls < 0:
            raise self.error("out of order")
        return self.inner(images).mean((2, 3))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_model_is_left_as_it_was_when_a_later_batch_fails(image, error):
    model = Fragile(3, error).train()
    before = state(model)
    with pytest.raises(error, match="out of order"):
        occlusion(model, image, 0, size=8, stride=8, batch_size=2)
    assert state(model) == before


def test_a_model_that_insists_on_its_memory_layout(image):
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4 * 30 * 38, 5)

        def forward(self, images):
            return self.head(self.conv(images).view(len(images), -1))

    model = enliven(Views()).eval()
    expected = by_definition(model, image, 8, 8)
    assert torch.allclose(
        occlusion(model, image, 2, size=8, stride=8).probability, expected[..., 2], atol=1e-5
    )


def test_the_float_type_follows_the_model(model, image):
    result = occlusion(model.double(), image, 0, size=8, stride=8)
    assert result.probability.dtype == torch.double
    assert torch.allclose(result.probability, by_definition(model, image.double(), 8, 8)[..., 0], atol=1e-12)
    assert occlusion(model.bfloat16(), image, 0, size=8, stride=8).probability.dtype == torch.float


def test_wide_networks_get_small_batches():
    class Counting(nn.Module):
        def __init__(self, width: int):
            super().__init__()
            self.conv, self.batches = nn.Conv2d(3, width, 3), []

        def forward(self, images):
            self.batches.append(len(images))
            return self.conv(images).mean((2, 3))

    narrow, wide = Counting(8), Counting(256)
    for model in (narrow, wide):
        occlusion(model, torch.rand(3, 96, 96), 0, size=24, stride=12)
    assert max(wide.batches) < max(narrow.batches) and sum(wide.batches) == sum(narrow.batches) == 1 + 49


def test_pixels_that_no_place_covers_have_no_number(model, image):
    result = occlusion(model, image, 0, size=4, stride=14)
    pixels = result.to_pixels()
    assert pixels.shape == (32, 40)
    assert pixels[:4, :4].isnan().sum() == 0 and pixels[5:13].isnan().all()
    assert torch.allclose(pixels[14:18, 28:32], result.drop[1, 2])


def test_overlapping_places_are_averaged():
    result = OcclusionMap(
        *(torch.tensor([[0.5, 0.1]]), torch.tensor([[0, 0]]), torch.tensor([0]), torch.tensor([0, 1])),
        *(2, 0, 0.9),
    )
    assert torch.allclose(result.to_pixels(2, 3), torch.tensor([[0.4, 0.6, 0.8]] * 2))
    with pytest.raises(ValueError, match="belongs to a picture of 2 x 3, not 3 x 3"):
        result.to_pixels(3, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 33}, ValueError, "occluder of 33 pixels is larger than the picture"),
        ({"stride": 0}, ValueError, "stride must be"),
        ({"size": 0}, ValueError, "size of the occluder must be"),
        ({"size": 4.5}, TypeError, "size of the occluder must be"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"fill": "bluur"}, ValueError, 'Did you mean "blur"'),
        ({"target": "cat"}, ValueError, "class 'cat' is not known"),
        ({"target": 6}, ValueError, "class index of 6 classes"),
    ],
)
def test_impossible_questions_are_refused_before_the_first_step(model, image, options, error, message):
    with pytest.raises(error, match=message):
        occlusion_steps(model, image, **({"size": 8, "stride": 8} | options))


def test_several_pictures_are_refused(model):
    with pytest.raises(ValueError, match="one picture.* 2 came; go through them one by one"):
        occlusion(model, torch.rand(2, 3, 32, 40))
    assert occlusion(model, torch.rand(1, 3, 32, 40), size=16, stride=16).probability.shape == (2, 3)


def test_progress_is_shown_on_demand(model, image, capsys):
    occlusion(model, image, size=8, stride=8)
    assert capsys.readouterr().err == ""
    occlusion(model, image, size=8, stride=8, progress=True)
    assert "occlusion: 100%" in capsys.readouterr().err
