import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from cnnlab.networks import (
    EfficientNetLite0,
    MiniAlexNet,
    MiniDenseNet,
    MiniResNet,
    MiniVGG,
    SqueezeNet,
    UnknownReceptiveField,
    layer_names,
    receptive_field,
    receptive_fields,
    record_activations,
)
from cnnlab.networks.forward import with_gradients


class SmallDense(nn.Module):
    """A block in which each layer sees all earlier ones, with unlike kernels and dilations, then a transition."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 5, stride=2, padding=1)
        self.near = nn.Conv2d(2, 2, 3, padding=1)
        self.far = nn.Conv2d(4, 2, 3, padding=3, dilation=3)
        self.transition = nn.Conv2d(6, 3, 1)
        self.pool = nn.AvgPool2d(3, 2, padding=1)
        self.head = nn.Linear(3, 2)

    def forward(self, images):
        maps = self.stem(images)
        maps = torch.cat([maps, F.relu(self.near(maps))], 1)
        maps = torch.cat([maps, F.relu(self.far(maps))], 1)
        return self.head(self.pool(self.transition(maps)).mean((2, 3)))


class HourGlass(nn.Module):
    """Down and up again, with a cut and a skip; behind the upsampling, fields move by fractions."""

    def __init__(self, up):
        super().__init__()
        self.down = nn.Conv2d(3, 2, 3, stride=2)
        self.deep = nn.Conv2d(2, 2, 3, stride=2, padding=1)
        self.up = up
        self.last = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, images):
        wide = self.down(images)
        deep = F.pad(self.up(self.deep(wide)), (0, 1, 1, 0))
        return self.last(
            torch.cat([wide[:, :, 1:-1, 2:], deep[:, :, : wide.shape[2] - 2, : wide.shape[3] - 2]], 1)
        )


class SqueezeAndExcite(nn.Module):
    """Every map is scaled by what a small network makes of the averages of all maps."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1))
        self.after = nn.Conv2d(4, 2, 3)

    def forward(self, images):
        maps = self.conv(images)
        return self.after(maps * self.gate(maps))


def box_of_the_gradient(image, maps, row, column):
    """Smallest box around the pixels on which the unit's value depends (all channels of the layer together)."""
    value = maps[0, ..., row, column].sum() if maps.dim() == 4 else maps.sum()
    (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
    seen = (gradient[0] != 0).any(0).numpy()
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else (0, 0, 0, 0)


def assert_boxes_are_those_of_the_gradient(model, shape, layers=None):
    layers = layers or layer_names(model)
    image = torch.full((1, *shape), 0.9, dtype=torch.double, requires_grad=True)
    with record_activations(model, layers) as recorded, with_gradients(model):
        model(image)
    fields = receptive_fields(model, layers, shape)
    for layer, maps in recorded.items():
        seen = fields[layer]
        rows, columns = seen.positions
        corners = {(0, 0), (0, columns - 1), (rows - 1, columns - 1), (rows // 2, columns // 3)}
        for row, column in corners:
            expected = box_of_the_gradient(image, maps, row, column)
            assert seen.box(row, column) == expected, (layer, row, column)


@pytest.mark.parametrize("network", [MiniAlexNet, MiniVGG, MiniResNet, MiniDenseNet])
def test_maps_of_the_mini_networks_lie_evenly_in_the_picture(network):
    """The first and the last position of every layer with maps are equally far from their borders of the picture."""
    model = network(["sheep", "goat"])
    fields = receptive_fields(model, layer_names(model), 96)
    with_maps = {layer: seen for layer, seen in fields.items() if seen.positions[0] > 1}
    assert len(with_maps) > 10
    for layer, seen in with_maps.items():
        first = seen.offset[0] + (seen.size[0] - 1) / 2  # the centre of the first field, in pixels
        last = first + (seen.positions[0] - 1) * seen.stride[0]
        assert first == 95 - last, layer


def test_mini_alexnet_sees_what_the_gradient_says(all_paths_open):
    model = all_paths_open(MiniAlexNet(["sheep", "goat"]))
    layers = ["conv1", "pool1", "conv2", "conv3", "conv5", "pool5", "fc6", "fc8"]
    assert_boxes_are_those_of_the_gradient(model, (3, 96, 96), layers)


def test_resnet_sees_what_the_gradient_says(all_paths_open):
    model = all_paths_open(torchvision.models.resnet18())
    layers = [
        "maxpool",
        "layer1.0.conv1",
        "layer1",
        "layer2.0.downsample",
        "layer3",
        "layer4",
        "avgpool",
        "fc",
    ]
    assert_boxes_are_those_of_the_gradient(model, (3, 65, 78), layers)


def test_a_dense_network_sees_what_the_gradient_says(all_paths_open):
    assert_boxes_are_those_of_the_gradient(all_paths_open(SmallDense()), (3, 30, 37))


def test_torchvisions_dense_network_sees_what_the_gradient_says(all_paths_open):
    model = all_paths_open(torchvision.models.DenseNet(8, (2, 3, 2), 8))
    layers = ["features.denseblock1", "features.transition1", "features.denseblock2.denselayer2", "features"]
    assert_boxes_are_those_of_the_gradient(model, (3, 70, 64), layers)


def test_squeezenet_sees_what_the_gradient_says(all_paths_open):
    """Pooling whose windows hang over the border (ceil_mode), and branches that are joined (Fire)."""
    layers = [
        "conv1",
        "pool1",
        "fire2.expand1x1",
        "fire2",
        "pool3",
        "fire5",
        "pool5",
        "fire9",
        "conv10",
        "pool10",
    ]
    assert_boxes_are_those_of_the_gradient(all_paths_open(SqueezeNet(["sheep", "goat"])), (3, 94, 74), layers)


def test_efficientnet_lite0_sees_what_the_gradient_says(all_paths_open):
    """Padding with one more zero on one side (SamePad), depthwise convolutions, residual sums."""
    layers = [
        "stem",
        "block2.pad",
        "block2.depthwise",
        "block3",
        "block4",
        "block5",
        "block8",
        "block12",
        "head",
        "fc",
    ]
    assert_boxes_are_those_of_the_gradient(all_paths_open(EfficientNetLite0(["a", "b"])), (3, 74, 66), layers)


@pytest.mark.parametrize(
    ("build", "layers"),
    [
        (torchvision.models.mobilenet_v2, ["features.2", "features.8", "features.18"]),
        (torchvision.models.mobilenet_v3_small, ["features.0", "features.1", "features.12"]),
        (torchvision.models.shufflenet_v2_x0_5, ["maxpool", "stage2", "stage3.0", "conv5"]),
        (torchvision.models.regnet_y_400mf, ["stem", "trunk_output.block1"]),
    ],
)
def test_other_networks_of_torchvision_see_what_the_gradient_says(all_paths_open, build, layers):
    """Groups whose channels are exchanged, gates from all positions, strides in residual branches."""
    assert_boxes_are_those_of_the_gradient(all_paths_open(build(num_classes=2)), (3, 74, 66), layers)


@pytest.mark.parametrize(
    "up",
    [
        nn.ConvTranspose2d(2, 2, 2, stride=2),
        nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1),
        nn.ConvTranspose2d(2, 2, 3, stride=3, dilation=2),
        nn.Upsample(scale_factor=2),
        nn.Upsample(size=(17, 21)),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True),
    ],
    ids=str,
)
def test_upsampling_sees_what_the_gradient_says(all_paths_open, up):
    assert_boxes_are_those_of_the_gradient(all_paths_open(HourGlass(up)), (3, 34, 42), ["up", "last"])


def test_a_gate_from_all_positions_lets_every_unit_see_all(all_paths_open):
    model = all_paths_open(SqueezeAndExcite())
    assert_boxes_are_those_of_the_gradient(model, (3, 12, 15))
    assert receptive_field(model, "after", (3, 12, 15)).stride == (0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_chains_of_any_geometry_see_what_the_gradient_says(all_paths_open, seed):
    """Rows and columns that a stride leaves over, windows over the border, uneven adaptive windows."""
    generator = np.random.default_rng(seed)
    layers: list[nn.Module] = []
    for _ in range(generator.integers(2, 5)):
        kernel, stride, dilation = (
            generator.integers(1, 5),
            generator.integers(1, 4),
            generator.integers(1, 3),
        )
        if generator.random() < 0.6:
            layers.append(
                nn.Conv2d(3, 3, int(kernel), int(stride), int(generator.integers(0, 4)), int(dilation))
            )
        else:
            edge, ceil = int(kernel // 2), bool(generator.random() < 0.5)
            layers.append(nn.AvgPool2d(int(kernel), int(stride), int(generator.integers(0, edge + 1)), ceil))
        layers.append(nn.ReLU())
    layers.append(nn.AdaptiveAvgPool2d((2, 3)))
    model = all_paths_open(nn.Sequential(*layers))
    assert_boxes_are_those_of_the_gradient(model, (3, 61, 50))


def test_size_and_stride_follow_the_formula():
    """For a chain: size grows by (k - 1) d times the stride so far, the stride is the product of all strides."""
    model = torchvision.models.alexnet().features
    size, stride, start = 1, 1, 0
    for name, layer in model.named_children():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            kernel, step, edge = (
                n[0] if isinstance(n, tuple) else n for n in (layer.kernel_size, layer.stride, layer.padding)
            )
            size, start, stride = size + (kernel - 1) * stride, start - edge * stride, stride * step
        seen = receptive_field(model, name, 224)
        assert (seen.size, seen.stride, seen.offset) == ((size,) * 2, (stride,) * 2, (start,) * 2)


def test_residual_networks_take_the_largest_of_all_paths():
    model = torchvision.models.resnet18()
    assert receptive_field(model, "layer1.0.conv2", 64).size == (11 + 2 * 4 * 2, 11 + 2 * 4 * 2)
    assert receptive_field(model, "layer2.0.downsample", 64).size == (43, 43)
    assert receptive_field(model, "layer2.0", 64).size == (43 + 8 + 16, 43 + 8 + 16)


def test_boxes_are_cut_at_the_borders_and_fields_are_not():
    seen = receptive_field(MiniAlexNet(["sheep"]), "conv1")
    assert (seen.size, seen.stride, seen.offset) == ((12, 12), (2, 2), (-5, -5))
    assert seen.box(0, 0) == (0, 0, 7, 7)
    assert seen.box(10, 20) == (15, 35, 27, 47)
    assert seen.box(10, 20, 96, 96) == seen.box(10, 20)
    assert seen.positions == (48, 48) and seen.picture == (96, 96)


def test_fully_connected_units_see_all():
    seen = receptive_field(MiniAlexNet(["sheep"]), "fc7")
    assert seen.box() == (0, 0, 96, 96) and seen.size == (96, 96) and seen.stride == (0, 0)


def test_flattening_leaves_each_unit_its_field():
    model = MiniVGG(["sheep"])
    assert receptive_field(model, "flatten") == receptive_field(model, "pool4")
    assert receptive_field(model, "drop6").box(1, 0) == receptive_field(model, "pool4").box(1, 0)


def test_kernels_need_not_be_square():
    model = nn.Sequential(nn.Conv2d(3, 1, (3, 7), stride=(1, 2), padding=(0, 3)), nn.Conv2d(1, 1, (5, 1)))
    seen = receptive_field(model, "1", (20, 30))
    assert (seen.size, seen.stride, seen.offset) == ((7, 7), (1, 2), (0, -3))


def test_fields_behind_an_upsampling_move_by_fractions():
    model = nn.Sequential(nn.Conv2d(3, 1, 3), nn.Upsample(scale_factor=2))
    assert receptive_field(model, "1", 9).stride == (0.5, 0.5)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_size_behind_an_upsampling_is_that_of_the_largest_field_inside(scale, mode):
    up = nn.Upsample(scale_factor=scale, mode=mode)
    for model in (
        nn.Sequential(nn.MaxPool2d(scale), up, nn.Conv2d(3, 1, 3, padding=1)),
        nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.MaxPool2d(scale), up, nn.Conv2d(3, 1, 4)),
    ):
        field = receptive_field(model, str(len(model) - 1), 48)
        boxes = [field.box(row, 20) for row in range(16, 32)]
        assert field.size[0] == max(bottom - top for top, _, bottom, _ in boxes)


def test_a_dead_relu_or_a_zero_weight_changes_nothing():
    model = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU(), nn.Conv2d(1, 1, 3))
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    assert receptive_field(model, "2", 9).box(0, 0) == (0, 0, 5, 5)


@pytest.mark.filterwarnings("ignore:the network has batch normalisation without")
def test_normalisation_over_the_batch_or_all_positions_sees_all():
    for norm in (nn.BatchNorm2d(2, track_running_stats=False), nn.GroupNorm(1, 2), nn.InstanceNorm2d(2)):
        model = nn.Sequential(nn.Conv2d(3, 2, 3), norm)
        assert receptive_field(model, "1", 9).box(0, 0) == (0, 0, 9, 9), norm


class Unfollowed(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.conv, self.step, self.end = nn.Conv2d(3, 2, 3), step, nn.ReLU()

    def forward(self, images):
        return self.end(self.step(self.conv(images)))


def write_into_a_part(maps):
    maps[:, :, 1:] += 1
    return maps


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda maps: maps.transpose(2, 3), "rows or columns are taken apart or exchanged"),
        (lambda maps: maps.flip(3), "rows or columns are mirrored"),
        (lambda maps: maps[:, :, [1, 0]], "rows or columns are picked by numbers"),
        (lambda maps: maps.roll(1, 3), 'no rule for the operation "roll"'),
        (
            lambda maps: F.interpolate(maps, 9, mode="bicubic"),
            'no rule for the operation "upsample_bicubic2d"',
        ),
        (
            lambda maps: F.scaled_dot_product_attention(maps, maps, maps),
            "no rule|depend on the picture|taken apart",
        ),
        (lambda maps: maps.softmax(3), "rows or columns are taken apart"),
        (lambda maps: maps.mean(3), "the rows or the columns alone"),
        (lambda maps: maps.flatten(2).softmax(2), '"_softmax" is not followed behind flattening'),
        (lambda maps: F.conv2d(maps, maps[:, :, :3, :3]), "depend on the picture"),
        (lambda maps: F.interpolate(maps, scale_factor=1.5), "does not fit 7 positions"),
        (write_into_a_part, '"copy" writes into a part'),
    ],
)
def test_what_cannot_be_followed_is_said_and_not_guessed(step, message):
    model = Unfollowed(step)
    with pytest.raises(UnknownReceptiveField, match=f'field of "end" is not known: .*({message})'):
        receptive_field(model, "end", 9)
    result = receptive_fields(model, ["end", "conv"], 9)
    assert re.search(message, result["end"].reason) and result["conv"].size == (3, 3)


@pytest.mark.parametrize(
    "exchange",
    [lambda x: x.flip(1), lambda x: x[:, [2, 1, 0]], lambda x: x.index_select(1, torch.tensor([2, 1, 0]))],
)
def test_channels_in_another_order_leave_the_field_as_it_is(exchange):
    class BlueFirst(nn.Sequential):
        def forward(self, images):
            return super().forward(exchange(images))

    assert receptive_field(BlueFirst(nn.Conv2d(3, 2, 3)), "0", 9).box(2, 3) == (2, 3, 5, 6)


def test_several_fields_take_one_run_of_the_network():
    runs = []
    model = MiniAlexNet(["sheep"])
    model.register_forward_hook(lambda *_: runs.append(1))
    result = receptive_fields(model, ["pool5", "conv1"])
    assert list(result) == ["pool5", "conv1"] and len(runs) == 1
    assert result["conv1"] == receptive_field(model, "conv1") and result["pool5"] == receptive_field(
        model, "pool5"
    )


def test_a_resized_picture_is_followed_where_the_resize_can_be():
    model = Unfollowed(lambda maps: F.interpolate(maps, (14, 14), mode="bilinear"))
    assert receptive_field(model, "end", 9).box(0, 0) == (0, 0, 3, 3)
    assert receptive_field(model, "end", 9).box(7, 7) == (3, 3, 7, 7)


def test_what_does_not_depend_on_the_picture_has_no_field():
    with pytest.raises(ValueError, match="does not depend on the picture"):
        receptive_field(Unfollowed(torch.zeros_like), "end", 9)


def test_there_and_back_through_a_view_is_followed():
    model = Unfollowed(lambda maps: maps.flatten(1).relu().view_as(maps))
    assert receptive_field(model, "end", 9).box(2, 3) == (2, 3, 5, 6)


@pytest.mark.parametrize("unit", [(48, 0), (0, -1), (1.5, 0)])
def test_units_that_the_layer_does_not_have_are_refused(unit):
    with pytest.raises((ValueError, TypeError), match="between 0 and 47"):
        receptive_field(MiniAlexNet(["sheep"]), "conv1").box(*unit)


def test_a_box_in_a_picture_of_another_size_is_refused():
    with pytest.raises(
        ValueError, match=r"holds for pictures of 96 x 96, not 96 x 128; .*input_size=\(96, 128\)"
    ):
        receptive_field(MiniAlexNet(["sheep"]), "conv1").box(0, 0, 96, 128)


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match='layer "conv9" is not in mini_alexnet'):
        receptive_field(MiniAlexNet(["sheep"]), "conv9")


def test_the_printed_field_is_short():
    assert len(repr(receptive_field(MiniAlexNet(["sheep"]), "conv1"))) < 120
    assert math.prod(receptive_field(MiniAlexNet(["sheep"]), "conv1").size) == 144


def test_following_a_picture_does_not_import_the_compiler():
    """It takes seconds, which the first explorer of a session would wait for."""
    code = (
        "import sys, torch; from cnnlab.networks import receptive_field;"
        "receptive_field(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), '0', (3, 9, 9)); print('torch._dynamo' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
