"""Occlusion explorer: an occluder that is dragged over a picture, and the predictions under it."""

from __future__ import annotations

import time

from matplotlib.figure import Figure
from torch import nn

from cnnlab.attribution import FILLS, OcclusionMap, fill_image
from cnnlab.explorers import image_bytes
from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.charts import ProbabilityBars, probability_rows
from cnnlab.explorers.choices import offer_classes
from cnnlab.explorers.controls import checkbox, choice, heading, link, search, slider
from cnnlab.explorers.image_sources import NO_MASK
from cnnlab.explorers.occlusion_map_panel import OccluderCanvas, OcclusionMapPanel
from cnnlab.explorers.render import occlusion
from cnnlab.explorers.static_preview import picture_and_bars
from cnnlab.networks.forward import class_names, probabilities


class OcclusionExplorer(Explorer):
    """Occlusion explorer: predictions under a movable occluder, and the whole occlusion map.

    The map is the target's probability at every position of the occluder; `target` None is the predicted class.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Example
    -------
    >>> explorer = OcclusionExplorer("mini_alexnet", picture=7)
    >>> explorer.box = (40, 30, 24)  # left, top, size
    """

    name = "Occlusion explorer"
    title = "Occlusion"
    question = "Which part of the picture does the network need?"
    invitation = "move the occluder"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.result: occlusion.Result | None = None
        self._clean_probability = None
        self._seconds = 0.01
        self._map_setting: tuple = ()
        self.canvas, self.bars = OccluderCanvas(), ProbabilityBars()
        self._last_good_box = self.box
        self._map_panel = panel = OcclusionMapPanel(self.canvas, self.set_status, self.fail)
        self.map_button, self.stop_button, self.jump_button = (
            panel.map_button,
            panel.stop_button,
            panel.jump_button,
        )
        self.layout(
            {
                "Occluder": {
                    "size": slider("Size", 24, 2, 96, name="Size of the occluder in pixels"),
                    "stride": slider("Stride", 4, 1, 24, name="Stride of the occluder in pixels"),
                    "fill": choice("Fill", FILLS, "grey", name="Fill of the occluder"),
                },
                "Target": {"target": search("Class", [("predicted class", None)], name="Target class")},
                "Over the picture": {
                    **panel.controls,
                    "show_mask": checkbox(
                        "true outline of the object", name="Show the true outline of the object"
                    ),
                    "network_view": checkbox(
                        "as the network sees it", name="Show the picture as the network sees it"
                    ),
                },
            },
            centre=[self.canvas],
            result=[heading("What the network says"), self.bars, panel.panel],
        )
        link(self.show_mask, "show_mask", self.canvas)
        self.show()
        self.on_change(self._on_move, self.canvas, name="box")
        self.on_change(lambda: self.canvas.resize(self.size.value), self.size)
        self.on_change(self._new_fill, self.fill)
        self.on_change(self._compute, self.target, self.stride)
        self.on_change(self._new_view, self.network_view)
        self.on_click(self.start_map, self.map_button)
        self.on_click(self._map_panel.stop, self.stop_button)
        self.on_click(self._jump, self.jump_button)

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
        self._clean_probability = probabilities(self.model, image)
        names = class_names(self.model, len(self._clean_probability))
        offer_classes(self.target, names, [("predicted class", None)])
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

    def summary(self) -> str:
        return occlusion.summary(self.state, self.result, self.display_name)

    def preview(self) -> Figure:
        side, source = self.side, self.image_picker.source
        left, top, size = self.box
        large = source.image(DISPLAY_SIZE).clone()
        down, right, length = (round(value * DISPLAY_SIZE / side) for value in (top, left, size))
        enlarged = DISPLAY_SIZE // side + 1
        filling = self._fill_image.repeat_interleave(enlarged, 1).repeat_interleave(enlarged, 2)
        large[:, down : down + length, right : right + length] = filling[:, :length, :length]
        mask = source.mask(DISPLAY_SIZE) if self.show_mask.value else None
        return picture_and_bars(
            image_bytes.to_array(large),
            self.bars.entries,
            network_sees=image_bytes.to_array(self.result.occluded_image),
            box=(left / side, top / side, size / side),
            mask=None if mask is None else mask.numpy(),
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
        now, clean, target = result.occluded_probability, result.clean_probability, result.target
        self.bars.entries = probability_rows(now, clean, result.names, target)
        readout = {
            "name": result.names[target],
            "now": round(float(now[target]), 4),
            "before": round(float(clean[target]), 4),
            "says": result.summary,
            "flipped": result.flipped,
            "box": list(state.box),  # so that the message is new even where its numbers are the same
        }
        with self.canvas.hold_sync():
            self.canvas.stride, self.canvas.result = state.stride, readout
        setting = (state.model, state.source, state.target, state.box[2], state.stride, state.fill)
        if setting != self._map_setting:
            self._map_setting = setting
            self._map_panel.clear()
            self._map_panel.count(self.side, state.box[2], state.stride)

    # Helpers of `refresh`.

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
