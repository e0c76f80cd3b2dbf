"""What every explorer promises, checked for each class `...Explorer` of the package; a new one is covered without a word here.

It opens; a saved notebook gets its picture and its words; each control has a name and changes what is shown; the shown code runs; a
damaged photo changes nothing; the network is left as it was; and what `contract.json` records of it holds.

Without a running event loop the background work of an explorer is done before the call returns, so nothing here waits.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ipywidgets as widgets
import pytest
import torch
from explorers.contract import (
    NAMES,
    accessible_name,
    controls,
    is_control,
    opened,
    parts,
    picture_bytes,
    reachable,
    read_record,
    recorded,
    shown,
    turn,
)
from PIL import Image

FEWEST_COLOURS = 20
"""A blank picture has one colour, a figure with nothing but text a dozen shades of grey."""

SAME_RUN = "the same run again"
UNHEARD = {
    ("", "opacity"): "applied in the browser",
    ("", "Run anew after each change of a control"): "it says when to run",
    ("", "auto_run"): "it says when to run",
    ("ActivationMaximisationExplorer", "Maximise"): SAME_RUN,
    ("ActivationMaximisationExplorer", "defaults_button"): "the sliders stand there",
    ("ConvolutionExplorer", "network"): "the kernel is not a learned one",
    ("DeepDreamExplorer", "Dream"): SAME_RUN,
    ("DeepDreamExplorer", "n_frames"): "for the zoom, which has not run",
    ("DeepDreamExplorer", "rotate"): "for the zoom, which has not run",
    ("DeepDreamExplorer", "zoom"): "for the zoom, which has not run",
    ("FoolingExplorer", "Breed"): SAME_RUN,
    ("InversionExplorer", "Invert"): SAME_RUN,
    ("OcclusionExplorer", "show_mask"): "applied in the browser",
    ("OcclusionExplorer", "stretch"): "there is no map yet",
    ("OcclusionExplorer", "target"): "the first class is the one that is predicted",
}
"""Controls that change nothing that the kernel shows, and why: (explorer, or "" for any, control) -> reason."""
NEEDED = {("PatchExplorer", "direction_seed"): {"mixing": 0.5}}
"""What must be chosen before a control answers: (explorer, control) -> attributes and values."""
QUICK = {"TransferExplorer": {"per_class": 1, "epochs": 1}, "DeepDreamExplorer": {"octaves": 1, "size": 96}}
"""What is set first, so that each change is quick."""
LEFT_OUT = {("FilterExplorer", "fit_button"), ("DeepDreamExplorer", "zoom_button")}
"""Buttons that start a minute of work; the explorers' own tests press them."""


# What happens to an explorer that is used.


def unsettle(model: torch.nn.Module) -> None:
    """A network in the middle of the reader's own work: in training mode, with a frozen weight and a hook."""
    model.train()
    for weight in list(model.parameters())[:1]:
        weight.requires_grad_(False)
    model.register_forward_hook(lambda *_: None)


def footprint(model: torch.nn.Module) -> dict[str, list]:
    """Everything of a network that looking at it must not change."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "modules": [name for name, _module in model.named_modules()],
        "modes": [module.training for module in model.modules()],
        "hooks": [[len(getattr(module, kind)) for kind in hooks] for module in model.modules()],
        "flags": [(weight.requires_grad, weight.grad is None) for weight in model.parameters()],
        "numbers": [hash(array.numpy().tobytes()) for array in model.state_dict().values()],
    }


@dataclass
class Used:
    """What became of an explorer whose controls were all turned, one step there and back."""

    silent: list[str]
    failed: dict[str, str]
    preview: bytes
    model_before: dict
    model_after: dict


def used(name: str) -> Used:
    explorer = opened(name)
    model = explorer.model
    unsettle(model)
    for attribute, value in QUICK.get(name, {}).items():
        getattr(explorer, attribute).value = value
    before, silent, failed, preview = footprint(model), [], {}, b""
    order = sorted(
        controls(explorer).items(), key=lambda item: item[0] == "network"
    )  # the model goes with it
    for key, control in order:
        for other, value in NEEDED.get((name, key), {}).items():
            getattr(explorer, other).value = value
        if control not in reachable(explorer) or (name, key) in LEFT_OUT:
            continue
        at_first = shown(explorer)
        kept = value_of(control)
        turn(control)
        if explorer.error is not None:
            failed[key] = str(explorer.error)
        if shown(explorer) == at_first:
            silent.append(key)
        elif not preview and explorer.describe() != at_first["words"]:
            preview = explorer.static_preview()
        put_back(control, kept)
    return Used(silent, failed, preview, before, footprint(model))


def value_of(control: widgets.Widget) -> Any:
    return getattr(control, "index" if control.has_trait("index") else "value", None)


def put_back(control: widgets.Widget, value: Any) -> None:
    if control.has_trait("upload"):
        control.upload = {"turn": 2}
    elif not isinstance(control, widgets.Button):
        setattr(control, "index" if control.has_trait("index") else "value", value)


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def explorer(name):
    """An explorer as it opens, which no test of this file changes."""
    return opened(name)


# The contract.


def test_it_opens_and_leaves_a_picture_and_words_in_a_saved_notebook(explorer):
    assert explorer.error is None
    data, metadata = explorer._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert data["text/plain"] == metadata["image/png"]["alt"] == explorer.describe()
    assert len(explorer.describe().split()) >= 10
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    assert picture.width > 300
    assert len(picture.getcolors(picture.width * picture.height)) > FEWEST_COLOURS
    assert len(data["image/png"]) < 400_000, "a notebook stays small"


def test_every_control_has_a_name_of_its_own(explorer):
    names = [accessible_name(explorer, control) for control in controls(explorer).values()]
    assert all(names), [key for key, one in controls(explorer).items() if not accessible_name(explorer, one)]
    assert len(set(names)) == len(names) > 1
    drawn = [part for part in parts(explorer) if part.has_trait("label") and not is_control(part)]
    assert all(part.label for part in drawn), "what is drawn in the browser has a name too"


def test_every_control_changes_what_is_shown_and_the_network_is_left_as_it_was(name, explorer):
    use = used(name)
    silent = {key for key in use.silent if ("", key) not in UNHEARD}
    assert silent == {key for explorer, key in UNHEARD if explorer == name}
    assert use.failed == {}
    assert use.model_after == use.model_before
    assert use.preview not in (b"", explorer.static_preview())


def test_the_same_state_is_the_same_words_code_and_picture(name, explorer):
    other = opened(name)
    assert other.describe() == explorer.describe() and other.code() == explorer.code()
    assert other.static_preview() == explorer.static_preview()


def test_the_shown_code_runs_as_it_stands(explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(explorer.code(), "shown code", "exec"), names)
    assert any(not isinstance(value, ModuleType | str | dict) for value in names.values())


def test_a_damaged_photo_is_refused_in_place_and_the_picture_stays(name):
    explorer = opened(name)
    uploads = [part for part in parts(explorer) if part.has_trait("upload")]
    if not uploads:
        pytest.skip("it takes no photo")
    alert = next(part for part in parts(explorer) if "cnnlab-error" in part._dom_classes)
    before = shown(explorer)
    for number, content in enumerate((b"", b"Dear reader, this is no picture.", picture_bytes()[:900])):
        uploads[0].set_state({"upload": {"name": "mine.png", "content": memoryview(content), "turn": number}})
        assert isinstance(explorer.error, ValueError | OSError)
        assert len(alert.value) > 20 and alert.layout.display != "none"
        assert explorer.describe() == before["words"] and explorer.code() == before["code"]
    explorer.another_button.click()
    assert explorer.error is None and alert.layout.display == "none"


# The record.


def test_nothing_is_recorded_of_an_explorer_that_is_gone():
    assert sorted(read_record()) == NAMES


def test_controls_names_and_words_are_those_that_are_recorded(name, explorer):
    assert json.loads(json.dumps(recorded(explorer))) == read_record()[name]
