"""Every public technique on networks that do what networks should not: it is right, or an error says why it cannot be.

The techniques and their calls are those of `test_imagenet_techniques.py`. Here they meet a small network that changes its input in
place, returns a dictionary, has one output, gives NaN, computes without gradients, or fails; and one that two threads use at once.
Whatever happens, the network, the images, and chance are afterwards as they were.
"""

from __future__ import annotations

import copy
import re
import threading
import warnings
from functools import cache, cached_property
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_imagenet_techniques import TECHNIQUES, Labelled, numbers
from torch import nn
from unchanged import state

import cnnlab as lab
from cnnlab import attribution, robustness, synthesis, transfer, units
from cnnlab.networks.eval_mode import set_eval
from cnnlab.networks.imagenet import imagenet_classes

SIDE = 64
NAMES = ("tabby", "espresso", "goldfish", "golden retriever", "flamingo", "volcano")
IMAGES = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
CROPS = torch.rand(12, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


CLASSES = tuple(name for name in imagenet_classes() if name in NAMES)


class Small(nn.Module):
    """A classifier of six classes of ImageNet; `spoil` is given its logits, `enter` its input.

    It has all that could be lost: mixed modes, in-place ReLUs, a frozen weight, gradients, and hooks of others.
    """

    input_size = SIDE

    def __init__(self, enter=lambda x: (x - 0.5) / 0.25, spoil=lambda logits: logits):
        super().__init__()
        self.class_names = CLASSES
        self.enter, self.spoil = enter, spoil
        self.conv1, self.norm1 = nn.Conv2d(3, 128, 5, stride=4, padding=2), nn.BatchNorm2d(128)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2, self.relu2 = nn.Conv2d(128, 16, 3, stride=2, padding=1), nn.ReLU(inplace=True)
        self.pool, self.drop = nn.AdaptiveAvgPool2d(1), nn.Dropout()
        self.fc = nn.Linear(16, len(self.class_names))
        with torch.random.fork_rng():
            torch.manual_seed(3)
            for weights in self.parameters():
                nn.init.normal_(weights, 0, 0.1)
        for weights in self.parameters():
            weights.grad = torch.ones_like(weights)
        self.norm1.eval()
        self.conv1.bias.requires_grad_(False)
        self.conv2.bias.grad = None
        self.relu1.register_forward_hook(lambda *_: None)
        self.conv2.register_forward_pre_hook(lambda *_: None)

    def forward(self, images):
        maps = self.relu2(self.conv2(self.relu1(self.norm1(self.conv1(self.enter(images))))))
        return self.spoil(self.fc(self.drop(self.pool(maps)).flatten(1)))


class Given(SimpleNamespace):
    @cached_property
    def new(self) -> nn.Module:
        """The network with a new head, for the techniques that need one: one graph can have none."""
        return transfer.new_head(self.model, ["cat", "cup"])


def given(model: nn.Module) -> Given:
    """A network, its layers, and what to ask it about, as in `test_imagenet_techniques.py`."""
    images = IMAGES.clone()
    labels, pictures = known()
    return Given(
        model=model,
        side=SIDE,
        image=images[0],
        images=images,
        labels=labels,
        early="relu1",
        middle="conv2",
        last="relu2",
        head="fc",
        mask=torch.ones(2, SIDE, SIDE, dtype=torch.bool).triu(),
        crops=Labelled(CROPS, torch.arange(12) % 6, CLASSES),
        labelled=Labelled(images, labels, CLASSES),
        world=pictures,
        task=(images, torch.tensor([0, 1])),
    )


@cache
def known() -> tuple[torch.Tensor, lab.world.Dataset]:
    """What the sound network says of the images, and rendered pictures."""
    with torch.inference_mode(False):
        labels = Small().eval()(IMAGES).argmax(1)
    return labels, lab.world.dataset("validation", n=8, size=SIDE, progress=False)


RETURN_A_NETWORK = {
    *("networks.to_convolutional", "networks.reinitialise", "robustness.adversarial_training"),
    *("transfer.new_head", "transfer.transfer_init", "transfer.reinitialise_after", "units.with_dictionary"),
}
"""What they return is called as any network is, and does to its input what the network does."""
WITHOUT_ITS_WEIGHTS = {"robustness.random_signs", "transfer.new_task", "transfer.tasks_for"}
"""What they answer does not depend on them."""
RUN_IN_ITS_MODE = {
    *("attribution.BackdooredModel", "robustness.JpegDefence"),
    *("robustness.LogitScaleDefence", "robustness.NoiseDefence"),
}
"""Modules around the network."""
ASKED = [
    name for name in TECHNIQUES if name != "robustness.transfer_attack"
]  # which needs squeezenet's classes


def asked(technique: str, model: nn.Module) -> list[torch.Tensor]:
    """What a technique answers for a network; the network, the images and chance must be as they were."""
    torch.manual_seed(0)
    if technique in RUN_IN_ITS_MODE:
        set_eval(model)
    g = given(model)
    before = state(model)
    try:
        return answer(technique, g)
    finally:
        assert state(model) == before
        assert torch.equal(g.images, IMAGES) and g.images.grad is None


def answer(technique: str, g: Given) -> list[torch.Tensor]:
    return list(numbers(TECHNIQUES[technique](g)))


@cache
def expected(technique: str) -> list[torch.Tensor]:
    """What a technique answers for the sound network."""
    return asked(technique, Small())


def assert_alike(found: list[torch.Tensor], sound: list[torch.Tensor]) -> None:
    for one, other in zip(found, sound, strict=True):
        assert torch.allclose(one.double(), other.double(), atol=1e-5, equal_nan=True)


def assert_like_in_shape(found: list[torch.Tensor], sound: list[torch.Tensor]) -> None:
    for one, other in zip(found, sound, strict=True):
        assert one.shape == other.shape and bool(torch.isfinite(one.float()).all())


@pytest.mark.parametrize("technique", [name for name in ASKED if name not in RETURN_A_NETWORK])
def test_a_network_that_changes_its_input_in_place_is_as_good_as_one_that_does_not(technique):
    in_place = asked(technique, Small(enter=lambda x: x.sub_(0.5).div_(0.25)))
    assert_alike(in_place, expected(technique))


HOSTILE = {
    "a dictionary": lambda logits: {"out": logits, "aux": logits},
    "a tuple of tuples": lambda logits: ((logits,), (logits,)),
    "NaN": lambda logits: logits * torch.nan,
    "infinity": lambda logits: logits.abs() * torch.inf,
    "complex numbers": lambda logits: torch.complex(logits, logits),
    "one output": lambda logits: logits[:, :1],
    "no gradient": lambda logits: logits.detach(),
    "one row for all": lambda logits: logits.mean(0),
}


def failing(error: type[BaseException]):
    """A network that fails when it has nearly done."""

    def fail(_logits):
        raise error("out of order")

    return Small(spoil=fail)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("technique", ASKED)
def test_a_network_that_fails_is_left_as_it_was(technique, error):
    """Techniques that read no further than a layer answer; what only looks at names or shapes may go on without the answer."""
    try:
        found = asked(technique, failing(error))
    except (error, ValueError):
        return
    if technique not in RETURN_A_NETWORK:
        assert_alike(found, expected(technique))


class Needs(Small):
    """The same network, which is to be told the day, too."""

    def forward(self, images, day):
        return super().forward(images) + day


@pytest.mark.parametrize("technique", ASKED)
@pytest.mark.parametrize("kind", [*HOSTILE, "a second argument"])
def test_what_no_technique_can_use_is_said_in_a_sentence(technique, kind):
    """Techniques that never read the logits, or only their values, answer as for the sound network."""
    message, found = "", None
    try:
        found = asked(technique, Small(spoil=HOSTILE[kind]) if kind in HOSTILE else Needs())
    except (ValueError, TypeError, FloatingPointError) as error:
        message = str(error)
    if found is None:
        assert len(message) > 30 and not re.search("NoneType|unpack|must be Tensor", message)
    elif technique not in RETURN_A_NETWORK:
        assert_alike(found, expected(technique))


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("technique", ASKED)
def test_a_call_inside_of_inference_mode_is_the_same(technique, mode):
    sound, model = expected(technique), Small()
    with mode():
        found = asked(technique, model)
    assert_alike(found, sound)


def lazy(model: nn.Module) -> nn.Module:
    """The network with a last layer that has not seen a picture yet."""
    model.fc = nn.LazyLinear(len(NAMES))
    return model


def one_graph(model: nn.Module) -> nn.Module:
    """A network that has lost its layers, and is told again what it classifies."""
    model.class_names, model.input_size = CLASSES, SIDE
    return model


def made_in_inference_mode(_model: nn.Module) -> nn.Module:
    """The network, whose weights and statistics can be part of no graph."""
    with torch.inference_mode():
        return Small().eval()


@pytest.mark.parametrize("technique", ASKED)
def test_a_call_inside_of_autocast_answers(technique):
    sound, model = expected(technique), Small()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = asked(technique, model)
    assert_like_in_shape(found, sound)


class Tempered(Small):
    """The same network, whose first parameter is a temperature in a precision of its own."""

    def __init__(self, precision: torch.dtype = torch.float32):
        super().__init__()
        temperature = nn.Parameter(torch.ones((), dtype=precision))
        self._parameters = {"temperature": temperature, **self._parameters}

    def forward(self, images):
        return (super().forward(images) / self.temperature).float()


class Autocast(Small):
    """The same network, computed in bfloat16 where torch thinks it safe."""

    def forward(self, images):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(images)


ROUGH = {"half precision", "autocast"}
"""Forms whose answers are as coarse as bfloat16."""
FORMS = {
    "compiled": torch.compile,
    "traced": lambda model: one_graph(torch.jit.trace(model, IMAGES, check_trace=False)),
    "exported": lambda model: one_graph(
        torch.export.export(model, (IMAGES,), dynamic_shapes=({0: torch.export.Dim.AUTO},)).module()
    ),
    "lazy": lazy,
    "made in inference mode": made_in_inference_mode,
    "double temperature": lambda model: Tempered(torch.float64).eval(),
    "half precision": lambda model: model.bfloat16(),
    "autocast": lambda model: Autocast().eval(),
}
SAYS_WHY = "is one graph|no ReLU ran|has lazy modules|does not take pictures of|has no place in a map"


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("technique", ASKED)
@pytest.mark.parametrize("form", FORMS)
def test_a_network_in_another_form_gives_the_same_or_says_why_not(technique, form):
    if form == "half precision" and technique in RETURN_A_NETWORK:
        pytest.skip("the network that it returns is called with float32 here")
    if form == "made in inference mode" and technique in RUN_IN_ITS_MODE:
        pytest.skip("it is called as the network itself is, which torch does not allow")
    model = FORMS[form](Small().eval())
    found, refused = None, ""
    try:
        found = asked(technique, model)
    except ValueError as error:
        refused = str(error)
    if refused:
        assert form != "compiled" and re.search(SAYS_WHY, refused)
    elif form in ROUGH:
        assert_like_in_shape(found, expected(technique))
    else:
        assert form != "lazy" or technique in WITHOUT_ITS_WEIGHTS
        assert_alike(
            found, asked(technique, Tempered()) if form == "double temperature" else expected(technique)
        )


OF_A_NUMBER = {
    "class, saliency": lambda model, n: attribution.saliency(model, IMAGES, n),
    "unit, smoothgrad": lambda model, n: attribution.smoothgrad(
        model, IMAGES[0], layer="conv2", unit=n, samples=3, noise=0.5
    ),
    "class, fgsm": lambda model, n: robustness.fgsm(model, IMAGES, n),
    "class, occlusion": lambda model, n: attribution.occlusion(model, IMAGES[0], n, size=32, stride=32),
    "class, maximise": lambda model, n: synthesis.maximise(model, n, steps=2, size=SIDE),
    "channel, maximise": lambda model, n: synthesis.maximise(
        model, synthesis.channel("conv2", n), steps=2, size=SIDE
    ),
    "class, evolve_fooling": lambda model, n: robustness.evolve_fooling(
        model, n, population=4, generations=1, size=SIDE
    ),
    "unit, ablate_each": lambda model, n: units.ablate_each(
        model, Labelled(IMAGES, known()[0], CLASSES), "relu2", n
    ),
    "unit, top_patches": lambda model, n: units.top_patches(model, IMAGES, "relu2", 2, units=n),
}
"""What is asked about a class or a unit by its number."""


@pytest.mark.parametrize("form", [np.int64, np.array, torch.tensor])
@pytest.mark.parametrize("asked_of", OF_A_NUMBER)
def test_a_number_of_numpy_or_torch_is_a_number(asked_of, form):
    answers = [list(numbers(OF_A_NUMBER[asked_of](Small().eval(), n))) for n in (3, form(3))]
    assert_alike(*answers)


@pytest.mark.parametrize(
    "technique", ["attribution.grad_cam", "robustness.pgd", "synthesis.maximise", "networks.activations"]
)
def test_two_threads_leave_the_network_as_it_was(technique):
    model = Small()
    before = [module.training for module in model.modules()], copy.deepcopy(model.state_dict())
    flags = [weights.requires_grad for weights in model.parameters()]
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answer(technique, given(model))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):  # a training loop beside
        model(IMAGES).sum().backward()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [module.training for module in model.modules()] == before[0]
    assert [weights.requires_grad for weights in model.parameters()] == flags
    assert all(torch.equal(value, before[1][name]) for name, value in model.state_dict().items())


class Beside(Small):
    """The same network, while whose graph is followed another thread uses a network of its own."""

    errors: list[Exception] = []

    def forward(self, images):
        thread = threading.Thread(target=self.use_another)
        thread.start()
        thread.join()
        return super().forward(images)

    def use_another(self) -> None:
        try:
            nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())(IMAGES)
        except Exception as error:
            self.errors.append(error)


@pytest.mark.parametrize(
    "technique",
    ["attribution.occlusion", "robustness.one_pixel", "networks.to_convolutional", "networks.layer_names"],
)
def test_a_network_whose_graph_is_followed_leaves_other_threads_alone(technique):
    model = Beside().eval()
    if technique == "networks.layer_names":
        model.input_size = None  # the names then come from the graph
    answer(technique, given(model))
    assert Beside.errors == []


def test_probabilities_are_warned_of_by_all_alike():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for technique in (
            "attribution.saliency",
            "robustness.fgsm",
            "attribution.occlusion",
            "synthesis.maximise",
        ):
            asked(technique, Small(spoil=lambda logits: logits.softmax(1)))
    assert sum("look like probabilities" in str(one.message) for one in caught) == 4
