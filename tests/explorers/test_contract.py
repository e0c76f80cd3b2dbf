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
import sys
from dataclasses import dataclass, field
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

from cnnlab.explorers import Explorer

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
    """What became of a second explorer: how it opened, what a damaged photo did, and then every control, turned by one step."""

    opening: tuple[str, str, bytes]
    refusals: list[tuple[Exception | None, str, dict]]
    silent: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    preview: bytes = b""
    model_before: dict = field(default_factory=dict)
    model_after: dict = field(default_factory=dict)


def used(name: str) -> Used:
    explorer = opened(name)
    opening = explorer.describe(), explorer.code(), explorer.static_preview()
    use = Used(opening, upload_damaged(explorer))
    model = getattr(explorer, "model", torch.nn.Identity())  # some have no network
    unsettle(model)
    for attribute, value in QUICK.get(name, {}).items():
        getattr(explorer, attribute).value = value
    use.model_before = footprint(model)
    order = sorted(
        controls(explorer).items(), key=lambda item: item[0] == "network"
    )  # the model goes with it
    for key, control in order:
        for other, value in NEEDED.get((name, key), {}).items():
            getattr(explorer, other).value = value
        usable = reachable(explorer)
        if control not in usable or (name, key) in LEFT_OUT:
            continue
        at_first, kept = shown(explorer), value_of(control)
        turn(control)
        if explorer.error is not None:
            use.failed[key] = str(explorer.error)
        if shown(explorer) == at_first:
            use.silent.append(key)
        elif not use.preview and explorer.describe() != at_first["words"]:
            use.preview = explorer.static_preview()
        put_back(control, kept)
    use.model_after = footprint(model)
    return use


def upload_damaged(explorer: Explorer) -> list[tuple[Exception | None, str, dict]]:
    """The error, the words in place and the state after each damaged photo, and after a change for the better."""
    uploads = [part for part in parts(explorer) if part.has_trait("upload")]
    if not uploads:
        return []
    alert = next(part for part in parts(explorer) if "cnnlab-error" in part._dom_classes)

    def told() -> tuple[Exception | None, str, dict]:
        words = alert.value if alert.layout.display != "none" else ""
        return explorer.error, words, {key: shown(explorer)[key] for key in ("words", "code")}

    found = []
    for number, content in enumerate((b"", b"Dear reader, this is no picture.", picture_bytes()[:900])):
        uploads[0].set_state({"upload": {"name": "mine.png", "content": memoryview(content), "turn": number}})
        found.append(told())
    explorer.another_button.click()
    return [*found, told()]


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


@pytest.fixture(scope="module")
def use(name):
    """A second one, used for all that a reader can do."""
    with pytest.MonkeyPatch.context() as patch:
        for module in [module for key, module in sys.modules.items() if key.startswith("cnnlab.explorers")]:
            if hasattr(module, "DEBOUNCE_SECONDS"):
                patch.setattr(module, "DEBOUNCE_SECONDS", 0.0)  # nobody goes on turning
        yield used(name)


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


def test_the_same_state_is_the_same_words_code_and_picture_and_another_is_not(explorer, use):
    preview = explorer.static_preview()
    assert use.opening == (explorer.describe(), explorer.code(), preview)
    assert use.preview not in (b"", preview)


def test_every_control_changes_what_is_shown(name, use):
    silent = {key for key in use.silent if ("", key) not in UNHEARD}
    assert silent == {key for explorer, key in UNHEARD if explorer == name}
    assert use.failed == {}


def test_the_network_is_left_as_it_was(use):
    assert use.model_after == use.model_before


def test_a_damaged_photo_is_refused_in_place_and_the_picture_stays(explorer, use):
    if not use.refusals:
        pytest.skip("it takes no photo")
    *refusals, (error, words, _state) = use.refusals
    for refused, said, still in refusals:
        assert isinstance(refused, ValueError | OSError) and len(said) > 20
        assert still == {"words": explorer.describe(), "code": explorer.code()}
    assert (error, words) == (None, "")


def test_the_shown_code_runs_as_it_stands(explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(explorer.code(), "shown code", "exec"), names)
    assert any(not isinstance(value, ModuleType | str | dict) for value in names.values())


# The record.


def test_nothing_is_recorded_of_an_explorer_that_is_gone():
    assert sorted(read_record()) == NAMES


def test_controls_names_and_words_are_those_that_are_recorded(name, explorer):
    assert json.loads(json.dumps(recorded(explorer))) == read_record()[name]
