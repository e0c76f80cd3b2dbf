"""What every explorer promises, checked for each class `...Explorer` of the package; a new one is covered without a word here.

It opens; a saved notebook gets its picture and its words; each control has a name and changes the pictures or numbers that are shown; the
shown code runs; a damaged photo changes nothing; the network is left as it was; and what `contract.json` records of it holds.

Without a running event loop the background work of an explorer is done before the call returns, so nothing here waits.
"""

from __future__ import annotations

import asyncio
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
from unchanged import state

from cnnlab.explorers import Explorer, background, effort, optimisation_base, style_transfer
from cnnlab.explorers.charts import Chart
from cnnlab.explorers.dataset_picker import FOLDER
from cnnlab.explorers.render.convolution import LEARNED_FILTER
from cnnlab.explorers.render.upsampling import TRANSPOSED

NARROW = 190
"""Least width of the column beside the main view, in CSS pixels (`explorer.css`)."""
FEWEST_COLOURS = 20
"""A blank picture has one colour, a figure with nothing but text a dozen shades of grey."""

SAME_RUN = "the same run again"
UNHEARD = {
    ("", "opacity"): "applied in the browser",
    ("", "Run anew after each change of a control"): "it says when to run",
    ("", "auto_run"): "it says when to run",
    ("ActivationMaximisationExplorer", "Maximise"): SAME_RUN,
    ("ActivationMaximisationExplorer", "defaults_button"): "the sliders stand there",
    ("AdversarialPatchExplorer", "train_button"): SAME_RUN,
    ("ConvolutionExplorer", "network"): "the kernel is not a learned one",
    ("DeepDreamExplorer", "Dream"): SAME_RUN,
    ("DeepDreamExplorer", "n_frames"): "for the zoom, which has not run",
    ("DeepDreamExplorer", "rotate"): "for the zoom, which has not run",
    ("DeepDreamExplorer", "zoom"): "for the zoom, which has not run",
    ("FoolingExplorer", "Breed"): SAME_RUN,
    ("InversionExplorer", "Invert"): SAME_RUN,
    ("OcclusionExplorer", "show_mask"): "applied in the browser",
    ("OcclusionExplorer", "show_map"): "there is no map yet",
    ("OcclusionExplorer", "stretch"): "there is no map yet",
}
"""Controls that change nothing that the kernel shows, and why: (explorer, or "" for any, control) -> reason."""
FROM_A_PICTURE = {"start": "picture"}
NEEDED = {
    ("", "photograph"): {"Kind of picture": "photograph"},
    ("", "photo_upload"): {"Kind of picture": "own"},
    ("", "folder"): {"data": FOLDER},
    **{
        ("ActivationMaximisationExplorer", key): FROM_A_PICTURE
        for key in ("Kind of picture", "shape", "scene", "seed", "another_button")
    },
    ("ActivationMaximisationExplorer", "photograph"): FROM_A_PICTURE | {"Kind of picture": "photograph"},
    ("ActivationMaximisationExplorer", "photo_upload"): FROM_A_PICTURE | {"Kind of picture": "own"},
    ("ActivationMaximisationExplorer", "layer"): {"kind": "channel"},
    ("ActivationMaximisationExplorer", "number"): {"kind": "channel"},
    ("AdversarialExplorer", "steps"): {"attack": "PGD, whole length"},
    ("ConvolutionExplorer", "unit"): {"kernel": LEARNED_FILTER},
    ("DeepDreamExplorer", "octave_scale"): {"octaves": 2},
    ("FilterExplorer", "source"): {"layer": "conv2"},
    ("PatchExplorer", "direction_seed"): {"mixing": 0.5},
    ("PartExplorer", "guess"): {"hide": True},
    ("SaliencyExplorer", "noise"): {"method": "SmoothGrad"},
    ("SaliencyExplorer", "samples"): {"method": "SmoothGrad"},
    ("SaliencyExplorer", "unit"): {"layer": "conv2"},
    ("UpsamplingExplorer", "kernel"): {"method": TRANSPOSED},
    ("UpsamplingExplorer", "padding"): {"method": TRANSPOSED},
}
"""What must be chosen before a control answers: (explorer, or "" for any, control) -> other controls and their values."""
FURTHER = {
    ("ActivationMaximisationExplorer", "sliders['blur']"): 1.0,
    ("DissectionExplorer", "threshold"): 0.3,
    ("GradCamExplorer", "target"): 1,
    ("OcclusionExplorer", "target"): 1,
    ("SaliencyExplorer", "target"): 1,
}
"""Values of controls that one step turns by too little, or to the class that is predicted."""
QUICK = {
    "DeepDreamExplorer": {"octaves": 1, "size": 96, "steps": 2},
    "StyleTransferExplorer": {"steps": 4},
    "TransferExplorer": {"per_class": 1, "epochs": 1},
}
"""What is set first, so that each change is quick."""
STOPS = {"Stop", "stop_button", "Stop searching the data set"}
"""Without a loop nothing is left to stop: these are pressed in the explorers' own tests."""
LOST = {
    ("", "folder"): "an empty name is no folder, and the last set stays",
    ("ActivationExplorer", "network"): "a position at which the unit is silent is left for its maximum",
    ("ActivationExplorer", "photo_upload"): "likewise",
    ("AdversarialPatchExplorer", "size"): "the patch grows about its centre, within the picture",
    ("DissectionExplorer", "network"): "another layer and unit are chosen",
    ("OcclusionExplorer", "network"): "the occluder scales with the picture",
    ("OcclusionExplorer", "size"): "the occluder grows about its centre",
}
"""Controls that change more than one step back can undo, and why."""
KEEPS_ALL = {"TransferExplorer"}
"""Explorers that show what was made before beside the new."""
LEFT_OUT = {("FilterExplorer", "fit_button"), ("DeepDreamExplorer", "zoom_button")}
"""Buttons that start a minute of work; the explorers' own tests press them."""


# What happens to an explorer that is used.


def unsettle(model: torch.nn.Module) -> None:
    """A network in the middle of the reader's own work: in training mode, with a frozen weight and a hook."""
    model.train()
    for weight in list(model.parameters())[:1]:
        weight.requires_grad_(False)
    model.register_forward_hook(lambda *_: None)


@dataclass
class Used:
    """What became of a second explorer: how it opened, what a damaged photo did, and then every control, turned by one step."""

    opening: tuple[dict[str, Any], bytes]
    refusals: list[tuple[Exception | None, str, dict]]
    idle: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    preview: bytes = b""
    model_before: tuple = ()
    model_after: tuple = ()


def used(name: str) -> Used:
    explorer = opened(name)
    opening = shown(explorer), explorer.static_preview()
    use = Used(opening, upload_damaged(explorer))
    model = getattr(explorer, "model", torch.nn.Identity())  # some have no network
    unsettle(model)
    for attribute, value in QUICK.get(name, {}).items():
        getattr(explorer, attribute).value = value
    use.model_before = state(model)[:2]
    every = controls(explorer)
    order = sorted(every.items(), key=lambda item: item[0] == "network")  # the model goes with it
    now = shown(explorer)
    for key, control in order:
        others = NEEDED.get((name, key)) or NEEDED.get(("", key), {})
        before = [(every[other], every[other].value) for other in others]
        for other, value in others.items():
            every[other].value = value
        if control not in reachable(explorer) or (name, key) in LEFT_OUT:
            use.idle.append(key)
            continue
        at_first, kept = shown(explorer) if others else now, value_of(control)
        if (name, key) in FURTHER:
            control.value = FURTHER[name, key]
        else:
            turn(control)
        if explorer.error is not None:
            use.failed[key] = str(explorer.error)
        turned = shown(explorer)
        if turned["pictures"] == at_first["pictures"]:
            use.silent.append(key)
        elif not use.preview and turned["words"] != at_first["words"]:
            use.preview = explorer.static_preview()
        put_back(control, kept)
        now = shown(explorer)
        if now["pictures"] != at_first["pictures"] and not isinstance(control, widgets.Button):
            use.lost.append(key)
        for other, value in reversed(before):
            other.value = value
        now = shown(explorer) if others else now
    use.model_after = state(model)[:2]
    return use


def upload_damaged(explorer: Explorer) -> list[tuple[Exception | None, str, dict]]:
    """The error, the words in place and the state after each damaged photo, and after a change for the better."""
    uploads = [part for part in parts(explorer) if part.has_trait("upload")]
    if not uploads:
        return []
    alert = next(part for part in parts(explorer) if "cnnlab-error" in part._dom_classes)

    def told() -> tuple[Exception | None, str, dict]:
        words = alert.value if alert.layout.display != "none" else ""
        return explorer.error, words, shown(explorer)

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
            if hasattr(module, "REPAINT_SECONDS"):
                patch.setattr(module, "REPAINT_SECONDS", float("inf"))  # nor watches what is not done
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


def test_a_chart_in_the_narrow_column_is_hardly_made_smaller(explorer):
    """Of letters of ten pixels nothing can be read where a wide chart is made to fit."""
    beside = [box for box in parts(explorer) if "cnnlab-result" in box._dom_classes]
    charts = [part for box in beside for part in box.children if isinstance(part, Chart) and part.png]
    assert all(Image.open(io.BytesIO(chart.png)).width <= 1.2 * NARROW for chart in charts)


def test_the_same_state_is_the_same_words_code_and_picture_and_another_is_not(explorer, use):
    preview = explorer.static_preview()
    assert use.opening == (shown(explorer), preview)
    assert use.preview not in (b"", preview)


def test_every_control_changes_what_is_shown(name, use):
    silent = {key for key in use.silent if ("", key) not in UNHEARD}
    assert silent == {key for explorer, key in UNHEARD if explorer == name}
    assert use.failed == {}


def test_every_control_is_turned_and_turned_back(name, use):
    assert set(use.idle) <= STOPS | {key for explorer, key in LEFT_OUT if explorer == name}
    if name not in KEEPS_ALL:
        lost = {key for key in use.lost if ("", key) not in LOST}
        assert lost == {key for explorer, key in LOST if explorer == name}


def test_the_network_is_left_as_it_was(use):
    assert use.model_after == use.model_before


def test_a_damaged_photo_is_refused_in_place_and_the_picture_stays(explorer, use):
    if not use.refusals:
        pytest.skip("it takes no photo")
    *refusals, (error, words, _state) = use.refusals
    for refused, said, still in refusals:
        assert isinstance(refused, ValueError | OSError) and len(said) > 20
        assert still == shown(explorer)
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


@pytest.mark.parametrize("name", NAMES)
def test_on_a_slow_machine_it_opens_with_what_there_is(name, monkeypatch):
    for module in (effort, background, optimisation_base, style_transfer):
        monkeypatch.setattr(module, "PATIENCE", 0)

    async def in_a_kernel() -> dict:
        explorer = opened(name)
        data, _ = explorer._repr_mimebundle_()
        explorer.background.stop()
        return data

    assert base64.b64decode(asyncio.run(in_a_kernel())["image/png"]).startswith(b"\x89PNG")
