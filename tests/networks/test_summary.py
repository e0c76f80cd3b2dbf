import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab.networks import EfficientNetLite0, MiniAlexNet, SqueezeNet, summary

# Lecture S, "Plotting model architecture": layer, output shape (rows, columns, maps), parameters.
LECTURE_TABLE = [
    ("conv2d_1", (26, 26, 32), 320),
    ("conv2d_2", (24, 24, 64), 18_496),
    ("max_pooling2d_1", (12, 12, 64), 0),
    ("dropout_1", (12, 12, 64), 0),
    ("flatten_1", (9216,), 0),
    ("dense_1", (128,), 1_179_776),
    ("dropout_2", (128,), 0),
    ("preds", (10,), 1_290),
]


class LectureNetwork(nn.Module):
    """The network of the lecture, whose ReLUs belong to their layers and have no lines of their own."""

    def __init__(self):
        super().__init__()
        self.conv2d_1, self.conv2d_2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.max_pooling2d_1, self.dropout_1, self.flatten_1 = nn.MaxPool2d(2), nn.Dropout(), nn.Flatten()
        self.dense_1, self.dropout_2, self.preds = nn.Linear(9216, 128), nn.Dropout(), nn.Linear(128, 10)

    def forward(self, digits):
        maps = self.conv2d_2(self.conv2d_1(digits).relu()).relu()
        codes = self.dense_1(self.flatten_1(self.dropout_1(self.max_pooling2d_1(maps)))).relu()
        return self.preds(self.dropout_2(codes))


class Shared(nn.Module):
    """Runs one convolution twice and has parameters of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)

    def forward(self, images):
        return self.conv(self.conv(images)) * self.scale.sum()


def built_without_memory(name):
    with torch.device("meta"):
        return torchvision.models.get_model(name).eval()


def test_the_table_of_lecture_s_to_the_digit():
    table = summary(LectureNetwork(), (1, 28, 28))
    result = [(row.name, (*row.output_shape[1:], row.output_shape[0]), row.parameters) for row in table.rows]
    assert result == LECTURE_TABLE
    assert (table.parameters, table.trainable, table.non_trainable) == (1_199_882, 1_199_882, 0)


def test_the_printed_table_shows_it_too():
    printed = str(summary(LectureNetwork(), (1, 28, 28)))
    lines = [line.split() for line in printed.splitlines()]
    assert ["conv2d_2", "Conv2d", "64", "x", "24", "x", "24", "18,496", "10,616,832", "5", "x", "5"] in lines
    assert ["flatten_1", "Flatten", "9216", "0", "0", "6", "x", "6"] in lines
    assert ["dense_1", "Linear", "128", "1,179,776", "1,179,648", "all"] in lines
    assert "Parameters in all: 1,199,882" in printed and "Not trainable: 0" in printed


@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "vgg16", "resnet18", "densenet121", "squeezenet1_1", "mobilenet_v2"),
        *("mobilenet_v3_small", "shufflenet_v2_x0_5", "efficientnet_b0"),
    ],
)
def test_totals_are_those_that_torchvision_publishes(name):
    published = torchvision.models.get_model_weights(name).IMAGENET1K_V1.meta
    table = summary(built_without_memory(name), 224)
    assert table.parameters == published["num_params"]
    assert sum(row.parameters for row in table.rows) == published["num_params"]
    assert table.multiply_adds / 1e9 == pytest.approx(published["_ops"], abs=6e-4)


def test_squeezenet_costs_what_torch_counts_and_what_was_published_of_it():
    with torch.device("meta"):
        model = SqueezeNet(tuple("abcdefghij") * 100).eval()
    table = summary(model)
    published = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.meta
    assert table.parameters == published["num_params"] == 1_235_496
    assert table.multiply_adds == torch_count(model) == 349_151_936


def test_efficientnet_lite0_costs_what_torch_counts_and_a_count_by_hand():
    with torch.device("meta"):
        model = EfficientNetLite0(tuple("abcdefghij") * 100).eval()
    # Each block: 1 x 1 to six times as many maps, k x k on each of them by itself, 1 x 1 to fewer; stride 2 in its k x k.
    blocks = [(32, 32, 16, 3, 112, 112), (16, 96, 24, 3, 112, 56), (24, 144, 24, 3, 56, 56)]
    blocks += [(24, 144, 40, 5, 56, 28), (40, 240, 40, 5, 28, 28), (40, 240, 80, 3, 28, 14)]
    blocks += [(80, 480, 80, 3, 14, 14)] * 2 + [(80, 480, 112, 5, 14, 14)] + [(112, 672, 112, 5, 14, 14)] * 2
    blocks += [(112, 672, 192, 5, 14, 7)] + [(192, 1152, 192, 5, 7, 7)] * 3 + [(192, 1152, 320, 3, 7, 7)]
    by_hand = 27 * 32 * 112**2 + 320 * 1280 * 7**2 + 1280 * 1000
    for inputs, wide, outputs, kernel, before, after in blocks:
        by_hand += inputs * wide * before**2 if wide > inputs else 0
        by_hand += (kernel**2 + outputs) * wide * after**2
    table = summary(model)
    assert table.multiply_adds == torch_count(model) == by_hand == 385_187_552
    assert table.parameters == sum(row.parameters for row in table.rows) == 4_652_008


def torch_count(model):
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 224, 224, device="meta"))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 6, (3, 5), stride=2, padding=1, dilation=2),
        nn.Conv2d(3, 6, 3, groups=3, bias=False),
        nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1),
        nn.Linear(17, 5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_multiply_adds_are_half_the_operations_that_torch_counts(layer):
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, 3, 15, 17))
    assert summary(nn.Sequential(layer), (3, 15, 17)).multiply_adds == counter.get_total_flops() / 2


def test_rows_stand_in_the_order_of_running_and_shared_layers_stand_once():
    table = summary(Shared(), 8)
    assert [row.name for row in table.rows] == ["conv", "(itself)"]
    conv, whole = table.rows
    assert conv.parameters == 81 and whole.parameters == 5 and table.parameters == 86
    assert conv.multiply_adds == 2 * 81 * 64
    assert conv.receptive_field.size == (5, 5)


def test_frozen_parameters_count_as_not_trainable():
    model = MiniAlexNet(["sheep", "goat"])
    model.fc6.requires_grad_(False)
    table = summary(model)
    frozen = 128 * 192 + 192
    assert table.non_trainable == frozen and table.trainable == table.parameters - frozen


def test_a_field_that_is_not_known_is_shown_as_such():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(dim=-1))
    table = summary(model, 8)
    assert table.rows[0].receptive_field.size == (3, 3) and table.rows[1].receptive_field is None
    assert str(table).splitlines()[5].endswith("?")


def test_a_layer_that_gives_several_tensors_has_its_row():
    table = summary(nn.Sequential(nn.Flatten(2), nn.LSTM(64, 5)), 8)
    assert table.rows[1].type == "LSTM" and table.rows[1].output_shape == ()


def test_aliases_are_shown():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)))
    model.layer_aliases = {"conv1": "0.0"}
    assert [row.name for row in summary(model, 8).rows] == ["conv1"]


def test_the_notebook_table_holds_every_cell():
    table = summary(MiniAlexNet(["sheep", "goat"]))
    page = table._repr_html_()
    assert all(f">{cell}</td>" in page for row in table.rows for cell in row.cells())
    assert page.count("<tr>") == len(table.rows) + 1 and "mini_alexnet, for pictures of 3 x 96 x 96" in page


@pytest.mark.parametrize(
    ("size", "shape"), [(32, (3, 32, 32)), ((32, 40), (3, 32, 40)), ([3, 32, 33], (3, 32, 33))]
)
def test_input_size_may_be_a_number_two_or_three(size, shape):
    assert summary(nn.Sequential(nn.Conv2d(3, 1, 3)), size).input_shape == shape


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (None, ValueError, "does not tell its input_size"),
        ((1, 2, 3, 4), ValueError, r"n, \(H, W\) or \(C, H, W\)"),
        (0, ValueError, "at least 1"),
        (2.5, TypeError, "whole number"),
        ("big", TypeError, "whole number"),
        (2, ValueError, "Sequential cannot take a picture of 3 x 2 x 2"),
        ((1, 8, 8), ValueError, "Sequential cannot take a picture of 1 x 8 x 8"),
    ],
)
def test_a_wrong_input_size_is_refused(size, error, message):
    with pytest.raises(error, match=message):
        summary(nn.Sequential(nn.Conv2d(3, 1, 3)), size)


class Functions(nn.Module):
    """A network that calls functions in place of layers, and has the weights of one layer used by another."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.Linear(4, 5)

    def forward(self, images):
        tokens = F.conv2d(images, self.kernel, stride=2, padding=1).flatten(2).transpose(1, 2)
        return self.fc(self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(1))


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode])
def test_operations_are_counted_wherever_they_are_called(mode):
    with mode():
        table = summary(Functions(), 8)
    rows = {row.name: row for row in table.rows}
    assert rows["(itself)"].multiply_adds == 4 * 4 * 4 * 27
    # 16 tokens of 4: query, key and value, then 16 x 16 products of 4 numbers twice, and the projection.
    assert rows["attention"].multiply_adds == 16 * 4 * 12 + 2 * 16 * 16 * 4 + 16 * 4 * 4
    assert rows["fc"].multiply_adds == 20
    assert rows["attention"].parameters == 12 * 4 + 12 + 4 * 4 + 4  # with those of its output projection
    assert sum(row.parameters for row in table.rows) == table.parameters


@pytest.mark.parametrize(("name", "giga"), [("vit_b_16", 17.56), ("swin_t", 4.49), ("resnet18", 1.81)])
def test_multiply_adds_are_those_that_torchvision_publishes(name, giga):
    """In `meta["_ops"]`, in thousands of millions for 224 x 224; torch's counter leaves out biases and normalisation alike."""
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["_ops"]
    assert published == pytest.approx(giga, abs=0.01)
    with torch.device("meta"):
        model = torchvision.models.get_model(name)
    assert summary(model, 224).multiply_adds / 1e9 == pytest.approx(published, rel=0.01)
