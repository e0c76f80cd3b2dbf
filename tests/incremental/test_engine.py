"""Windows give what whole maps give: for any network of convolutions, pooling and the like, and wherever the occluder stands."""

from __future__ import annotations

import random
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
import torch
import torch.nn.functional as F
import torchvision
from enlivening import enliven
from torch import Tensor, nn

from cnnlab._incremental.batching import prepare
from cnnlab._incremental.engine import build_engine
from cnnlab._incremental.plan import make_plan
from cnnlab._incremental.tracing import record_steps
from cnnlab._incremental.windows import patched_images
from cnnlab.attribution import occluder_positions, occlusion
from cnnlab.networks.architectures import MiniAlexNet
from cnnlab.networks.imagenet_architectures import EfficientNetLite0, SamePad, SqueezeNet
from cnnlab.networks.seeding import num_threads


def both(
    model: nn.Module, image: Tensor, size: int, stride: int, batch: int = 1000
) -> tuple[Tensor | None, Tensor]:
    """places x C: the logits from windows (None where they are not taken), and those from whole covered pictures."""
    rows, columns = (occluder_positions(length, size, stride) for length in image.shape[1:])
    places = list(product(rows, columns))
    squares = torch.rand(len(places), 3, size, size, dtype=image.dtype)
    answer = build_engine(prepare(model, image)[0], image, size, rows, columns)
    with torch.no_grad():
        expected = torch.cat([model(picture[None]) for picture in patched_images(image, places, squares)])
    if answer is None:
        return None, expected
    chunks = [slice(start, start + batch) for start in range(0, len(places), batch)]
    return torch.cat([answer.logits(places[chunk], squares[chunk]) for chunk in chunks]), expected


def assert_same(found: Tensor | None, expected: Tensor, tolerance: float) -> None:
    """Both agree, and had something to disagree about."""
    assert found is not None, "the network is not computed in windows"
    scale = expected.abs().max()
    assert (expected.std(0) / scale).max() > 1e-3
    assert (found - expected).abs().max() <= tolerance * scale


def stack(*layers: nn.Module, side: tuple[int, int] = (37, 52)) -> nn.Module:
    """The layers with a head that sees every position of their last maps."""
    with torch.no_grad():
        maps = nn.Sequential(*layers).eval()(torch.rand(1, 3, *side))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(maps[0].numel(), 5))


KERNELS = {
    "wide padding, stride 3": lambda: stack(nn.Conv2d(3, 6, 5, 3, 4), nn.ReLU(), nn.Conv2d(6, 4, 3)),
    "dilated": lambda: stack(nn.Conv2d(3, 6, 3, 1, 2, dilation=2), nn.ReLU(), nn.Conv2d(6, 4, 3, dilation=3)),
    "rows and columns differ": lambda: stack(nn.Conv2d(3, 6, (1, 4), (2, 1), (0, 3), (1, 2)), nn.ReLU()),
    "same padding, even kernel": lambda: stack(nn.Conv2d(3, 6, 4, padding="same", dilation=3), nn.ReLU()),
    "valid padding": lambda: stack(nn.Conv2d(3, 6, 3, padding="valid"), nn.ReLU()),
    "skips pixels": lambda: stack(nn.Conv2d(3, 6, 1, 4), nn.ReLU(), nn.Conv2d(6, 4, 3, padding=1)),
    "groups": lambda: stack(nn.Conv2d(3, 6, 3, groups=3), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6)),
    "ceil mode": lambda: stack(nn.Conv2d(3, 4, 2), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Conv2d(4, 4, 2)),
    "dilated pooling": lambda: stack(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 1, 1, dilation=2)),
    "pooling of negatives": lambda: stack(nn.Conv2d(3, 4, 3), nn.ReLU(), Negative(), nn.MaxPool2d(3, 2, 1)),
    "average": lambda: stack(nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1), nn.Conv2d(4, 4, 3)),
    "average without padding": lambda: stack(
        nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1, count_include_pad=False)
    ),
    "average in ceil mode": lambda: stack(nn.Conv2d(3, 4, 3), nn.AvgPool2d(4, 3, ceil_mode=True)),
    "average by another number": lambda: stack(nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1, divisor_override=5)),
    "zeros on two sides": lambda: stack(
        nn.ZeroPad2d((0, 1, 0, 2)), nn.Conv2d(3, 4, 3, 2), nn.ReLU(inplace=True)
    ),
    "ones around": lambda: stack(nn.Conv2d(3, 4, 3), nn.ConstantPad2d((3, 1, 2, 0), 1.0), nn.Conv2d(4, 4, 3)),
    "a border cut away": lambda: stack(nn.Conv2d(3, 4, 3), nn.ZeroPad2d((-2, 3, 1, -3)), nn.Conv2d(4, 4, 3)),
    "as many positions as pixels": lambda: stack(
        SamePad(3, 2), nn.Conv2d(3, 4, 3, 2), SamePad(5, 1), nn.Conv2d(4, 4, 5)
    ),
    "padding by nothing, then written over": lambda: stack(
        nn.Conv2d(3, 4, 3), nn.ReLU(), SamePad(1, 1), nn.ReLU6(inplace=True), nn.Conv2d(4, 4, 3)
    ),
    "reflected border": lambda: stack(
        nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 5, padding=2, padding_mode="reflect")
    ),
    "upwards again": lambda: stack(nn.Conv2d(3, 4, 3, 2), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3)),
    "normalised over space": lambda: stack(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU()),
}


class Negative(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return -maps - 1


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("size", "stride"), [(10, 7), (1, 5), (16, 3), (30, 1)])
@pytest.mark.parametrize("name", KERNELS)
def test_every_kind_of_kernel(name, size, stride):
    model = enliven(KERNELS[name]()).eval().double()
    assert_same(*both(model, torch.rand(3, 37, 52).double(), size, stride, batch=50), tolerance=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_kernels_one_after_the_other(seed):
    """Random stacks of layers with random options, random occluders."""
    draw = random.Random(seed)
    layers, channels = [], 3
    for _ in range(4):
        kernel, dilation = draw.choice([1, 2, 3, 5]), draw.choice([1, 1, 2])
        wide = draw.choice([4, 6])
        padding = draw.randint(0, kernel)
        layers += [
            nn.Conv2d(channels, wide, kernel, draw.choice([1, 1, 2, 3]), padding, dilation),
            nn.BatchNorm2d(wide),
            draw.choice([nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(), nn.GELU()]),
            draw.choice([nn.Identity(), nn.Dropout(), nn.MaxPool2d(2, 1, 1), nn.AvgPool2d((2, 3), 1)]),
        ]
        channels = wide
    side = draw.randint(40, 60), draw.randint(40, 60)
    model = enliven(stack(*layers, side=side)).eval().double()
    size = draw.randint(1, 16)
    assert_same(*both(model, torch.rand(3, *side).double(), size, draw.randint(2, 9), 40), tolerance=1e-12)


class Residual(nn.Module):
    """Functions and methods instead of layers, sums, and maps that are written over."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 1, 1, bias=False)
        self.norm, self.narrow = nn.BatchNorm2d(6), nn.Conv2d(6, 6, 1, 2)
        self.third, self.head = nn.Conv2d(6, 6, 3, 2, 1), nn.Linear(6 * 10 * 13, 5)
        self.register_buffer("mean", torch.rand(3, 1, 1))

    def forward(self, images: Tensor, scale: float = 2.0) -> Tensor:
        maps = F.relu(self.first((images - self.mean) * scale), inplace=True)
        maps = maps + F.relu_(self.norm(self.second(maps)))
        other = self.third(F.dropout(maps, 0.5, self.training))
        other += self.narrow(maps)
        return self.head(other.relu_().view(other.size(0), -1))


class Concatenating(nn.Module):
    """Some channels taken out, changed, and put together again, with functional convolution and pooling."""

    def __init__(self):
        super().__init__()
        self.weight, self.head = nn.Parameter(torch.randn(4, 6, 3, 3)), nn.Linear(10 * 18 * 26, 5)
        self.mean, self.var = nn.Parameter(torch.randn(4)), nn.Parameter(torch.rand(4) + 0.5)

    def forward(self, images: Tensor) -> Tensor:
        red = torch.unsqueeze(images[:, 0], 1) * 0.5
        maps = torch.cat([red, images[:, 1:], images.sigmoid().abs()[:, :2], red], 1)
        wide = F.conv2d(F.pad(maps, (0, 2, 1, 1)), self.weight).clamp(min=-1)
        wide = F.batch_norm(wide, self.mean, self.var)
        both = torch.cat((F.max_pool2d(wide, 2), F.avg_pool2d(maps, kernel_size=2)), dim=1)
        return self.head(torch.flatten(both, 1))


class WrittenOver(nn.Module):
    """Maps are used before they are written over, and afterwards under their old name."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 4, 5), nn.Conv2d(4, 4, 5)
        self.drop, self.head = nn.Dropout(), nn.Linear(12, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.drop(self.first(images.mul_(2).sub(1)))
        early, whole = self.second(maps), maps.mean((2, 3))
        F.relu_(maps)
        late = self.third(maps)
        late.add_(1)
        return self.head(torch.cat([early.relu().mean((2, 3)), late.relu().mean((2, 3)), whole], 1))


class Shared(nn.Module):
    """A convolution with two normalisations, an activation in three places, and maps that are needed with it and without."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 5, bias=False), nn.Conv2d(4, 4, 3)
        self.norm, self.one, self.other = (nn.BatchNorm2d(4) for _ in range(3))
        self.relu, self.head = nn.ReLU(), nn.Linear(12, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.norm(self.first(images)))
        plain = self.second(maps)
        parts = self.relu(self.one(self.second(maps))), self.relu(self.other(plain)), plain
        return self.head(torch.cat([part.pow(2).mean((2, 3)) for part in parts], 1))


def test_normalisation_is_folded_where_it_follows_a_convolution_of_its_own():
    model = enliven(Shared()).eval().double()
    recording = record_steps(model, torch.rand(3, 37, 52).double(), {})
    layers = [recording.layer(step) for step in recording.steps]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 2
    assert sum(isinstance(layer, nn.ReLU) and layer.inplace for layer in layers) == 1
    assert not model.relu.inplace and model.first.bias is None


@pytest.mark.parametrize("build", [Residual, Concatenating, WrittenOver, Shared])
@pytest.mark.parametrize(("size", "stride"), [(8, 4), (14, 5), (30, 3)])
def test_functions_methods_sums_concatenations_and_maps_written_over(build, size, stride):
    model = enliven(build()).eval().double()
    found, expected = both(model, torch.rand(3, 37, 52).double(), size, stride)
    assert_same(found, expected, tolerance=1e-12)


NETWORKS = {
    "mini_alexnet": (lambda: MiniAlexNet("abcdefgh"), 96, 24, 12),
    "alexnet": (lambda: torchvision.models.alexnet(num_classes=20), 96, 16, 16),
    "vgg11": (lambda: stack(*torchvision.models.vgg11_bn().features, side=(64, 64)), 64, 10, 9),
    "resnet18": (torchvision.models.resnet18, 96, 16, 16),
    "densenet121": (torchvision.models.densenet121, 64, 12, 13),
    "squeezenet1_1": (torchvision.models.squeezenet1_1, 64, 12, 13),
    "squeezenet": (lambda: SqueezeNet("abcdefgh"), 64, 12, 13),
    "efficientnet_lite0": (lambda: EfficientNetLite0("abcdefgh"), 64, 12, 13),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, 64, 12, 13),
    "googlenet": (
        lambda: torchvision.models.googlenet(aux_logits=False, transform_input=True, init_weights=False),
        *(64, 12, 13),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_a_line_of_their_own(name):
    build, side, size, stride = NETWORKS[name]
    model = enliven(build()).eval()
    assert_same(*both(model, torch.rand(3, side, side), size, stride, batch=30), tolerance=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_threads_change_nothing_and_are_as_many_afterwards(count):
    def later() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    with num_threads(count):
        model = enliven(KERNELS["ceil mode"]()).eval().double()
        assert_same(*both(model, torch.rand(3, 37, 52).double(), 10, 3), tolerance=1e-12)
        assert torch.get_num_threads() == later() == count


@pytest.mark.parametrize(("name", "part"), [("alexnet", 0.29), ("resnet18", 0.42)])
def test_less_than_half_of_the_work_is_left(name, part):
    """Multiply-adds of usual convolutions, on average over the places of an occluder of 32 pixels on a side of 224."""
    model = NETWORKS[name][0]().eval()
    recording = record_steps(model, torch.rand(3, 224, 224), {})
    starts = occluder_positions(224, 32, 8)
    plan = make_plan(recording, 32, starts, starts)
    layers = {f"0.{name}": layer for name, layer in model.named_modules()}
    needed = total = 0
    for step in recording.steps:
        layer = layers.get(step.target)
        if isinstance(layer, nn.Conv2d):
            work = recording.values[step].numel() * layer.weight[0].numel()
            total += work
            needed += work * (plan.windowed_steps[step].mean_fraction if step in plan.windowed_steps else 1)
    assert needed / total == pytest.approx(part, abs=0.005)


class Decides(nn.Module):
    """Looks at numbers to decide what to do."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 5), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        if maps.mean() > 0:
            maps = maps.relu()
        return self.head(maps.pow(2).mean((2, 3)))


class Counts(Decides):
    """Does something else after some calls."""

    calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.conv(images).relu().mean((2, 3)) * (1 if self.calls < 1000 else 2))


class SeenThrough(Decides):
    """Writes into maps that another name shows as well."""

    def forward(self, images: Tensor) -> Tensor:
        maps = self.conv(images)
        some = maps[:, :2]
        maps.relu_()
        return self.head(torch.cat([some.mean((2, 3)), maps[:, 2:].mean((2, 3))], 1))


class Fitted(Decides):
    """Takes something from the batch that steps cannot tell."""

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.conv(images).relu().view(len(images), 4, -1).mean(2))


def small() -> nn.Module:
    return stack(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Conv2d(4, 4, 3), side=(64, 64))


def hooked() -> nn.Module:
    model = small()
    model[0].register_forward_hook(lambda layer, inputs, maps: maps.abs())
    return model


def hooked_before() -> nn.Module:
    model = small()
    model[2].register_forward_pre_hook(lambda layer, inputs: (inputs[0] * 0.5,))
    return model


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.script(small())


OTHERS = {
    **{build.__name__: build for build in (Decides, Counts, SeenThrough, Fitted)},
    **{build.__name__: build for build in (hooked, hooked_before, scripted)},
    "compiled": lambda: torch.compile(small(), backend="eager", dynamic=True),
    "no convolution": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 5)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_network_is_asked_in_the_ordinary_way(name):
    model, image = OTHERS[name](), torch.rand(3, 64, 64)
    model.eval()
    found, expected = both(model, image, 16, 16)
    assert found is None and expected.std(0).max() > 1e-5
    replacement = torch.rand_like(image)
    with torch.no_grad():
        places = list(product(range(0, 64, 16), repeat=2))
        squares = torch.stack([replacement[:, top : top + 16, left : left + 16] for top, left in places])
        expected = model(patched_images(image, places, squares)).softmax(1)[:, 1].view(4, 4)
    found = occlusion(model, image, 1, size=16, stride=16, fill=replacement)
    assert torch.allclose(found.probability, expected, atol=1e-6)
