"""Channels are second in what a layer gives, wherever a network keeps them; checked by permuting and by torchvision's transformers."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from cnnlab.attribution import grad_cam
from cnnlab.features import extract_features
from cnnlab.networks import activations, record_activations
from cnnlab.units import ablate

SIDE = 24


class ChannelsLast(nn.Module):
    """A convolution, then one block that works on N x H x W x C, by the ways in which networks move their axes."""

    def __init__(self, move):
        super().__init__()
        self.move = move
        self.conv, self.inner, self.norm = nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.GELU(), nn.LayerNorm(5)
        self.fc = nn.Linear(5, 4)

    def forward(self, images):
        maps = self.move(self.conv(images))
        return self.fc(self.norm(self.inner(maps)).flatten(1, -2).mean(1))


MOVES = {
    "permute": lambda maps: maps.permute(0, 2, 3, 1),
    "movedim": lambda maps: maps.movedim(1, -1),
    "transpose twice": lambda maps: maps.transpose(1, 3).transpose(1, 2),
    "over tokens": lambda maps: maps.flatten(2).transpose(1, 2).unflatten(1, (12, 12)),
    "over windows": lambda maps: (
        maps.permute(0, 2, 3, 1)
        .reshape(-1, 2, 6, 2, 6, 5)
        .permute(0, 1, 3, 2, 4, 5)
        .reshape(-1, 4, 36, 5)
        .reshape(-1, 2, 2, 6, 6, 5)
        .permute(0, 1, 3, 2, 4, 5)
        .reshape(-1, 12, 12, 5)
    ),
    "joined": lambda maps: torch.cat(
        [maps[:, :2].permute(0, 2, 3, 1), maps[:, 2:].permute(0, 2, 3, 1)], dim=-1
    ),
}
IMAGES = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("grad", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("move", MOVES)
def test_channels_come_second_wherever_a_network_keeps_them(move, grad):
    model = ChannelsLast(MOVES[move]).eval()
    expected = nn.functional.gelu(model.conv(IMAGES))
    with grad(), record_activations(model, ["conv", "inner"]) as recorded:
        model(IMAGES)
    assert torch.allclose(recorded["inner"], expected, atol=1e-6)
    assert torch.allclose(recorded["conv"], model.conv(IMAGES), atol=1e-6)


class Mixer(nn.Module):
    """Channels last without layer normalisation or attention; and a shuffle of channels, which stay second."""

    def __init__(self):
        super().__init__()
        self.conv, self.mix, self.act = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.Linear(6, 8), nn.GELU()
        self.shuffled, self.fc = nn.Identity(), nn.Linear(8, 4)

    def forward(self, images):
        maps = self.conv(images)
        n, c, h, w = maps.shape
        maps = self.shuffled(maps.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))
        return self.fc(self.act(self.mix(maps.permute(0, 2, 3, 1))).mean((1, 2)))


@pytest.mark.parametrize("grad", [torch.enable_grad, torch.inference_mode])
def test_a_network_that_permutes_without_normalisation_is_followed(grad):
    model = Mixer().eval()
    with grad(), record_activations(model, ["conv", "shuffled", "act"]) as recorded:
        model(IMAGES)
    assert recorded["act"].shape == (2, 8, 12, 12)
    shuffled = nn.functional.channel_shuffle(recorded["conv"].clone(), 2)
    assert torch.equal(recorded["shuffled"], shuffled)
    mixed = nn.functional.gelu(model.mix(shuffled.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
    assert torch.allclose(recorded["act"], mixed, atol=1e-6)


def test_techniques_address_channels_of_a_network_that_keeps_them_last():
    model = ChannelsLast(MOVES["permute"]).eval()
    inner = nn.functional.gelu(model.conv(IMAGES))
    assert torch.allclose(
        extract_features(model, IMAGES, "inner", pool="mean"), inner.mean((2, 3)), atol=1e-6
    )
    inner[:, 3] = 0
    with ablate(model, "inner", 3):
        ablated = model(IMAGES)
    moved = inner.permute(0, 2, 3, 1)
    assert torch.allclose(ablated, model.fc(model.norm(moved).flatten(1, 2).mean(1)), atol=1e-6)


def test_grad_cam_of_a_block_that_keeps_its_channels_last_is_that_of_the_same_maps_with_channels_second():
    last = ChannelsLast(MOVES["permute"]).eval()
    alike = nn.Sequential(last.conv, last.inner)

    class Second(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = alike

        def forward(self, images):
            moved = self.maps(images).permute(0, 2, 3, 1)
            return last.fc(last.norm(moved).flatten(1, 2).mean(1))

    assert torch.allclose(
        grad_cam(last, IMAGES, 1, "inner"), grad_cam(Second(), IMAGES, 1, "maps"), atol=1e-6
    )


def small(kind: str) -> nn.Module:
    """One of torchvision's architectures with few layers and channels."""
    networks = torchvision.models
    few = {"num_classes": 5}
    if kind == "vit":
        return networks.VisionTransformer(32, 16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, **few)
    if kind == "convnext":
        blocks = [networks.convnext.CNBlockConfig(16, 32, 1), networks.convnext.CNBlockConfig(32, None, 1)]
        return networks.ConvNeXt(blocks, **few)
    block, merging = {
        "swin": (networks.swin_transformer.SwinTransformerBlock, networks.swin_transformer.PatchMerging),
        "swin_v2": (
            networks.swin_transformer.SwinTransformerBlockV2,
            networks.swin_transformer.PatchMergingV2,
        ),
    }[kind]
    sizes = {
        "patch_size": [4, 4],
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": [3, 3],
    }
    return networks.SwinTransformer(**sizes, block=block, downsample_layer=merging, **few)


@pytest.mark.parametrize(
    ("kind", "layer", "shape"),
    [
        ("swin", "features.3", (32, 6, 6)),
        ("swin", "features.2.norm", (64, 6, 6)),
        ("swin", "features.1.0.attn", (16, 12, 12)),
        ("swin_v2", "features.2", (32, 6, 6)),
        ("convnext", "features.1.0.block.3", (64, 12, 12)),
        ("convnext", "features.3", (32, 6, 6)),
    ],
)
def test_torchvisions_networks_with_channels_last(kind, layer, shape):
    model, image = small(kind).eval(), torch.rand(3, 48, 48)
    assert activations(model, image, layer)[layer].shape == shape
    assert grad_cam(model, image, 1, layer, resize=False).shape == shape[1:]
    assert extract_features(model, image[None], layer, pool="mean").shape == (1, shape[0])


def test_tokens_have_no_maps():
    model, image, layer = small("vit").eval(), torch.rand(3, 32, 32), "encoder.layers.encoder_layer_1"
    assert activations(model, image, layer)[layer].shape == (16, 5)
    with pytest.raises(ValueError, match="has no maps, but 16 x 5 numbers"):
        grad_cam(model, image, 1, layer)


class Attention(nn.Module):
    """Weights of attention between all positions, which have the shape of maps, and windows of 2 x 8 positions."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.weights = nn.Conv2d(3, 4, 4, stride=4), nn.LayerNorm(4), nn.Softmax(-1)
        self.windows, self.fc = nn.Identity(), nn.Linear(4, 3)

    def forward(self, images):
        tokens = self.norm(self.conv(images).flatten(2).transpose(1, 2))
        weights = self.weights((tokens @ tokens.transpose(1, 2))[:, None])
        mixed = weights[:, 0] @ tokens
        return self.fc(mixed.mean(1)) + self.fc(self.windows(tokens.unflatten(1, (2, 18)))).mean((1, 2))


@pytest.mark.parametrize(
    ("layer", "reason"), [("weights", "which axis holds its channels"), ("windows", "rows and columns")]
)
def test_what_has_the_shape_of_maps_but_is_none_is_refused(layer, reason):
    with pytest.raises(ValueError, match=rf'layer "{layer}" gives .* {reason}'):
        grad_cam(Attention(), IMAGES, 0, layer)
