"""Searchable menu for long lists, such as a thousand classes; drawn in the browser by `search_select.js`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import anywidget
import ipywidgets
from traitlets import Any as AnyTrait
from traitlets import Bool, Int, List, TraitError, Unicode, observe, validate

from cnnlab.explorers.common import read_script, read_source


class SearchSelect(anywidget.AnyWidget, ipywidgets.ValueWidget):
    """A combobox with the traits of `ipywidgets.Dropdown`, which it replaces where the list is long.

    Parameters
    ----------
    options
        Labels, (label, value) pairs or a mapping of labels to values. A value may be any object; None is a value like any other.
    value, label, index
        The choice, given in one of three ways; the first option by default.
    groups, keywords
        As the traits of the same names.

    Traits
    ------
    options, value, label, index
        As in `Dropdown`. New `options` choose the first of them and drop `groups` and `keywords`; `set_options` sets all three together
        and keeps the choice.
    groups
        One heading for each option ("" for none), or empty. A heading is shown where it changes, so put the most useful first.
    keywords
        Further words by which each option is found, such as synonyms: one string each, or empty. They are not shown.
    description, disabled
        The label before the field, and whether the menu is disabled.

    In the browser
    --------------
    Typing filters by words anywhere in the label or in `keywords`, ignoring case; without a match, options within a few typing
    errors are offered. Arrow keys, Home, End, PageUp, PageDown, Enter and Escape work in the open list. In the closed field
    PageDown and PageUp choose the next and the previous option.

    Example
    -------
    >>> from cnnlab.explorers.search_select import SearchSelect
    >>> menu = SearchSelect([("any class", None), ("tabby", 281), ("flamingo", 130)], keywords=["", "cat", "bird"])
    >>> menu.value = 130
    >>> menu.label, menu.index
    ('flamingo', 2)
    """

    _esm = read_script("search_select.js")
    _css = read_source("search_select.css")

    named_parts = ("input",)
    """CSS selectors of the parts that `names_for` names."""

    description = Unicode("").tag(sync=True)
    disabled = Bool(False).tag(sync=True)
    options = AnyTrait(())
    groups = AnyTrait(())
    keywords = AnyTrait(())
    value = AnyTrait(None)
    label = Unicode(None, allow_none=True)
    index = Int(None, allow_none=True).tag(sync=True)
    _labels = List(Unicode()).tag(sync=True)
    _groups = List(Unicode()).tag(sync=True)
    _keywords = List(Unicode()).tag(sync=True)

    def __init__(self, options: Iterable = (), **traits: Any):
        chosen = {name: traits.pop(name) for name in ("value", "label", "index") if name in traits}
        groups, keywords = traits.pop("groups", ()), traits.pop("keywords", ())
        self._values: list[Any] = []
        self._replacing = False
        super().__init__(**traits)
        self.set_options(options, groups=groups, keywords=keywords)
        for name, given_value in chosen.items():
            setattr(self, name, given_value)

    def set_options(
        self, options: Iterable, *, groups: Sequence[str] = (), keywords: Sequence[str] = ()
    ) -> None:
        """Replace the options with their groups and keywords; the choice stays if its label is among the new ones.

        Raises
        ------
        ValueError
            If `groups` or `keywords` are given, but not one for each option.
        """
        pairs = _pairs(options)
        for name, texts in (("groups", groups), ("keywords", keywords)):
            if texts and len(texts) != len(pairs):
                raise ValueError(
                    f"{name} has {len(texts)} texts for {len(pairs)} options; give one for each, or none."
                )
        labels = [label for label, _value in pairs]
        same = (labels, list(groups), list(keywords)) == (self._labels, self._groups, self._keywords)
        if same and all(map(_same, (value for _label, value in pairs), self._values)):
            return
        index = labels.index(self.label) if self.label in labels else 0
        self._replace(options, pairs, groups, keywords, index if pairs else None)

    def set_state(self, sync_data: dict) -> None:
        """What the browser sends. An index into options that were replaced meanwhile is ignored; the browser is told the present one."""
        if (sync_data.get("index") or 0) >= len(self._labels):
            self.send_state("index")
            return
        super().set_state(sync_data)

    def _replace(self, options, pairs, groups, keywords, index: int | None) -> None:
        self._replacing = True
        try:
            with self.hold_sync():
                self._values = [value for _label, value in pairs]
                self._labels = [label for label, _value in pairs]
                self._groups, self._keywords = list(groups), list(keywords)
                self.options = options if isinstance(options, Mapping) else tuple(options)
                self.groups, self.keywords = tuple(groups), tuple(keywords)
                self._choose(index)
        finally:
            self._replacing = False

    def _choose(self, index: int | None) -> None:
        """Set index, label and value together; each notifies only if it has changed."""
        self.index = index
        self.label = None if index is None else self._labels[index]
        self.value = None if index is None else self._values[index]

    @validate("options")
    def _tuple_of(self, proposal: dict) -> Any:
        return proposal.value if isinstance(proposal.value, Mapping) else tuple(proposal.value)

    @observe("options")
    def _set_options(self, change: dict) -> None:
        if not self._replacing:
            pairs = _pairs(change.new)
            self._replace(change.new, pairs, (), (), 0 if pairs else None)

    @observe("groups", "keywords")
    def _set_texts(self, change: dict) -> None:
        if not self._replacing:
            texts = {"groups": self.groups, "keywords": self.keywords}
            self.set_options(self.options, **texts)

    @validate("index")
    def _existing_index(self, proposal: dict) -> int | None:
        if proposal.value is not None and not 0 <= proposal.value < len(self._labels):
            raise TraitError(f"there is no option {proposal.value}; there are {len(self._labels)}.")
        return proposal.value

    @validate("label")
    def _existing_label(self, proposal: dict) -> str | None:
        if proposal.value is not None and proposal.value not in self._labels:
            raise TraitError(f'"{proposal.value}" is not among the options.')
        return proposal.value

    @validate("value")
    def _existing_value(self, proposal: dict) -> Any:
        if proposal.value is not None and self._index_of(proposal.value) is None:
            raise TraitError(f"the value {proposal.value!r} is not among the options.")
        return proposal.value

    @observe("index")
    def _follow_index(self, change: dict) -> None:
        self._choose(change.new)

    @observe("label")
    def _follow_label(self, change: dict) -> None:
        if change.new is None:
            self._choose(None)
        elif self.index is None or self._labels[self.index] != change.new:
            self._choose(self._labels.index(change.new))

    @observe("value")
    def _follow_value(self, change: dict) -> None:
        if self.index is None or not _same(self._values[self.index], change.new):
            self._choose(self._index_of(change.new))

    def _index_of(self, value: Any) -> int | None:
        return next((i for i, candidate in enumerate(self._values) if _same(candidate, value)), None)


def _pairs(options: Iterable) -> list[tuple[str, Any]]:
    """(label, value) for each option; as in ipywidgets, pairs only if all options are pairs."""
    if isinstance(options, Mapping):
        return [(str(label), value) for label, value in options.items()]
    options = list(options)
    if all(isinstance(option, tuple | list) and len(option) == 2 for option in options):
        return [(str(label), value) for label, value in options]
    return [(str(option), option) for option in options]


def _same(value: Any, other: Any) -> bool:
    if value is other:
        return True
    try:
        return bool(value == other)
    except Exception:  # arrays and tensors have no plain truth value
        return False
