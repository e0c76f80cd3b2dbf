"""The occlusion explorer: drag an occluder over a picture and see what the network still says."""

from __future__ import annotations

import time

import ipywidgets as widgets
from torch import nn

from cnnlab.attribution import FILLS, OcclusionMap, fill_image
from cnnlab.explorers import covered, encode
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sources import NO_MASK
from cnnlab.explorers.stage import Stage
from cnnlab.explorers.still import still
from cnnlab.explorers.whole_map import WholeMap


class OcclusionExplorer(Explorer):
    """Which part of the picture does the network need? Cover a piece and ask it again.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        What looks, and what it looks at.
    size, stride, fill, target, box
        The occluder, and the class that is asked about (None: the one that is predicted).
    map_button, stop_button, jump_button, show_map, stretch, opacity
        The map of the probability at every place.
    show_mask, network_view
        The true outline of the object, and the picture as the network sees it.

    Example
    -------
    >>> explorer = OcclusionExplorer("mini_alexnet", picture=7)
    >>> explorer.box = (40, 30, 24)  # left, top, size
    """

    title = "Occlusion"
    question = "Which part of the picture does the network need?"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.answer: covered.Answer | None = None
        self._before = None
        self._seconds = 0.01
        self._setting: tuple = ()
        self.stage, self.bars = Stage(), Bars()
        self._good_box = self.box
        self._whole = WholeMap(self.stage, self.say, self.fail)
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._moved, self.stage, name="box")
        self.watch(self._resized, self.size)
        self.watch(self._filled, self.fill)
        self.watch(self._ask, self.target, self.stride)
        self.watch(self._looked, self.network_view)
        self.map_button.on_click(lambda _button: self.attempt(self.start_map))
        self.stop_button.on_click(lambda _button: self.attempt(self._whole.stop))
        self.jump_button.on_click(lambda _button: self.attempt(self._jump))

    @property
    def box(self) -> tuple[int, int, int]:
        """(left, top, size) of the occluder in the network's pixels; may be set."""
        return tuple(self.stage.box)

    @box.setter
    def box(self, box: tuple[int, int, int]) -> None:
        self.stage.box = list(box)

    @property
    def map(self) -> OcclusionMap | None:
        """The map as far as it is computed for the current setting."""
        return self._whole.found

    @property
    def state(self) -> covered.State:
        """What the controls say."""
        options = {"target": self.target.value, "stride": self.stride.value, "fill": self.fill.value}
        return covered.State(self.model, self.pictures.source, self.image, self.box, **options)

    def start_map(self) -> None:
        """Fill in the whole map, step by step."""
        self._whole.start(self.state, self.answer.names, self.answer.target, self._seconds)

    def refresh(self) -> None:
        side, source, image = self.side, self.pictures.source, self.image
        self._before = covered.probabilities(self.model, image)
        self._offer(covered.class_names(self.model, len(self._before)))
        mask = source.mask(EYE)
        pictures = {"eye": encode.jpeg(source.image(EYE)), "network": encode.png(image)}
        with self.stage.hold_sync():
            self._fit(side)
            self._fill_stage()
            self.stage.side, self.stage.label = side, source.words
            self.stage.picture = pictures | {"mask": b"" if mask is None else encode.stencil_png(mask)}
            self._ask()
        self.show_mask.disabled = mask is None
        self.say(f"{self.called} looks at: {source.words}." + (f" {NO_MASK}" if mask is None else ""))

    def code(self) -> str:
        return covered.code(self.state, self.answer, self.network_name, whole_map=self.map is not None)

    def describe(self) -> str:
        return covered.describe(self.state, self.answer, self.called)

    def still(self) -> bytes:
        side, source = self.side, self.pictures.source
        left, top, size = self.box
        large = source.image(EYE).clone()
        down, right, length = (round(value * EYE / side) for value in (top, left, size))
        filling = self._filling.repeat_interleave(EYE // side + 1, 1).repeat_interleave(EYE // side + 1, 2)
        large[:, down : down + length, right : right + length] = filling[:, :length, :length]
        return still(
            encode.to_array(large),
            f"{self.title}: {self.question}",
            self.bars.entries,
            network_sees=encode.to_array(self.answer.covered),
            box=(left / side, top / side, size / side),
            mask=source.mask(EYE).numpy() if self.show_mask.value and source.mask(EYE) is not None else None,
        )

    # How it is made.

    def _make_controls(self) -> None:
        self.size = widgets.IntSlider(24, min=2, max=96, description="Size")
        self.stride = widgets.IntSlider(4, min=1, max=24, description="Stride")
        self.fill = widgets.Dropdown(options=FILLS, value="grey", description="Fill")
        self.target = SearchSelect([("predicted class", None)], description="Class")
        self.show_mask = widgets.Checkbox(False, description="true outline of the object", indent=False)
        self.network_view = widgets.Checkbox(False, description="as the network sees it", indent=False)
        widgets.jslink((self.show_mask, "value"), (self.stage, "show_mask"))
        whole = self._whole
        self.map_button, self.stop_button = whole.map_button, whole.stop_button
        self.jump_button = whole.jump_button
        self.show_map, self.stretch, self.opacity = whole.show_map, whole.stretch, whole.opacity

    def _lay_out(self) -> None:
        over = [self.show_map, self.opacity, self.stretch, self.show_mask, self.network_view]
        occluder = [self.size, self.stride, self.fill]
        self.arrange(
            {"Occluder": occluder, "Target": [self.target], "Over the picture": over},
            stage=[self.stage],
            result=[heading("What the network says"), self.bars, self._whole.panel],
            names=[
                *names_for(self.size, "size", "Size of the occluder in pixels"),
                *names_for(self.stride, "stride", "Stride of the occluder in pixels"),
                *names_for(self.fill, "fill", "Fill of the occluder"),
                *names_for(self.target, "target", "Target class"),
                *names_for(self.show_mask, "show-mask", "Show the true outline of the object"),
                *names_for(self.network_view, "network-view", "Show the picture as the network sees it"),
                *self._whole.names,
            ],
        )

    # What happens when a control changes.

    def _moved(self) -> None:
        try:
            self._ask()
        except Exception:
            self.box = self._good_box
            raise
        self._good_box = self.box
        self.size.value = self.stage.box[2]

    def _resized(self) -> None:
        left, top, size = self.stage.box
        grown = self.size.value - size
        if grown:
            room = self.side - self.size.value
            self.box = [min(max(at - grown // 2, 0), room) for at in (left, top)] + [self.size.value]

    def _filled(self) -> None:
        self._fill_stage()
        self._ask()

    def _looked(self) -> None:
        self.stage.view = "network" if self.network_view.value else "eye"

    def _jump(self) -> None:
        finding = self._whole.finding
        self.box = [finding.column, finding.row, self.size.value]

    def _ask(self) -> None:
        """One forward pass for the picture under the occluder, and all that shows its result."""
        state = self.state
        began = time.perf_counter()
        self.answer = answer = covered.render(state, self._before)
        self._seconds = min(time.perf_counter() - began, 2 * self._seconds)
        name, target = answer.names[answer.target], answer.target
        now, before = round(float(answer.now[target]), 4), round(float(answer.before[target]), 4)
        self.bars.entries = ranking(answer.now, answer.before, answer.names, target)
        said = {"name": name, "now": now, "before": before, "says": answer.says, "flipped": answer.flipped}
        said["box"] = list(state.box)  # so that an answer is new even where its numbers stay
        with self.stage.hold_sync():
            self.stage.stride, self.stage.answer = state.stride, said
        setting = (state.model, state.source, state.target, state.box[2], state.stride, state.fill)
        if setting != self._setting:
            self._setting = setting
            self._whole.forget()
            self._whole.count(self.side, state.box[2], state.stride)

    # Parts of `refresh`.

    def _offer(self, names: tuple[str, ...]) -> None:
        """Offer the network's classes as targets; keep the chosen one if it is among them."""
        offer_classes(self.target, names, [("predicted class", None)])

    def _fit(self, side: int) -> None:
        """Scale the occluder with the picture's side, so that it covers the same part."""
        if side == self.size.max:
            return
        scale = side / self.size.max
        left, top, size = (round(value * scale) for value in self.box)
        self.size.max, self.stride.max = side, side // 4
        self.size.value, self.stride.value = size, max(1, side // 24)
        self.box = self._good_box = (min(left, side - size), min(top, side - size), size)

    def _fill_stage(self) -> None:
        self._filling = fill_image(self.image, self.fill.value)
        self.stage.filling, self.stage.smooth = encode.png(self._filling), self.fill.value == "blur"
