"""Occlusion explorer: an occluder that is dragged over a picture, and the predictions under it."""

from __future__ import annotations

import time

import ipywidgets as widgets
from torch import nn

from cnnlab.attribution import FILLS, OcclusionMap, fill_image
from cnnlab.explorers import image_bytes
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_sources import NO_MASK
from cnnlab.explorers.occluder_canvas import OccluderCanvas
from cnnlab.explorers.occlusion_map_panel import OcclusionMapPanel
from cnnlab.explorers.probability_bars import ProbabilityBars, probability_rows
from cnnlab.explorers.render import occlusion
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.static_preview import static_preview


class OcclusionExplorer(Explorer):
    """Occlusion explorer: predictions under a movable occluder, and the whole occlusion map.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        The network, and the picture that it is given.
    size, stride, fill, target, box
        The occluder, and the target class (None: the predicted one).
    map_button, stop_button, jump_button, show_map, stretch, opacity
        The occlusion map: the target's probability at every position of the occluder.
    show_mask, network_view
        The true outline of the object, and the picture at the network's resolution.

    Example
    -------
    >>> explorer = OcclusionExplorer("mini_alexnet", picture=7)
    >>> explorer.box = (40, 30, 24)  # left, top, size
    """

    title = "Occlusion"
    question = "Which part of the picture does the network need?"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.result: occlusion.Result | None = None
        self._clean_probability = None
        self._seconds = 0.01
        self._map_setting: tuple = ()
        self.canvas, self.bars = OccluderCanvas(), ProbabilityBars()
        self._last_good_box = self.box
        self._map_panel = OcclusionMapPanel(self.canvas, self.set_status, self.fail)
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._on_move, self.canvas, name="box")
        self.on_change(self._on_resize, self.size)
        self.on_change(self._new_fill, self.fill)
        self.on_change(self._compute, self.target, self.stride)
        self.on_change(self._new_view, self.network_view)
        self.map_button.on_click(lambda _button: self.run_safely(self.start_map))
        self.stop_button.on_click(lambda _button: self.run_safely(self._map_panel.stop))
        self.jump_button.on_click(lambda _button: self.run_safely(self._jump))

    @property
    def box(self) -> tuple[int, int, int]:
        """(left, top, size) of the occluder in the network's pixels; may be set."""
        return tuple(self.canvas.box)

    @box.setter
    def box(self, box: tuple[int, int, int]) -> None:
        self.canvas.box = list(box)

    @property
    def map(self) -> OcclusionMap | None:
        """The occlusion map for the current setting, as far as it is computed."""
        return self._map_panel.occlusion_map

    @property
    def state(self) -> occlusion.State:
        """The settings of the controls."""
        options = {"target": self.target.value, "stride": self.stride.value, "fill": self.fill.value}
        return occlusion.State(self.model, self.image_picker.source, self.image, self.box, **options)

    def start_map(self) -> None:
        """Compute the whole map, step by step."""
        self._map_panel.start(self.state, self.result.names, self.result.target, self._seconds)

    def refresh(self) -> None:
        side, source, image = self.side, self.image_picker.source, self.image
        self._clean_probability = occlusion.probabilities(self.model, image)
        self._set_target_options(occlusion.class_names(self.model, len(self._clean_probability)))
        mask = source.mask(DISPLAY_SIZE)
        pictures = {"eye": image_bytes.jpeg(source.image(DISPLAY_SIZE)), "network": image_bytes.png(image)}
        with self.canvas.hold_sync():
            self._fit(side)
            self._draw_fill()
            self.canvas.side, self.canvas.label = side, source.description
            self.canvas.picture = pictures | {"mask": b"" if mask is None else image_bytes.mask_png(mask)}
            self._compute()
        self.show_mask.disabled = mask is None
        self.set_status(
            f"{self.display_name} looks at: {source.description}." + (f" {NO_MASK}" if mask is None else "")
        )

    def code(self) -> str:
        return occlusion.code(self.state, self.result, self.network_name, whole_map=self.map is not None)

    def describe(self) -> str:
        return occlusion.describe(self.state, self.result, self.display_name)

    def static_preview(self) -> bytes:
        side, source = self.side, self.image_picker.source
        left, top, size = self.box
        large = source.image(DISPLAY_SIZE).clone()
        down, right, length = (round(value * DISPLAY_SIZE / side) for value in (top, left, size))
        filling = self._fill_image.repeat_interleave(DISPLAY_SIZE // side + 1, 1).repeat_interleave(
            DISPLAY_SIZE // side + 1, 2
        )
        large[:, down : down + length, right : right + length] = filling[:, :length, :length]
        return static_preview(
            image_bytes.to_array(large),
            f"{self.title}: {self.question}",
            self.bars.entries,
            network_sees=image_bytes.to_array(self.result.occluded_image),
            box=(left / side, top / side, size / side),
            mask=source.mask(DISPLAY_SIZE).numpy()
            if self.show_mask.value and source.mask(DISPLAY_SIZE) is not None
            else None,
        )

    # Building the widget.

    def _make_controls(self) -> None:
        self.size = widgets.IntSlider(24, min=2, max=96, description="Size")
        self.stride = widgets.IntSlider(4, min=1, max=24, description="Stride")
        self.fill = widgets.Dropdown(options=FILLS, value="grey", description="Fill")
        self.target = SearchSelect([("predicted class", None)], description="Class")
        self.show_mask = widgets.Checkbox(False, description="true outline of the object", indent=False)
        self.network_view = widgets.Checkbox(False, description="as the network sees it", indent=False)
        widgets.jslink((self.show_mask, "value"), (self.canvas, "show_mask"))
        panel = self._map_panel
        self.map_button, self.stop_button = panel.map_button, panel.stop_button
        self.jump_button = panel.jump_button
        self.show_map, self.stretch, self.opacity = panel.show_map, panel.stretch, panel.opacity

    def _lay_out(self) -> None:
        over = [self.show_map, self.opacity, self.stretch, self.show_mask, self.network_view]
        occluder = [self.size, self.stride, self.fill]
        self.layout(
            {"Occluder": occluder, "Target": [self.target], "Over the picture": over},
            centre=[self.canvas],
            result=[heading("What the network says"), self.bars, self._map_panel.panel],
            accessible_names=[
                *names_for(self.size, "size", "Size of the occluder in pixels"),
                *names_for(self.stride, "stride", "Stride of the occluder in pixels"),
                *names_for(self.fill, "fill", "Fill of the occluder"),
                *names_for(self.target, "target", "Target class"),
                *names_for(self.show_mask, "show-mask", "Show the true outline of the object"),
                *names_for(self.network_view, "network-view", "Show the picture as the network sees it"),
                *self._map_panel.accessible_names,
            ],
        )

    # Callbacks of the controls.

    def _on_move(self) -> None:
        try:
            self._compute()
        except Exception:
            self.box = self._last_good_box
            raise
        self._last_good_box = self.box
        self.size.value = self.canvas.box[2]

    def _on_resize(self) -> None:
        left, top, size = self.canvas.box
        grown = self.size.value - size
        if grown:
            room = self.side - self.size.value
            self.box = [min(max(corner - grown // 2, 0), room) for corner in (left, top)] + [self.size.value]

    def _new_fill(self) -> None:
        self._draw_fill()
        self._compute()

    def _new_view(self) -> None:
        self.canvas.view = "network" if self.network_view.value else "eye"

    def _jump(self) -> None:
        finding = self._map_panel.summary
        self.box = [finding.column, finding.row, self.size.value]

    def _compute(self) -> None:
        """Run one forward pass on the occluded picture, and show its result."""
        state = self.state
        started = time.perf_counter()
        self.result = result = occlusion.render(state, self._clean_probability)
        self._seconds = min(time.perf_counter() - started, 2 * self._seconds)
        name, target = result.names[result.target], result.target
        current, reference = (
            round(float(result.occluded_probability[target]), 4),
            round(float(result.clean_probability[target]), 4),
        )
        self.bars.entries = probability_rows(
            result.occluded_probability, result.clean_probability, result.names, target
        )
        readout = {
            "name": name,
            "now": current,
            "before": reference,
            "says": result.summary,
            "flipped": result.flipped,
        }
        readout["box"] = list(state.box)  # so that the message is new even where its numbers are the same
        with self.canvas.hold_sync():
            self.canvas.stride, self.canvas.result = state.stride, readout
        setting = (state.model, state.source, state.target, state.box[2], state.stride, state.fill)
        if setting != self._map_setting:
            self._map_setting = setting
            self._map_panel.clear()
            self._map_panel.count(self.side, state.box[2], state.stride)

    # Helpers of `refresh`.

    def _set_target_options(self, names: tuple[str, ...]) -> None:
        """Fill the target menu with the network's classes; keep the chosen one if it is among them."""
        offer_classes(self.target, names, [("predicted class", None)])

    def _fit(self, side: int) -> None:
        """Scale the occluder with the picture's side, so that it covers the same part."""
        if side == self.size.max:
            return
        scale = side / self.size.max
        left, top, size = (round(value * scale) for value in self.box)
        self.size.max, self.stride.max = side, side // 4
        self.size.value, self.stride.value = size, max(1, side // 24)
        self.box = self._last_good_box = (min(left, side - size), min(top, side - size), size)

    def _draw_fill(self) -> None:
        self._fill_image = fill_image(self.image, self.fill.value)
        self.canvas.fill_image, self.canvas.smooth = (
            image_bytes.png(self._fill_image),
            self.fill.value == "blur",
        )
