"""What all explorers share: how they are laid out, how they speak, and how they fail.

An explorer is a class with named public controls (`explorer.network`, `explorer.seed` ...) around pure functions that give a
result for a state. This base brings the header, the pickers for network and picture, the status line, errors shown in place,
"Show the code", accessible names, and the still picture that a stored notebook shows. A subclass

- sets `title` and `question`, makes its own controls and calls `arrange(...)`;
- redraws everything in `refresh()`, which is called when network or picture have changed;
- registers further controls with `watch(callback, *controls)`;
- gives `code()`, `describe()` and `still()`.

Techniques do not belong here, nor does anything that only one explorer needs.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.choices import CLASSIFIERS, offered_networks
from cnnlab.explorers.collection import LARGE_SIDE
from cnnlab.explorers.growth import ONE_AT_A_TIME
from cnnlab.explorers.parts import CodePanel, Names, heading, load_line, names_for
from cnnlab.explorers.pictures import PicturePicker
from cnnlab.explorers.sources import usual_picture
from cnnlab.networks.zoo import load
from cnnlab.world import sample

FIRST = sample(7, shape="sheep", scene="meadow")
"""What an explorer shows first, unless its network has learned from photographs."""
EYE = 480
"""Side, in pixels, of a picture that is drawn for the eye."""
BEGIN_WITH = 8
"""Pictures that a large network is shown before a search goes on beside the controls."""


class Explorer:
    """The base of all explorers; see the module's text for what a subclass adds."""

    title = "Explorer"
    question = ""
    kinds: tuple[str, ...] = CLASSIFIERS
    """Which of the networks at hand are offered, by `choices.kind_of`; one that the reader gives is always taken."""
    classes: tuple[str, ...] = ()
    """Classes that a network must know to be offered."""

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        self.model: nn.Module = load(model) if isinstance(model, str) else model
        self.error: Exception | None = None
        self._working = self._renewing = False
        offered = dict(networks or {}) or {name: name for name in offered_networks(self.kinds, self.classes)}
        self.network = _network_picker(model, offered)
        if picture is None:
            picture = usual_picture(getattr(self.model, "class_names", ()), FIRST)
        self.pictures = PicturePicker(picture, self._picture_changed, self.fail)
        self.shape, self.scene, self.seed = self.pictures.shape, self.pictures.scene, self.pictures.seed
        self.another, self.photo = self.pictures.another, self.pictures.photo
        self.photograph = self.pictures.thumbnails
        self.status = widgets.HTML().add_class("cnnlab-status")
        self._alert = widgets.HTML().add_class("cnnlab-error")
        self._alert.layout.display = "none"
        self._code = CodePanel()
        self._names = Names()
        self._loaded = self.network.value
        self.watch(self._load_network, self.network)

    # What a subclass gives.

    def refresh(self) -> None:
        """Network or picture have changed: compute and show everything anew. Controls that it sets call nothing back."""
        raise NotImplementedError

    def code(self) -> str:
        """The lines that reproduce the current picture without the explorer."""
        raise NotImplementedError

    def describe(self) -> str:
        """The current picture in words, the same on every machine."""
        raise NotImplementedError

    def still(self) -> bytes:
        """The current picture as PNG bytes."""
        raise NotImplementedError

    # What a subclass uses.

    @property
    def side(self) -> int:
        """Side, in pixels, of what the network sees."""
        return int(getattr(self.model, "input_size", 96))

    @property
    def is_large(self) -> bool:
        """Whether the network takes so long for a picture that work on many of them goes on beside the controls from the start."""
        return self.side >= LARGE_SIDE

    def is_due(self, searched: int) -> bool:
        """Whether the result of a search is drawn anew after so many pictures."""
        return searched % (BEGIN_WITH if self.is_large else 6 * BEGIN_WITH) == 0

    def beginning(self, first: bool) -> dict[str, Any]:
        """How a `Search` begins, as arguments of `look`: the first one of a small network is done at once."""
        return {"begin_with": BEGIN_WITH} if self.is_large else {"at_once": first}

    @property
    def image(self) -> Tensor:
        """What the network sees: 3 x side x side floats in [0, 1]."""
        return self.pictures.source.image(self.side)

    @property
    def network_name(self) -> str:
        """The name that `cnnlab.load` knows the network by; empty for a network of the reader's own."""
        return self.network.value if isinstance(self.network.value, str) else ""

    @property
    def called(self) -> str:
        """What the network is called in sentences."""
        return self.network_name or getattr(self.model, "name", type(self.model).__name__)

    @property
    def load_line(self) -> str:
        """The line of code that loads the network."""
        return load_line(self.network_name)

    def arrange(
        self,
        groups: dict[str, Sequence[widgets.Widget]],
        stage: Sequence[widgets.Widget],
        result: Sequence[widgets.Widget],
        names: Sequence[list] = (),
    ) -> None:
        """Lay the explorer out: groups of controls on the left, the stage, the result on the right.

        A group "Picture" of the subclass takes the place of the one that is here; a group without rows is left out.
        """
        groups = {"Network": [self.network], "Picture": self.pictures.rows} | groups
        groups = {title: rows for title, rows in groups.items() if rows}
        column, labels = [], []
        for number, (title, rows) in enumerate(groups.items()):
            group = widgets.VBox([heading(title), *rows]).add_class("cnnlab-group")
            column.append(group.add_class(f"cnnlab-group-{number}"))
            labels.append([f".cnnlab-group-{number}", {"role": "group", "aria-label": title}])
        self._names.attributes = [
            [".cnnlab-status", {"role": "status", "aria-live": "polite"}],
            [".cnnlab-error", {"role": "alert"}],
            [".cnnlab-controls", {"role": "group", "aria-label": f"Controls of the explorer {self.title}"}],
            *labels,
            *names_for(self.network, "network", "Network"),
            *self.pictures.names,
            *names,
        ]
        body = widgets.Box(
            [
                widgets.VBox(column).add_class("cnnlab-controls"),
                widgets.VBox(list(stage)).add_class("cnnlab-centre"),
                widgets.VBox(list(result)).add_class("cnnlab-result"),
            ]
        ).add_class("cnnlab-body")
        head = widgets.HTML(
            f'<span class="cnnlab-title">{html.escape(self.title)}</span>'
            f'<span class="cnnlab-question">{html.escape(self.question)}</span>'
        ).add_class("cnnlab-head")
        rows = [self._names, head, self._alert, body, self.status, self._code]
        self.widget = widgets.VBox(rows).add_class("cnnlab")

    def begin(self) -> None:
        """Draw the first picture; what is wrong with the arguments is raised here, where the cell shows it."""
        with ONE_AT_A_TIME:
            self._renew()
            self._code.code = self.code()

    def watch(self, callback: Callable[[], None], *controls: widgets.Widget, name: str = "value") -> None:
        """Call `callback()` when a control changes; what it raises is shown in place."""
        for control in controls:
            control.observe(lambda _change: self.attempt(callback), name)

    def attempt(self, work: Callable[[], None]) -> None:
        """Do `work`; if it fails, say why in place and live on. Work within work fails as a whole."""
        with ONE_AT_A_TIME:
            self._attempt(work)

    def _attempt(self, work: Callable[[], None]) -> None:
        if self._renewing:
            return  # the explorer turns its own controls
        if self._working:
            work()
            return
        self._working, self.error = True, None
        try:
            work()
            self._code.code = self.code()
        except Exception as error:  # an explorer in a lecture must not die, whatever happens
            self.fail(error)
        finally:
            self._working = False
        if self.error is None:
            self._alert.layout.display = "none"
            self._alert.value = ""

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Controls that are set inside call nothing back."""
        before, self._renewing = self._renewing, True
        try:
            yield
        finally:
            self._renewing = before

    def after(self, work: Callable[[], None]) -> Callable[[Exception | None], None]:
        """What a `Growth` calls at its end: it does `work`, or shows what went wrong."""
        return lambda error: work() if error is None else self.fail(error)

    def fail(self, error: Exception) -> None:
        """Show what went wrong; the last good picture stays."""
        self.error = error
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        known = isinstance(error, ValueError | TypeError | LookupError | OSError)
        text = str(said) if known and str(said) else f"{type(error).__name__}: {said}"
        self._alert.value = html.escape(text)
        self._alert.layout.display = ""

    def say(self, text: str) -> None:
        """Put a sentence into the status line."""
        self.status.value = html.escape(text)

    # What happens by itself.

    def _load_network(self) -> None:
        chosen, before = self.network.value, (self._loaded, self.model)
        if chosen == self._loaded:
            return
        try:
            self.model = load(chosen) if isinstance(chosen, str) else chosen
            self._loaded = chosen
            self._renew()
        except Exception:  # it cannot be loaded, or cannot serve: back to the one that could
            serves = self.model is before[1]
            self._loaded, self.model = before
            with self.quiet():
                self.network.value = self._loaded
            if not serves:
                self._renew()
            raise

    def _picture_changed(self) -> None:
        self.attempt(self._renew)

    def _renew(self) -> None:
        with self.quiet():
            self.refresh()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        words = self.describe()
        bundle = dict(self.widget._repr_mimebundle_())
        bundle |= {"text/plain": words, "image/png": base64.b64encode(self.still()).decode()}
        return bundle, {"image/png": {"alt": words}}


def _network_picker(model: str | nn.Module, offered: Mapping[str, str | nn.Module]) -> widgets.Dropdown:
    """A menu of networks by name; the one that is given comes first if it is not among them."""
    options = list(offered.items())
    if any(model is value for value in offered.values()):
        pass
    elif isinstance(model, nn.Module):
        options.insert(0, (f"{getattr(model, 'name', type(model).__name__)} (yours)", model))
    elif model not in offered.values():
        options.insert(0, (model, model))
    return widgets.Dropdown(options=options, value=model, description="Name")
