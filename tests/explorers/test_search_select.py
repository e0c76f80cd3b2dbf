"""The searched menu on the Python side: what `ipywidgets.Dropdown` does, and beyond it None as a value, headings and further words."""

from __future__ import annotations

import ipywidgets as widgets
import pytest
from traitlets import TraitError

from cnnlab.explorers.controls import accessible_names, named
from cnnlab.explorers.search_select import SearchSelect

NAMES = ["conv1", "fire2", "fire3"]
PAIRS = [("tabby", 281), ("flamingo", 130), ("tarantula", (76, "spider"))]


def events(control, *actions) -> list[tuple]:
    """What is heard of a control, and what it says of itself, after each of some actions."""
    heard: list[tuple] = []
    control.observe(lambda change: heard.append((change["old"], change["new"])), "value")
    found = []
    for act in actions:
        act(control)
        found.append((tuple(heard), control.value, control.label, control.index, tuple(control.options)))
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"options": NAMES},
        {"options": PAIRS},
        {"options": PAIRS, "value": 130},
        {"options": PAIRS, "label": "tarantula"},
        {"options": NAMES, "index": 1},
        {"options": dict(PAIRS)},
        {"options": ()},
    ],
    ids=["names", "pairs", "value", "label", "index", "mapping", "none"],
)
def test_it_opens_like_a_dropdown(given):
    ours, theirs = SearchSelect(**given), widgets.Dropdown(**given)
    assert (ours.value, ours.label, ours.index) == (theirs.value, theirs.label, theirs.index)
    assert ours.options == theirs.options


def test_it_hears_and_says_what_a_dropdown_does():
    actions = [
        lambda control: setattr(control, "value", 130),
        lambda control: setattr(control, "label", "tarantula"),
        lambda control: setattr(control, "index", 0),
        lambda control: control.set_state({"index": 2}),  # the browser
        lambda control: setattr(control, "index", 2),  # nothing new
        lambda control: setattr(control, "options", NAMES),
        lambda control: setattr(control, "value", "fire3"),
        lambda control: setattr(control, "value", None),
    ]
    assert events(SearchSelect(PAIRS), *actions) == events(widgets.Dropdown(options=PAIRS), *actions)


@pytest.mark.parametrize(("trait", "wrong"), [("value", 5), ("label", "tabbi"), ("index", 3), ("index", -1)])
def test_what_is_not_offered_is_refused_and_what_was_chosen_stays(trait, wrong):
    control = SearchSelect(PAIRS, value=130)
    with pytest.raises(TraitError):
        setattr(control, trait, wrong)
    assert (control.value, control.label, control.index) == (130, "flamingo", 1)


def test_a_place_among_options_that_are_gone_is_put_right_in_the_browser(monkeypatch):
    control = SearchSelect(["conv1", "conv2", "conv3"], value="conv2")
    control.set_options(["conv1", "conv2"])
    told = []
    monkeypatch.setattr(control, "send_state", told.append)
    control.set_state({"index": 2})  # pressed while the options were on their way
    assert (control.value, told) == ("conv2", ["index"])


def test_none_is_a_value_like_any_other():
    control = SearchSelect([("predicted class", None), *PAIRS], value=281)
    control.value = None
    assert (control.label, control.index) == ("predicted class", 0)


def test_offer_keeps_the_choice_by_its_label_and_speaks_at_most_once():
    control = SearchSelect(PAIRS, value=130)
    heard = []
    control.observe(heard.append, "value")
    control.set_options([("predicted class", None), ("flamingo", 7)])
    assert (control.label, control.value) == ("flamingo", 7) and len(heard) == 1
    control.set_options([("predicted class", None), ("teapot", 1)])
    assert (control.label, control.value) == ("predicted class", None) and len(heard) == 2


def test_headings_and_words_go_with_the_options():
    control = SearchSelect(NAMES, groups=["", "blocks", "blocks"], keywords=["first", "", ""])
    assert control.get_state()["_groups"] == ["", "blocks", "blocks"]
    control.index = 2
    control.set_options([*NAMES, "conv10"], groups=["", "a", "a", "b"])
    assert control.value == "fire3" and control.get_state()["_keywords"] == []
    control.options = NAMES
    assert control.get_state()["_groups"] == [] and control.value == "conv1"
    with pytest.raises(ValueError, match=r"keywords has 1 texts for 3 options"):
        control.keywords = ["first"]


def test_the_accessible_name_goes_to_the_field():
    assert accessible_names(named(SearchSelect(NAMES), "Layer")) == [
        [".cnnlab-is-layer input", {"aria-label": "Layer"}]
    ]
