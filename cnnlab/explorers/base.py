"""The base class of all explorers: layout, status line and error display.

An explorer is a class with named public controls (`explorer.network`, `explorer.seed` ...) around pure functions that compute a
result from a state. This base provides the header, the pickers for network and picture, the status line, errors shown in place,
"Show the code", accessible names, background work, and the static preview that a saved notebook shows. A subclass

- sets `name`, `title`, `question` and `invitation`, and in `pickers` what the reader chooses;
- calls `layout(...)` with its controls, then `show()`;
- redraws everything in `refresh()`, which is called when the network or picture has changed;
- registers further controls with `on_change(callback, *controls)` and `on_click(callback, button)`;
- defines `code()`, `summary()` and `preview()`.

Techniques, and anything that only one explorer needs, belong elsewhere.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers import effort
from cnnlab.explorers.background import COMPUTE_LOCK, BackgroundSteps, with_progress
from cnnlab.explorers.choices import CLASSIFIERS, offered_networks
from cnnlab.explorers.common import AccessibleNames, CodePanel
from cnnlab.explorers.controls import Controls, Hold, accessible_names, choice, heading, row
from cnnlab.explorers.image_picker import ImagePicker
from cnnlab.explorers.image_sources import default_image
from cnnlab.explorers.rerun import made_here
from cnnlab.explorers.snippet import load_line
from cnnlab.explorers.static_preview import figure_png
from cnnlab.networks.eval_mode import input_side
from cnnlab.networks.zoo import load
from cnnlab.world import sample

DEFAULT_RECIPE = sample(7, shape="sheep", scene="meadow")
"""The first picture of an explorer, unless its network was trained on photographs."""
DISPLAY_SIZE = 480
"""Side of a displayed picture, in pixels."""
BEGIN_WITH = 8
"""Pictures that a large network searches at once, before the search continues in the background."""


class Explorer:
    """Base class of all explorers; the module docstring says what a subclass defines.

    Controls are attributes, and `explorer.controls` lists them. Of the base these are `network`, and of an explorer of one picture `shape`,
    `scene`, `seed`, `another_button`, `photograph` and `photo_upload`.
    """

    name = "Explorer"
    """What the alt text begins with."""
    title = "Explorer"
    question = ""
    invitation = "change it"
    """What the reader can do in the live explorer; the alt text ends with it."""
    pickers: tuple[str, ...] = ("network", "picture")
    """What the reader chooses: a network, a picture, both or neither."""
    picture_group: str | None = "Picture"
    """Title of the controls of the picture; None for an explorer that places `image_picker.rows` itself."""
    wide = False
    """Whether the main view takes the place of the result on the right."""
    kinds: tuple[str, ...] = CLASSIFIERS
    """Kinds of available networks on offer, by `choices.kind_of`; a network given by the reader is always on offer."""
    classes: tuple[str, ...] = ()
    """Classes that a network must have to be on offer."""

    def __init__(
        self,
        model: str | nn.Module | None = None,
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        self.error: Exception | None = None
        self.controls: dict[str, str] = {}
        self._busy, self._held = Hold(), Hold()
        self._is_shown = False
        self.background: BackgroundSteps[Any] = BackgroundSteps(self.fail)
        self.status = widgets.HTML().add_class("cnnlab-status")
        self._alert = widgets.HTML().add_class("cnnlab-error")
        self._alert.layout.display = "none"
        self._code = CodePanel()
        self._accessible_names = AccessibleNames()
        self._network_of_menus: nn.Module | None = None
        if "network" in self.pickers:
            self.model: nn.Module = load(model) if isinstance(model, str) else model
            offered = dict(networks or {}) or {
                name: name for name in offered_networks(self.kinds, self.classes)
            }
            self.network = network_menu("Name", model, offered, name="Network")
            self._loaded_network = self.network.value
            self.on_change(self._load_network, self.network)
        if "picture" in self.pickers:
            self._make_image_picker(picture)
        made_here(self)

    # Methods that a subclass defines.

    def refresh(self) -> None:
        """Compute and show everything again after a change of network or picture. Controls that it sets trigger no callbacks."""
        raise NotImplementedError

    def code(self) -> str:
        """The lines of code that reproduce the current result without the explorer."""
        raise NotImplementedError

    def summary(self) -> str:
        """A sentence or two on what is shown, without measured numbers, so that it is the same on every machine."""
        raise NotImplementedError

    def preview(self) -> Figure:
        """A figure of the current result."""
        raise NotImplementedError

    def preview_title(self) -> str:
        """Title of the preview; "" for none."""
        return f"{self.title}: {self.question}"

    # What a saved notebook shows.

    def describe(self) -> str:
        """Alt text of the current result."""
        return f"{self.name}. {self.summary()} Run the cell to {self.invitation}."

    def static_preview(self) -> bytes:
        """The current result as PNG bytes."""
        figure, title = self.preview(), self.preview_title()
        if title:
            figure.suptitle(title, fontsize=11 if len(title) < 100 else 9, x=0.01, ha="left")
        return figure_png(figure)

    # Methods that a subclass uses.

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return input_side(self.model) or 96

    @property
    def is_large(self) -> bool:
        """Whether the network is so slow that work on many pictures runs in the background from the start."""
        return effort.is_large(self.model, self.side)

    def is_due(self, searched: int) -> bool:
        """Whether the result of a search is redrawn after so many pictures."""
        return searched % (BEGIN_WITH if self.is_large else 6 * BEGIN_WITH) == 0

    @property
    def at_once(self) -> bool:
        """Whether slow work is done at once: for the first result, so that there is something to see, unless the network is large."""
        return not self._is_shown and not self.is_large

    def beginning(self) -> dict[str, Any]:
        """Arguments of `ActivationSearch.search` for its start; of the first search there is something to show at once."""
        begin_with = BEGIN_WITH if self.is_large and not self._is_shown else 0
        return {"blocking": self.at_once, "begin_with": begin_with}

    @property
    def image(self) -> Tensor:
        """The network's input: 3 x side x side floats in [0, 1]."""
        return self.image_picker.source.image(self.side)

    @property
    def network_name(self) -> str:
        """The network's name for `cnnlab.load`; empty for a network of the reader's own."""
        return self.network.value if isinstance(self.network.value, str) else ""

    @property
    def display_name(self) -> str:
        """The network's name in sentences."""
        return self.network_name or getattr(self.model, "name", type(self.model).__name__)

    @property
    def load_line(self) -> str:
        """The line of code that loads the network."""
        return load_line(self.network_name)

    def is_new_network(self) -> bool:
        """Whether the network has changed since the last call, so that menus of layers and classes must be filled."""
        changed = self.model is not self._network_of_menus
        self._network_of_menus = self.model
        return changed

    def layout(
        self,
        groups: Mapping[str, Controls],
        centre: Sequence[widgets.Widget],
        result: Sequence[widgets.Widget] = (),
        below: Sequence[widgets.Widget] = (),
    ) -> None:
        """Arrange the explorer: groups of controls on the left, the main view, the result on the right, and more beneath these two.

        Each control becomes an attribute under its key. A group "Network" or "Picture" continues that of the base.
        """
        column, labels = [], []
        for number, (title, rows) in enumerate(self._all_rows(groups).items()):
            group = widgets.VBox([heading(title), *rows]).add_class("cnnlab-group")
            column.append(group.add_class(f"cnnlab-group-{number}"))
            labels.append([f".cnnlab-group-{number}", {"role": "group", "aria-label": title}])
        places = {"controls": column, "centre": centre, "result": result, "below": below}
        body = widgets.Box(
            [
                widgets.VBox(list(parts)).add_class(f"cnnlab-{place}")
                for place, parts in places.items()
                if parts or place != "below"
            ]
        ).add_class("cnnlab-body")
        self._accessible_names.attributes = [
            [".cnnlab-status", {"role": "status", "aria-live": "polite"}],
            [".cnnlab-error", {"role": "alert"}],
            [".cnnlab-progress", {"aria-hidden": "true"}],  # the status line reports it
            [".cnnlab-controls", {"role": "group", "aria-label": f"Controls of the explorer {self.title}"}],
            *labels,
            *accessible_names(body),
        ]
        head = widgets.HTML(
            f'<span class="cnnlab-title">{html.escape(self.title)}</span>'
            f'<span class="cnnlab-question">{html.escape(self.question)}</span>'
        ).add_class("cnnlab-head")
        parts = [self._accessible_names, head, self._alert, body, self.status, self._code]
        self.widget = widgets.VBox(parts).add_class("cnnlab")
        if self.wide:
            self.widget.add_class("cnnlab-wide")

    def _all_rows(self, groups: Mapping[str, Controls]) -> dict[str, list[widgets.Widget]]:
        """The rows of each group, those of the pickers first."""
        rows = {}
        if "network" in self.pickers:
            rows["Network"] = self._place({"network": self.network})
        if "picture" in self.pickers and self.picture_group:
            rows[self.picture_group] = self.image_picker.rows
        for title, controls in groups.items():
            rows[title] = [*rows.get(title, ()), *self._place(controls)]
        return rows

    def _place(self, controls: Controls) -> list[widgets.Widget]:
        """Make each control an attribute."""
        placed = []
        for attribute, control in controls.items():
            if isinstance(control, Mapping):
                placed.append(row(self._place(control)))
                continue
            setattr(self, attribute, control)
            if label := getattr(control, "accessible_name", "") or getattr(control, "description", ""):
                self.controls[attribute] = label
            placed.append(control)
        return placed

    def show(self) -> None:
        """Draw the first picture; wrong arguments raise here, so the error appears under the cell."""
        with COMPUTE_LOCK:
            self.refresh_quietly()
            self.update_code()
        self._is_shown = True

    def refresh_quietly(self) -> None:
        """Refresh; controls that are set meanwhile trigger no callbacks."""
        with self._held:
            self.refresh()

    def on_change(self, callback: Callable[[], None], *controls: widgets.Widget, name: str = "value") -> None:
        """Call `callback()` when a control changes; its errors are shown in place."""
        for control in controls:
            control.observe(lambda _change: self.run_safely(callback), name)

    def on_click(self, callback: Callable[[], None], button: widgets.Button) -> None:
        """Call `callback()` when a button is pressed; its errors are shown in place."""
        button.on_click(lambda _button: self.run_safely(callback))

    def run_safely(self, work: Callable[[], None]) -> None:
        """Call `work` and show its error, if any, in the explorer. A nested call fails as a whole."""
        with COMPUTE_LOCK:
            if self._held:  # set by the explorer itself
                return
            if self._busy:
                work()
                return
            self.error = None
            try:
                with self._busy:
                    work()
                    self.update_code()
            except Exception as error:  # an explorer in a lecture must survive any error
                self.fail(error)
            if self.error is None:
                self._alert.layout.display = "none"
                self._alert.value = ""

    def hold_callbacks(self) -> Hold:
        """A context in which controls can be set without triggering their callbacks."""
        return self._held

    def in_background(
        self,
        steps: Iterator[Any],
        show: Callable[[Any], None] = lambda _result: None,
        done: Callable[[], None] = lambda: None,
        *,
        total: int = 0,
        at_once: bool = False,
    ) -> None:
        """Take slow work in short steps, as `BackgroundSteps.start` does; `total` of them report their progress with `show_waiting`."""
        if total:
            self.show_waiting()
            steps = with_progress(steps, total, self.show_waiting)

        def finish() -> None:
            done()
            if not self._held:
                self.update_code()

        self.background.start(steps, show, finish, at_once=at_once)

    def update_code(self) -> None:
        """Show the code of a result that has come in the background."""
        self._code.code = self.code()

    def fail(self, error: Exception) -> None:
        """Show an error; the last valid picture stays."""
        self.error = error
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        is_expected = isinstance(error, ValueError | TypeError | LookupError | OSError)
        text = str(message) if is_expected and str(message) else f"{type(error).__name__}: {message}"
        self._alert.value = html.escape(text)
        self._alert.layout.display = ""

    def looks_at(self) -> tuple[int, int]:
        """How many pictures of its set the explorer looks at, and how many if the network were small."""
        return 0, 0

    def say(self, text: str) -> None:
        """Set the text of the status line."""
        self.status.value = html.escape(text)

    def set_status(self, text: str) -> None:
        """Set the status line to a text on the pictures; it also says when a large network looks at fewer of them."""
        count, usual = self.looks_at()
        fewer = f" ({count} of {usual} pictures, since this network is large.)" if count < usual else ""
        self.say(text + fewer)

    def waiting_for(self) -> str:
        """What the slow work does, for the status line."""
        return "Computing"

    def show_waiting(self, share: str = "") -> None:
        """Report in the status line that a result is not yet computed, with the share that is done."""
        self.set_status(f"{self.waiting_for()} ... {share}")

    # Internal callbacks.

    def _make_image_picker(self, picture: object) -> None:
        if picture is None:
            picture = default_image(getattr(self.model, "class_names", ()), DEFAULT_RECIPE)
        self.image_picker = picker = ImagePicker(picture, self._on_picture_change, self.fail)
        self.shape, self.scene, self.seed = picker.shape, picker.scene, picker.seed
        self.another_button, self.photo_upload = picker.another_button, picker.photo_upload
        self.photograph = picker.thumbnails

    def _load_network(self) -> None:
        chosen, before = self.network.value, (self._loaded_network, self.model)
        if chosen == self._loaded_network:
            return
        try:
            self.model = load(chosen) if isinstance(chosen, str) else chosen
            self._loaded_network = chosen
            self.refresh_quietly()
        except Exception:  # it cannot be loaded or does not fit: back to the previous network
            serves = self.model is before[1]
            self._loaded_network, self.model = before
            with self._held:
                self.network.value = self._loaded_network
            if not serves:
                self.refresh_quietly()
            raise

    def _on_picture_change(self) -> None:
        self.run_safely(self.refresh_quietly)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        description = self.describe()
        bundle = dict(self.widget._repr_mimebundle_())
        bundle |= {"text/plain": description, "image/png": base64.b64encode(self.static_preview()).decode()}
        return bundle, {"image/png": {"alt": description}}


def network_menu(
    label: str, model: str | nn.Module, offered: Mapping[str, str | nn.Module], *, name: str
) -> widgets.Dropdown:
    """A menu of networks by name; the given network comes first if it is not among them."""
    options = list(offered.items())
    if isinstance(model, nn.Module) and not any(model is value for value in offered.values()):
        options.insert(0, (f"{getattr(model, 'name', type(model).__name__)} (yours)", model))
    elif isinstance(model, str) and model not in offered.values():
        options.insert(0, (model, model))
    return choice(label, options, model, name=name)
