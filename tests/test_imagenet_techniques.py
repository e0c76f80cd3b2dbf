"""Every public technique on both ImageNet networks with photographs: it answers, or says why it cannot.

What the answers are worth is held in the tests of the rooms. New functions of the rooms get a line in `TECHNIQUES`, `REFUSED` or
`WITHOUT_A_NETWORK`, or the last test fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cnnlab as lab
from cnnlab import attribution, features, networks, robustness, segmentation, synthesis, transfer, units

SIDE = 64
CUP = lab.world.sample(7, shape="cup", clutter=0, cover=0.0, scale=0.5, position=(0.5, 0.5))
ALL = lab.world.parts_of("cup")
LAYERS = {  # one early, one in the middle, the last maps, the head
    "squeezenet": ("fire2", "fire6", "fire9", "conv10"),
    "efficientnet_lite0": ("block2", "block8", "head", "fc"),
}


@pytest.fixture(scope="module", params=LAYERS)
def given(request) -> SimpleNamespace:
    """A network, its layers, and what to ask it about."""
    photographs = lab.photographs()[["chelsea", "coffee"]]
    model = lab.load(request.param)
    images = photographs.images(SIDE).float() / 255
    with torch.inference_mode():
        labels = model(images).argmax(1)  # in pictures as small as these, a cat may be anything
    early, middle, last, head = LAYERS[request.param]
    return SimpleNamespace(
        model=model,
        side=SIDE,
        image=images[0],
        images=images,
        labels=labels,
        early=early,
        middle=middle,
        last=last,
        head=head,
        mask=torch.ones(2, SIDE, SIDE, dtype=torch.bool).triu(),
        crops=photographs.crops(SIDE, per_photo=8, progress=False),
        labelled=Labelled(images, labels, model.class_names),
        world=lab.world.dataset("validation", n=8, size=SIDE, progress=False),
        new=transfer.new_head(model, ["cat", "cup"]),
        task=(images, torch.tensor([0, 1])),
    )


class Labelled:
    """Photographs with the index of their class, as a data set."""

    def __init__(self, images: Tensor, labels: Tensor, class_names: Sequence[str]):
        self.images, self.labels, self.class_names = (images * 255).byte(), labels, class_names

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index].float() / 255, int(self.labels[index])


def _saliency(model: nn.Module, images: Tensor, target: Any) -> Tensor:
    return attribution.saliency(model, images, target)


def _conflicts(g: SimpleNamespace) -> robustness.CueConflicts:
    """Each photograph as if it had the texture of the other."""
    return robustness.CueConflicts(
        g.images, torch.tensor([0, 1]), torch.tensor([1, 0]), ("tabby", "espresso")
    )


def channel_count(model, image, layer: str) -> int:
    return lab.networks.activations(model, image[None], layer)[layer].shape[1]


def dictionary(g: SimpleNamespace) -> units.SparseDictionary:
    """An untrained dictionary of the layer in the middle, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return units.SparseDictionary(channel_count(g.model, g.image, g.middle), 4)


TECHNIQUES = {
    "attribution.BackdooredModel": lambda g: attribution.BackdooredModel(g.model, "tabby")(g.images),
    "attribution.cam": lambda g: attribution.cam(g.model, g.images),
    "attribution.compare": lambda g: attribution.compare(
        g.model, g.images, g.mask, {"saliency": attribution.saliency(g.model, g.images)}, steps=2
    ),
    "attribution.deconvnet": lambda g: attribution.deconvnet(g.model, g.images),
    "attribution.deletion_insertion": lambda g: attribution.deletion_insertion(
        g.model, g.image, attribution.saliency(g.model, g.image), steps=2
    ),
    "attribution.grad_cam": lambda g: attribution.grad_cam(g.model, g.images),
    "attribution.gradient": lambda g: attribution.gradient(g.model, g.images, layer=g.middle, unit=7),
    "attribution.guided_backprop": lambda g: attribution.guided_backprop(g.model, g.images, "tabby"),
    "attribution.guided_grad_cam": lambda g: attribution.guided_grad_cam(g.model, g.images),
    "attribution.hires_cam": lambda g: attribution.hires_cam(g.model, g.images),
    "attribution.layer_cam": lambda g: attribution.layer_cam(g.model, g.images, "tabby", g.middle),
    "attribution.score_cam": lambda g: attribution.score_cam(g.model, g.image, "tabby", g.early),
    "attribution.method_map": lambda g: attribution.method_map("Grad-CAM", g.model, g.image),
    "attribution.rise": lambda g: attribution.rise(g.model, g.image, "tabby", masks=4),
    "attribution.true_importance": lambda g: attribution.true_importance(
        g.model, CUP, "tabby", size=g.side, pairs=False
    ),
    "attribution.part_game": lambda g: attribution.part_game(g.model, CUP, "tabby", size=g.side),
    "attribution.superpixel_game": lambda g: attribution.superpixel_game(g.model, g.image, "tabby", count=3),
    "attribution.preservation_check": lambda g: attribution.preservation_check(
        g.model, [CUP], [ALL], size=g.side
    ),
    "attribution.deletion_check": lambda g: attribution.deletion_check(g.model, [CUP], [ALL], size=g.side),
    "attribution.integrated_gradients": lambda g: attribution.integrated_gradients(
        g.model, g.image, "tabby cat", steps=3
    ),
    "attribution.occlusion": lambda g: attribution.occlusion(g.model, g.image, size=16, stride=16),
    "attribution.occlusion_steps": lambda g: attribution.occlusion_steps(
        g.model, g.image, size=32, stride=32
    ),
    "attribution.parameter_randomisation": lambda g: attribution.parameter_randomisation(
        g.model, g.images, _saliency, layers=[g.head, g.middle]
    ),
    "attribution.saliency": lambda g: attribution.saliency(g.model, g.images, ["tabby", None]),
    "attribution.smoothgrad": lambda g: attribution.smoothgrad(g.model, g.image, samples=3, rule="guided"),
    "features.extract_features": lambda g: [
        features.extract_features(g.model, g.crops, layer) for layer in (g.early, g.head)
    ],
    "features.sample_vectors": lambda g: features.sample_vectors(g.model, g.crops, g.middle).vectors,
    "features.simulate_recordings": lambda g: (
        features.simulate_recordings(g.model, *g.task, ["cat", "cup"], g.last, sites=4, trials=2).responses
    ),
    "networks.activations": lambda g: networks.activations(g.model, g.images, networks.layer_names(g.model)),
    "networks.effective_receptive_field": lambda g: networks.effective_receptive_field(
        g.model, g.early, g.images, row=3
    ),
    "networks.layer_names": lambda g: networks.layer_names(g.model),
    "networks.receptive_field": lambda g: networks.receptive_field(g.model, g.middle).box(1, 2),
    "networks.receptive_fields": lambda g: networks.receptive_fields(
        g.model, networks.layer_names(g.model), g.side
    ),
    "networks.sliding_probabilities": lambda g: networks.sliding_probabilities(
        networks.to_convolutional(g.model, g.side), nn.functional.interpolate(g.images[:1], scale_factor=1.5)
    ),
    "networks.summary": lambda g: networks.summary(g.model, g.side).rows,
    "networks.to_convolutional": lambda g: networks.to_convolutional(g.model, g.side)(g.images),
    "networks.reinitialise": lambda g: networks.reinitialise(g.model)(g.images),
    "robustness.JpegDefence": lambda g: robustness.JpegDefence(g.model)(g.images),
    "robustness.LogitScaleDefence": lambda g: robustness.LogitScaleDefence(g.model)(g.images),
    "robustness.NoiseDefence": lambda g: robustness.NoiseDefence(g.model, samples=2)(g.images),
    "robustness.accuracy_by_epsilon": lambda g: robustness.accuracy_by_epsilon(
        g.model, g.labelled, (0.0, 4 / 255), robustness.fgsm
    ),
    "robustness.adversarial_patch": lambda g: robustness.adversarial_patch(
        g.model, g.images, "goldfish", steps=1, batch_size=2
    ),
    "robustness.adversarial_patch_steps": lambda g: robustness.adversarial_patch_steps(
        g.model, g.images, "goldfish", steps=1, batch_size=2
    ),
    "robustness.adversarial_training": lambda g: robustness.adversarial_training(
        g.new, *g.task, steps=1, batch_size=2
    )(g.images),
    "robustness.apgd": lambda g: robustness.apgd(g.model, g.images, g.labels, steps=3, loss="dlr"),
    "robustness.corruption_errors": lambda g: robustness.corruption_errors(
        g.model, g.labelled, kinds=["fog"], severities=(3,)
    ),
    "robustness.evolve_fooling": lambda g: islice(
        robustness.evolve_fooling(g.model, "goldfish", population=4, generations=1, size=g.side), 2
    ),
    "robustness.fgsm": lambda g: robustness.fgsm(g.model, g.images, g.labels),
    "robustness.masked_gradient_signs": lambda g: torch.tensor(
        list(
            robustness.masked_gradient_signs(
                g.model, g.images, g.labels, steps=1, queries=2
            ).accuracy.values()
        )
    ),
    "robustness.minimal_epsilon": lambda g: robustness.minimal_epsilon(g.model, g.images, grid_points=2),
    "robustness.loss_gradient": lambda g: robustness.loss_gradient(g.model, g.images, g.labels),
    "robustness.one_pixel": lambda g: robustness.one_pixel(g.model, g.image, population=8, generations=1),
    "robustness.one_pixel_steps": lambda g: robustness.one_pixel_steps(
        g.model, g.image, population=8, generations=1
    ),
    "robustness.patch_success": lambda g: (
        robustness.patch_success(g.model, g.images, g.images[1], "goldfish", places=1).count
    ),
    "robustness.penalty_attack": lambda g: (
        robustness.penalty_attack(g.model, g.images, "goldfish", steps=2, rounds=1).images
    ),
    "robustness.pgd": lambda g: robustness.pgd(g.model, g.images, "goldfish", targeted=True, steps=2),
    "robustness.query_attack": lambda g: robustness.query_attack(g.model, g.images, queries=4),
    "robustness.robust_accuracy": lambda g: robustness.robust_accuracy(g.model, g.labelled, robustness.fgsm),
    "robustness.shape_bias": lambda g: robustness.shape_bias(g.model, _conflicts(g)).predictions,
    "robustness.random_signs": lambda g: robustness.random_signs(g.model, g.images),
    "robustness.transfer_attack": lambda g: (
        robustness.transfer_attack(
            g.model, lab.load("squeezenet"), g.images, g.labels, attack=robustness.fgsm
        ).images
    ),
    "synthesis.gradient_ascent": lambda g: islice(
        synthesis.gradient_ascent(
            g.model, synthesis.layer_norm(g.last), g.images[1:], synthesis.pixels(), steps=1
        ),
        2,
    ),
    "synthesis.deepdream": lambda g: synthesis.deepdream(g.model, g.image, g.middle, octaves=1, steps=2),
    "synthesis.deepdream_steps": lambda g: synthesis.deepdream_steps(
        g.model, g.image, g.middle, octaves=1, steps=1
    ),
    "synthesis.invert": lambda g: synthesis.invert(g.model, g.image, g.last, steps=2, restarts=2),
    "synthesis.invert_steps": lambda g: synthesis.invert_steps(g.model, g.image, g.head, steps=1),
    "synthesis.maximise": lambda g: synthesis.maximise(
        g.model, ["golden retriever", "flamingo"], steps=2, size=g.side
    ),
    "synthesis.maximise_steps": lambda g: synthesis.maximise_steps(
        g.model, synthesis.unit(g.middle, 3) + synthesis.channel(g.early, 2), steps=1, size=g.side
    ),
    "synthesis.style_steps": lambda g: synthesis.style_steps(g.model, None, g.image, steps=1),
    "synthesis.transfer_style": lambda g: synthesis.transfer_style(g.model, *g.images, steps=2),
    "synthesis.deepdream_zoom": lambda g: synthesis.deepdream_zoom(
        g.model, g.image, g.middle, frames=1, steps=1, octaves=1
    ),
    "synthesis.unit_pictures": lambda g: synthesis.unit_pictures(
        g.model, g.middle, [7], size=g.side, steps=1
    ),
    "synthesis.unit_picture_steps": lambda g: synthesis.unit_picture_steps(
        g.model, g.middle, 7, size=g.side, steps=1
    ),
    "synthesis.kept_unit_picture": lambda g: [
        synthesis.unit_pictures(g.model, g.middle, [7], size=g.side, steps=1),
        synthesis.kept_unit_picture(g.model, g.middle, 7, size=g.side, steps=1),
    ],
    "transfer.accuracy": lambda g: transfer.accuracy(g.model, g.images, g.labels),
    "transfer.accuracy_by_depth": lambda g: transfer.accuracy_by_depth(
        g.model, g.task, g.task, ["cat", "cup"], layers=[g.middle], seeds=(0,), epochs=1
    ),
    "transfer.accuracy_by_examples": lambda g: (
        transfer.accuracy_by_examples(
            g.model, g.task, g.task, ["cat", "cup"], per_class=(1,), seeds=(0,), steps=1
        ).per_class
    ),
    "transfer.transfer_init": lambda g: transfer.transfer_init(g.model, ["cat", "cup"], g.middle)(g.images),
    "transfer.fine_tune": lambda g: transfer.fine_tune(g.new, *g.task, freeze_up_to=g.last, epochs=1).losses,
    "transfer.fine_tune_epochs": lambda g: transfer.fine_tune_epochs(g.new, *g.task, epochs=1),
    "transfer.freeze": lambda g: [p.requires_grad for p in transfer.freeze(g.model, g.middle).parameters()],
    "transfer.transferability_experiment": lambda g: (
        transfer.transferability_experiment(
            g.new, g.new, g.task, g.task, layers=[g.last], treatments=["AnB"], epochs=1
        ).layers
    ),
    "transfer.head_name": lambda g: transfer.head_name(g.model) == g.head,
    "transfer.new_head": lambda g: transfer.new_head(g.model, ["cat", "dog", "cup"])(g.images),
    "transfer.new_task": lambda g: transfer.new_task("scenes", g.model, n=4, test_n=4, size=g.side),
    "transfer.reinitialise_after": lambda g: transfer.reinitialise_after(g.model, g.middle)(g.images),
    "transfer.tasks_for": lambda g: transfer.tasks_for(g.model),
    "units.activation_mask": lambda g: (
        units.activation_mask(
            g.model, g.images, units.dissect(g.model, g.world, g.middle, min_pictures=1), 3
        ).shape
    ),
    "units.activation_vectors": lambda g: units.activation_vectors(g.model, g.images, g.middle, 20),
    "units.directional_derivatives": lambda g: units.directional_derivatives(g.model, g.images, 1, g.middle),
    "units.tcav": lambda g: (
        units.tcav(
            g.model,
            g.images,
            0,
            g.middle,
            {"first": g.crops.images[:2] / 255.0},
            (g.crops.images[2:8] / 255.0).unflatten(0, (3, 2)),
        )["first"].random_alignments
    ),
    "units.with_dictionary": lambda g: units.with_dictionary(g.model, g.middle, dictionary(g)).eval()(
        g.images
    ),
    "units.compare_directions": lambda g: units.compare_directions(g.model, g.crops, g.middle, 3, draws=4),
    "units.convolution_names": lambda g: units.convolution_names(g.model),
    "units.dissect": lambda g: units.dissect(g.model, g.world, [g.middle, g.last], min_pictures=1),
    "units.dissect_steps": lambda g: units.dissect_steps(g.model, g.world, g.middle, min_pictures=1),
    "units.filters": lambda g: [units.filters(g.model), units.filters(g.model, g.head)],
    "units.ablation_steps": lambda g: [
        torch.stack(accuracies).nan_to_num()
        for accuracies in units.ablation_steps(g.model, g.images, g.labels, g.middle, 7)
    ],
    "units.ablate_each": lambda g: (
        units.ablate_each(g.model, g.labelled, g.middle, [0, [1, 2]]).overall_change + 1
    ),
    "units.logit_attribution": lambda g: units.logit_attribution(g.model, g.images, g.middle, 7),
    "units.silenced_falls": lambda g: units.silenced_falls(g.model, g.images, g.middle, 7),
    "units.survey_units": lambda g: units.survey_units(g.model, g.crops, g.middle).mean,
    "units.vector_attribution": lambda g: units.vector_attribution(
        g.model, g.middle, torch.ones(2, channel_count(g.model, g.image, g.middle)).cumsum(1), g.side
    ),
    "units.top_along_direction": lambda g: units.top_along_direction(
        g.model, g.crops, g.early, units.random_directions(channel_count(g.model, g.image, g.early), 2), 3
    ),
    "units.top_patches": lambda g: units.top_patches(g.model, g.crops, [g.early, g.last], 3),
}

REFUSED = {
    "robustness.small_changes": (
        lambda g: robustness.small_changes(g.model, g.image),
        "add up in a linear network only",
    ),
    "robustness.shape_bias, for classes that the network does not know": (
        lambda g: robustness.shape_bias(
            g.model, robustness.cue_conflicts(2, classes=["sheep", "cup"], size=g.side)
        ),
        "does not know sheep",
    ),
    "segmentation.segment, with one answer for the whole picture": (
        lambda g: segmentation.segment(g.model, g.images),
        "must give N x C x H x W logits",
    ),
    "segmentation.segmentation_score": (
        lambda g: segmentation.segmentation_score(g.model, g.images, torch.zeros(2, g.side, g.side).long()),
        "must give N x C x H x W logits",
    ),
    "units.fit_filters": (lambda g: units.fit_filters(units.filters(g.model)), "3 x 3 are too small"),
    "units.fit_blob": (lambda g: units.fit_blob(units.filters(g.model)), "3 x 3 are too small"),
    "units.fit_gabor": (lambda g: units.fit_gabor(units.filters(g.model)), "3 x 3 are too small"),
}
"""What has no answer for these networks, and what the error says."""

OF_OTHER_ROOMS = {
    *("networks.eval_mode", "networks.record_activations", "networks.resolve_layer", "units.ablate"),
    "networks.write_weights",
}
"""What techniques are built from, and what no technique is."""


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_answers(given, technique):
    said = list(numbers(TECHNIQUES[technique](given)))
    assert said
    assert all(one.isfinite().all() for one in said)
    assert any(one.any() for one in said)


@pytest.mark.parametrize("technique", REFUSED)
def test_what_has_no_answer_says_why(given, technique):
    ask, message = REFUSED[technique]
    with pytest.raises((ValueError, TypeError), match=message):
        ask(given)


def test_no_technique_is_left_out():
    public = {
        f"{room.__name__.removeprefix('cnnlab.')}.{name}"
        for room in (attribution, features, networks, robustness, segmentation, synthesis, transfer, units)
        for name in room.__all__
        if takes_a_network(getattr(room, name))
    }
    refused = {name.split(",")[0] for name in REFUSED}
    assert public == {*TECHNIQUES, *OF_OTHER_ROOMS, *(public & refused)}


def takes_a_network(thing: Any) -> bool:
    """Whether this is a function, or the constructor of a wrapper, with a network among its parameters."""
    if not callable(thing) or is_dataclass(thing):
        return False
    return not {"model", "models", "surrogate", "base", "base_a"}.isdisjoint(
        inspect.signature(thing).parameters
    )


def numbers(result: Any) -> Iterator[Tensor]:
    """All numbers in a result, as tensors: those in its fields, its entries and, of a generator, its last step."""
    if isinstance(result, Tensor):
        yield result.detach()
    elif isinstance(result, bool | int | float):
        yield torch.tensor(result)
    elif isinstance(result, str):
        yield torch.tensor(len(result))
    elif is_dataclass(result):
        yield from numbers([getattr(result, field.name) for field in fields(result)])
    elif isinstance(result, Mapping):
        yield from numbers(list(result.values()))
    elif isinstance(result, Sequence):
        for entry in result:
            yield from numbers(entry)
    elif isinstance(result, Iterator):
        *_, last = result
        yield from numbers(last)
