"""The one forward pass: copies, checked outputs, gradients that no other thread notices."""

import threading

import pytest
import torch
import torchvision
from torch import nn

from cnnlab import units
from cnnlab.networks import activations, evaluation
from cnnlab.networks.forward import (
    PIXELS_AT_ONCE,
    as_pixels,
    class_logits,
    forward,
    input_gradient,
    pictures_at_once,
    training_logits,
    with_gradients,
    without_gradients,
)
from cnnlab.transfer import accuracy
from cnnlab.world import Labelled

IMAGES = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    """A linear network whose forward is given by a function of (its logits, the images)."""

    def __init__(self, change=lambda logits, images: logits, classes=4):
        super().__init__()
        self.linear = nn.Linear(108, classes)
        self.change = change

    def forward(self, images):
        return self.change(self.linear(images.flatten(1)), images)


def test_a_network_that_normalises_in_place_leaves_the_images_alone():
    images = IMAGES.clone()
    forward(Network(lambda logits, x: x.sub_(0.5).div_(0.2).flatten(1) @ torch.ones(108, 4)), images)
    assert torch.equal(images, IMAGES)


def test_pictures_come_in_the_order_in_memory_that_a_network_names():
    seen = []
    network = Network(
        lambda logits, x: seen.append(x.is_contiguous(memory_format=torch.channels_last)) or logits
    )
    forward(network, IMAGES)
    network.memory_format = torch.channels_last
    forward(network, IMAGES)
    assert seen == [False, True]


class Viewed(nn.Module):
    """Flattens with `view`, as many networks do; that works for maps in the usual order in memory alone."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 2, 3), nn.Linear(2 * 94 * 94, 2)

    def forward(self, images):
        return self.fc(self.conv(images).view(len(images), -1))


def test_a_layer_with_view_in_a_network_that_names_another_order_gets_the_usual_one():
    network = Viewed()
    images = torch.rand(2, 3, 96, 96)
    expected = forward(network, images)
    network.memory_format = torch.channels_last
    with pytest.raises(RuntimeError, match="view size"):
        network(images.contiguous(memory_format=torch.channels_last))
    assert torch.equal(forward(network, images), expected)


def test_a_network_that_flattens_with_view_takes_data_sets():
    images = torch.randint(256, (3, 3, 96, 96), dtype=torch.uint8)
    data = Labelled(images, torch.tensor([0, 1, 0]), ("even", "odd"))
    model = Viewed()
    expected = model(images / 255).softmax(1)
    assert torch.allclose(evaluation.predict(model, data), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda logits, x: {"out": logits, "aux": logits}, r"gave a dict \(out, aux\)"),
        (lambda logits, x: (logits, logits), "gave a tuple of 2"),
        (lambda logits, x: None, "gave a NoneType"),
    ],
)
def test_an_output_that_is_no_tensor_is_refused(output, message):
    with pytest.raises(TypeError, match=message):
        forward(Network(output), IMAGES)


class Positions(nn.Module):
    """Adds a number for each place."""

    def forward(self, images):
        return images + torch.zeros(12, 12)


class Windows(nn.Module):
    """Cuts the picture into windows of 4 x 4, as MaxViT does."""

    def forward(self, images):
        return images.view(len(images), 3, images.shape[2] // 4, 4, images.shape[3] // 4, 4).mean((3, 5))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.MaxPool2d(8), "Output size is too small"),
        (nn.Conv2d(3, 1, 7), "Kernel size"),
        (nn.Conv2d(1, 4, 3), "to have 1 channels"),
        (nn.ReflectionPad2d(6), "Padding size"),
        (Network(classes=2), "mat1 and mat2"),
        (torchvision.models.VisionTransformer(12, 4, 1, 1, 8, 8, num_classes=2), "Wrong image height"),
        (Positions(), "must match the size of tensor"),
        (Windows(), "is invalid for input of size"),
    ],
)
def test_pictures_of_a_size_that_a_network_does_not_take_are_named(network, reason):
    network.input_size = 12
    side = 6 if reason != "mat1 and mat2" else 7
    with pytest.raises(
        ValueError, match=rf"pictures of 3 x {side} x {side}; its own size is 12 \(.*{reason}"
    ):
        forward(network, torch.rand(1, 3, side, side))


def test_a_size_that_only_training_does_not_take_is_named():
    """An auxiliary head, as GoogLeNet and Inception have, may need more than the rest."""

    class WithHead(nn.Module):
        def forward(self, images):
            return (images.mean(3)[:, :, 0], nn.functional.avg_pool2d(images, 8)) if self.training else images

    assert forward(WithHead().eval(), torch.rand(1, 3, 6, 6)).shape == (1, 3, 6, 6)
    assert training_logits(WithHead(), torch.rand(1, 3, 8, 8)).shape == (1, 3)
    with pytest.raises(ValueError, match="pictures of 3 x 6 x 6 in training"):
        training_logits(WithHead(), torch.rand(1, 3, 6, 6))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="gives NaN"):
        forward(Network(lambda logits, x: logits / 0 * 0), IMAGES)


def test_infinity_is_refused_and_an_impossible_class_is_not():
    with pytest.raises(ValueError, match="gives infinite numbers"):
        forward(Network(lambda logits, x: logits.abs() / 0), IMAGES)
    impossible = torch.tensor([0.0, -torch.inf, 0.0, 0.0])
    assert forward(Network(lambda logits, x: logits + impossible), IMAGES)[:, 1].isneginf().all()


def test_a_network_that_needs_more_than_pictures_is_told_what_to_do():
    class Dated(nn.Module):
        def forward(self, images, day):
            return images

    with pytest.raises(TypeError, match="must take pictures alone, but .* 'day'; wrap it"):
        forward(Dated(), IMAGES)


def test_one_output_is_refused_with_the_way_out():
    network = Network(classes=1)
    with pytest.raises(ValueError, match=r"torch\.cat"):
        class_logits(network, IMAGES)
    two = Network(lambda z, x: torch.cat([torch.zeros_like(z), z], 1), classes=1)
    logits = class_logits(two, IMAGES)
    assert torch.allclose(logits.softmax(1)[:, 1], (logits[:, 1]).sigmoid())


@pytest.mark.parametrize("output", [lambda logits, x: logits[0], lambda logits, x: logits[:, :, None]])
def test_what_is_not_one_row_of_logits_for_each_image_is_refused(output):
    with pytest.raises(ValueError, match="N x classes logits"):
        class_logits(Network(output), IMAGES)


def test_probabilities_are_warned_of_once():
    network = Network(lambda logits, x: logits.softmax(1))
    with pytest.warns(UserWarning, match="look like probabilities"):
        class_logits(network, IMAGES)
    class_logits(network, IMAGES)  # a second warning would be an error here
    class_logits(Network(lambda logits, x: logits.log_softmax(1)), IMAGES)


def test_a_sigmoid_at_the_end_is_warned_of_and_small_logits_are_not():
    layers = nn.Flatten(), nn.Linear(IMAGES[0].numel(), 3)
    with pytest.warns(UserWarning, match="a softmax or a sigmoid"):
        class_logits(nn.Sequential(*layers, nn.Sigmoid()), IMAGES)
    network = Network(lambda logits, x: logits.sigmoid())
    with with_gradients(network), pytest.warns(UserWarning, match="a softmax or a sigmoid"):
        class_logits(network, IMAGES.clone().requires_grad_())
    class_logits(
        Network(lambda logits, x: logits.sigmoid() * 0.5 + 0.2), IMAGES
    )  # a warning would be an error


def test_a_sigmoid_in_the_networks_own_forward_is_warned_of_without_gradients_too():
    class Named(Network):
        def forward(self, images):
            return super().forward(images).sigmoid()

    network = Named()
    with without_gradients(network), pytest.warns(UserWarning, match="a softmax or a sigmoid"):
        class_logits(network, IMAGES)


def test_one_picture_cannot_train_a_batch_normalisation_of_vectors():
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(108)).train()
    assert training_logits(model, IMAGES).shape == (2, 108)
    with pytest.raises(ValueError, match="a single picture in a batch; give more pictures"):
        training_logits(model, IMAGES[:1])


def test_an_exported_network_says_that_its_number_of_pictures_is_fixed():
    network = torch.export.export(Network().eval(), (IMAGES,)).module()
    assert forward(network, IMAGES).shape == (2, 4)
    with pytest.raises(
        ValueError, match=r"does not take 1 pictures of 3 x 6 x 6 .*export it with dynamic_shapes"
    ):
        forward(network, IMAGES[:1])


def test_half_precision_comes_back_as_float32_and_pixels_stay_wide():
    half = Network().bfloat16()
    assert forward(half, IMAGES).dtype == torch.float32
    assert as_pixels(half, IMAGES.half()).dtype == torch.float32
    assert as_pixels(Network().double(), IMAGES).dtype == torch.float64


def test_pixels_are_a_copy():
    pixels = as_pixels(Network(), IMAGES)
    assert pixels.data_ptr() != IMAGES.data_ptr()


def test_the_gradient_of_a_linear_network_is_its_weight_also_inside_inference_mode():
    network = Network()
    with torch.inference_mode(), with_gradients(network):
        pixels = as_pixels(network, IMAGES).requires_grad_()
        gradient = input_gradient(forward(network, pixels)[:, 2], pixels)
    assert torch.allclose(gradient[1].flatten(), network.linear.weight[2])
    assert network.linear.weight.grad is None


def test_a_network_without_gradients_is_named():
    network = Network(lambda logits, x: logits.detach())
    with with_gradients(network):
        pixels = IMAGES.clone().requires_grad_()
        logits = forward(network, pixels)
    with pytest.raises(ValueError, match="does not depend on the picture"):
        input_gradient(logits[:, 0], pixels)


def test_parameters_are_constants_for_the_graph():
    network = Network()
    with with_gradients(network):
        assert not forward(network, IMAGES).requires_grad
        assert forward(network, IMAGES.clone().requires_grad_()).requires_grad


def test_a_training_loop_in_another_thread_goes_on():
    network = Network()
    inside, done = threading.Event(), threading.Event()

    def explain():
        with with_gradients(network):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=explain)
    thread.start()
    inside.wait(10)
    network(IMAGES).sum().backward()
    done.set()
    thread.join()
    assert network.linear.weight.grad.any()


def test_a_compiled_network_runs_as_it_was_written():
    """Its layers can then be recorded, and nothing is compiled before the first picture."""
    network = Network()
    compiled = torch.compile(network, backend=lambda *_: pytest.fail("it was compiled"))
    with without_gradients(compiled):
        assert torch.equal(forward(compiled, IMAGES), network(IMAGES))


class Coloured(Labelled):
    """Noise of 400 x 400 in two classes, six of which make a million pixels, with a colour at each pixel."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (14, 3, 400, 400), generator=generator, dtype=torch.uint8)
        super().__init__(images, torch.arange(14) % 2, ("even", "odd"))

    def maps(self, category):
        return torch.arange(3, dtype=torch.uint8).repeat(14, 400, 134)[..., :400]


OVER_A_DATA_SET = {
    "activations": lambda model, data: activations(model, data.images / 255, "conv"),
    "dissect": lambda model, data: units.dissect(model, data, "conv", categories=["colour"], pixel_step=20),
    "top_patches": lambda model, data: units.top_patches(model, data, "conv"),
    "top_patches of a list": lambda model, data: units.top_patches(model, list(data), "conv"),
    "top_along_direction": lambda model, data: units.top_along_direction(
        model, data, "conv", torch.eye(4)[0]
    ),
    "compare_directions": lambda model, data: units.compare_directions(model, data, "conv", draws=2),
    "ablate_each": lambda model, data: units.ablate_each(model, data, "conv", [1]),
    "evaluate": evaluation.evaluate,
    "accuracy": lambda model, data: accuracy(model, data.images, data.labels),
}


@pytest.mark.parametrize("ask", OVER_A_DATA_SET.values(), ids=OVER_A_DATA_SET)
def test_no_pass_holds_more_than_a_million_pixels(ask):
    """Memory follows the pixels of one pass: large pictures go in smaller batches, unless a batch size is given."""
    model = nn.Sequential()
    for name, module in {
        "conv": nn.Conv2d(3, 4, 5, stride=5),
        "pool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(4, 2),
    }.items():
        model.add_module(name, module)
    passes = []
    model.conv.register_forward_pre_hook(lambda _module, inputs: passes.append(tuple(inputs[0].shape)))
    ask(model.eval(), Coloured())
    pixels = [count * height * width for count, _, height, width in passes]
    assert sum(pixels) >= 14 * 400 * 400
    assert max(pixels) <= PIXELS_AT_ONCE


@pytest.mark.parametrize(("side", "count"), [(8, 64), (96, 64), (125, 64), (224, 19), (1000, 1), (4000, 1)])
def test_a_pass_takes_as_many_pictures_as_have_a_million_pixels(side, count):
    assert pictures_at_once((3, side, side)) == count
    assert pictures_at_once((5, 3, side, side), 7) == 7
