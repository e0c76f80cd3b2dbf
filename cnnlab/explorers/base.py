"""The base class of all explorers: layout, status line and error display.

An explorer is a class with named public controls (`explorer.network`, `explorer.seed` ...) around pure functions that compute a
result from a state. This base provides the header, the pickers for network and picture, the status line, errors shown in place,
"Show the code", accessible names, and the static preview that a saved notebook shows. A subclass

- sets `title` and `question`, makes its own controls and calls `layout(...)`;
- redraws everything in `refresh()`, which is called when the network or picture has changed;
- registers further controls with `on_change(callback, *controls)`;
- defines `code()`, `describe()` and `static_preview()`.

Techniques, and anything that only one explorer needs, belong elsewhere.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.activation_store import LARGE_SIDE
from cnnlab.explorers.background import COMPUTE_LOCK
from cnnlab.explorers.choices import CLASSIFIERS, offered_networks
from cnnlab.explorers.common import AccessibleNames, CodePanel, heading, load_line, names_for
from cnnlab.explorers.image_picker import ImagePicker
from cnnlab.explorers.image_sources import default_image
from cnnlab.networks.zoo import load
from cnnlab.world import sample

DEFAULT_RECIPE = sample(7, shape="sheep", scene="meadow")
"""The first picture of an explorer, unless its network was trained on photographs."""
DISPLAY_SIZE = 480
"""Side of a displayed picture, in pixels."""
BEGIN_WITH = 8
"""Pictures that a large network searches at once, before the search continues in the background."""


class Explorer:
    """Base class of all explorers; the module docstring says what a subclass defines."""

    title = "Explorer"
    question = ""
    kinds: tuple[str, ...] = CLASSIFIERS
    """Kinds of available networks on offer, by `choices.kind_of`; a network given by the reader is always on offer."""
    classes: tuple[str, ...] = ()
    """Classes that a network must have to be on offer."""

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        self.model: nn.Module = load(model) if isinstance(model, str) else model
        self.error: Exception | None = None
        self._busy = self._callbacks_held = False
        offered = dict(networks or {}) or {name: name for name in offered_networks(self.kinds, self.classes)}
        self.network = _network_picker(model, offered)
        if picture is None:
            picture = default_image(getattr(self.model, "class_names", ()), DEFAULT_RECIPE)
        self.image_picker = ImagePicker(picture, self._on_picture_change, self.fail)
        self.shape, self.scene, self.seed = (
            self.image_picker.shape,
            self.image_picker.scene,
            self.image_picker.seed,
        )
        self.another_button, self.photo_upload = (
            self.image_picker.another_button,
            self.image_picker.photo_upload,
        )
        self.photograph = self.image_picker.thumbnails
        self.status = widgets.HTML().add_class("cnnlab-status")
        self._alert = widgets.HTML().add_class("cnnlab-error")
        self._alert.layout.display = "none"
        self._code = CodePanel()
        self._accessible_names = AccessibleNames()
        self._loaded_network = self.network.value
        self.on_change(self._load_network, self.network)

    # Methods that a subclass defines.

    def refresh(self) -> None:
        """Compute and show everything again after a change of network or picture. Controls that it sets trigger no callbacks."""
        raise NotImplementedError

    def code(self) -> str:
        """The lines of code that reproduce the current result without the explorer."""
        raise NotImplementedError

    def describe(self) -> str:
        """Alt text of the current result, the same on every machine."""
        raise NotImplementedError

    def static_preview(self) -> bytes:
        """The current result as PNG bytes."""
        raise NotImplementedError

    # Methods that a subclass uses.

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return int(getattr(self.model, "input_size", 96))

    @property
    def is_large(self) -> bool:
        """Whether the network is so slow that work on many pictures runs in the background from the start."""
        return self.side >= LARGE_SIDE

    def is_due(self, searched: int) -> bool:
        """Whether the result of a search is redrawn after so many pictures."""
        return searched % (BEGIN_WITH if self.is_large else 6 * BEGIN_WITH) == 0

    def beginning(self, first: bool) -> dict[str, Any]:
        """Arguments of `ActivationSearch.search` for its start: of the first search there is something to show at once."""
        return (
            {"begin_with": BEGIN_WITH}
            if self.is_large and first
            else {"blocking": first and not self.is_large}
        )

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

    def layout(
        self,
        groups: dict[str, Sequence[widgets.Widget]],
        centre: Sequence[widgets.Widget],
        result: Sequence[widgets.Widget],
        accessible_names: Sequence[list] = (),
    ) -> None:
        """Arrange the explorer: groups of controls on the left, the main view, the result on the right.

        A group "Picture" of the subclass replaces the default one; a group without rows is left out.
        """
        groups = {"Network": [self.network], "Picture": self.image_picker.rows} | groups
        groups = {title: rows for title, rows in groups.items() if rows}
        column, labels = [], []
        for number, (title, rows) in enumerate(groups.items()):
            group = widgets.VBox([heading(title), *rows]).add_class("cnnlab-group")
            column.append(group.add_class(f"cnnlab-group-{number}"))
            labels.append([f".cnnlab-group-{number}", {"role": "group", "aria-label": title}])
        self._accessible_names.attributes = [
            [".cnnlab-status", {"role": "status", "aria-live": "polite"}],
            [".cnnlab-error", {"role": "alert"}],
            [".cnnlab-controls", {"role": "group", "aria-label": f"Controls of the explorer {self.title}"}],
            *labels,
            *names_for(self.network, "network", "Network"),
            *self.image_picker.accessible_names,
            *accessible_names,
        ]
        body = widgets.Box(
            [
                widgets.VBox(column).add_class("cnnlab-controls"),
                widgets.VBox(list(centre)).add_class("cnnlab-centre"),
                widgets.VBox(list(result)).add_class("cnnlab-result"),
            ]
        ).add_class("cnnlab-body")
        head = widgets.HTML(
            f'<span class="cnnlab-title">{html.escape(self.title)}</span>'
            f'<span class="cnnlab-question">{html.escape(self.question)}</span>'
        ).add_class("cnnlab-head")
        rows = [self._accessible_names, head, self._alert, body, self.status, self._code]
        self.widget = widgets.VBox(rows).add_class("cnnlab")

    def show(self) -> None:
        """Draw the first picture; wrong arguments raise here, so the error appears under the cell."""
        with COMPUTE_LOCK:
            self._refresh_quietly()
            self._code.code = self.code()

    def on_change(self, callback: Callable[[], None], *controls: widgets.Widget, name: str = "value") -> None:
        """Call `callback()` when a control changes; its errors are shown in place."""
        for control in controls:
            control.observe(lambda _change: self.run_safely(callback), name)

    def run_safely(self, work: Callable[[], None]) -> None:
        """Call `work` and show its error, if any, in the explorer. A nested call fails as a whole."""
        with COMPUTE_LOCK:
            self._run_work(work)

    def _run_work(self, work: Callable[[], None]) -> None:
        if self._callbacks_held:
            return  # set by the explorer itself
        if self._busy:
            work()
            return
        self._busy, self.error = True, None
        try:
            work()
            self._code.code = self.code()
        except Exception as error:  # an explorer in a lecture must survive any error
            self.fail(error)
        finally:
            self._busy = False
        if self.error is None:
            self._alert.layout.display = "none"
            self._alert.value = ""

    @contextmanager
    def hold_callbacks(self) -> Iterator[None]:
        """Suppress the callbacks of controls that are set inside the block."""
        before, self._callbacks_held = self._callbacks_held, True
        try:
            yield
        finally:
            self._callbacks_held = before

    def on_done(self, work: Callable[[], None]) -> Callable[[Exception | None], None]:
        """A callback for the end of a `BackgroundSteps`: it does `work`, or shows the error."""
        return lambda error: work() if error is None else self.fail(error)

    def fail(self, error: Exception) -> None:
        """Show an error; the last valid picture stays."""
        self.error = error
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        is_expected = isinstance(error, ValueError | TypeError | LookupError | OSError)
        text = str(message) if is_expected and str(message) else f"{type(error).__name__}: {message}"
        self._alert.value = html.escape(text)
        self._alert.layout.display = ""

    def set_status(self, text: str) -> None:
        """Set the text of the status line."""
        self.status.value = html.escape(text)

    # Internal callbacks.

    def _load_network(self) -> None:
        chosen, before = self.network.value, (self._loaded_network, self.model)
        if chosen == self._loaded_network:
            return
        try:
            self.model = load(chosen) if isinstance(chosen, str) else chosen
            self._loaded_network = chosen
            self._refresh_quietly()
        except Exception:  # it cannot be loaded or does not fit: back to the previous network
            serves = self.model is before[1]
            self._loaded_network, self.model = before
            with self.hold_callbacks():
                self.network.value = self._loaded_network
            if not serves:
                self._refresh_quietly()
            raise

    def _on_picture_change(self) -> None:
        self.run_safely(self._refresh_quietly)

    def _refresh_quietly(self) -> None:
        with self.hold_callbacks():
            self.refresh()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        description = self.describe()
        bundle = dict(self.widget._repr_mimebundle_())
        bundle |= {"text/plain": description, "image/png": base64.b64encode(self.static_preview()).decode()}
        return bundle, {"image/png": {"alt": description}}


def _network_picker(model: str | nn.Module, offered: Mapping[str, str | nn.Module]) -> widgets.Dropdown:
    """A menu of networks by name; the given network comes first if it is not among them."""
    options = list(offered.items())
    if any(model is value for value in offered.values()):
        pass
    elif isinstance(model, nn.Module):
        options.insert(0, (f"{getattr(model, 'name', type(model).__name__)} (yours)", model))
    elif model not in offered.values():
        options.insert(0, (model, model))
    return widgets.Dropdown(options=options, value=model, description="Name")
