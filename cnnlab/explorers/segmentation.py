"""Segmentation explorer: a class for each pixel, with and without skip connections, beside the ground truth."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.common import heading, names_for
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.render import segmentation
from cnnlab.explorers.render.segmentation import VIEWS, Result
from cnnlab.explorers.static_preview import figure_png
from cnnlab.networks.zoo import available, load

NETWORKS = {"U-Net, skips on": "unet", "U-Net, skips off": "unet_without_skips", "FCN": "fcn"}


class SegmentationExplorer(Explorer):
    """Segmentation explorer: the class of each pixel. One network large, all side by side.

    Parameters
    ----------
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Networks to compare: names of `cnnlab.available()`, or a mapping of names to networks of your own that classify each pixel.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        The network, and the picture that it is given.
    view, opacity
        The overlay: prediction, ground truth or errors; and its opacity, which is applied in the browser.
    grid
        The same view for every network; a click chooses one.

    Example
    -------
    >>> explorer = SegmentationExplorer(picture=7)
    >>> explorer.network.value, explorer.view.value = "unet_without_skips", "errors"
    """

    kinds = ("masks",)
    title = "Segmentation"
    question = "What stands at each pixel?"

    def __init__(self, picture: object = None, networks: Mapping[str, str | nn.Module] | None = None):
        networks = _available_networks() if networks is None else dict(networks)
        if not networks:
            raise ValueError("give at least one network that answers at each pixel.")
        self._networks = {
            name: load(other) if isinstance(other, str) else other for name, other in networks.items()
        }
        super().__init__(next(iter(networks.values())), picture, networks)
        self.results: dict[str, Result] = {}
        self._computed_for: ImageSource | None = None
        self._make_controls()
        self._lay_out()
        self.show()
        self.on_change(self._paint, self.view)
        self.on_change(self._choose, self.grid, name="selected")
        self.on_change(self._read_pixel, self.main_view, name="point")

    @property
    def result(self) -> Result:
        """The prediction of the chosen network."""
        return self.results[self.network.label]

    def refresh(self) -> None:
        source = self.image_picker.source
        if source != self._computed_for:  # a change of network alone needs no computation
            self.results = {
                name: segmentation.predict(model, source, self.side) for name, model in self._networks.items()
            }
            self._computed_for = source
        if self.result.truth is None:
            self.view.value = "answer"
        self.view.disabled = self.result.truth is None
        self.main_view.tiles = image_tiles(source.image(DISPLAY_SIZE)[None])
        self.grid.tiles = image_tiles(_pale_grey(self.image).expand(len(self.results), -1, -1, -1))
        self._paint()

    def code(self) -> str:
        lines = ["import cnnlab", "from cnnlab import segmentation, world", "", self.load_line]
        lines += [self.image_picker.source.code(self.side), "answer = segmentation.segment(model, image)"]
        if self.result.truth is not None:
            lines += [
                "truth = segmentation.vision_tasks(picture).semantic",
                f"near = segmentation.boundary_band(truth, {segmentation.EDGE_WIDTH})",
                "print((answer != truth).float().mean(), (answer != truth)[near].float().mean())",
            ]
        else:
            lines += ["print([model.class_names[index] for index in answer.unique()])"]
        return "\n".join(lines)

    def describe(self) -> str:
        return (
            f"Segmentation explorer. {self.display_name} names the class of each pixel of a picture"
            f" ({self.image_picker.source.description});"
            f" shown: the {self.view.value}. Beside it: {', '.join(self.results)}. Run the cell to change network and picture."
        )

    def static_preview(self) -> bytes:
        count = len(self.results)
        figure = Figure(figsize=(2.3 * (count + 1), 2.7), dpi=90, layout="constrained", facecolor="white")
        axes = figure.subplots(1, count + 1)
        axes[0].imshow(self.image.permute(1, 2, 0).numpy())
        axes[0].set_title("the picture", fontsize=9)
        for axis, (name, result) in zip(axes[1:], self.results.items(), strict=True):
            axis.imshow(_pale_grey(self.image)[0].permute(1, 2, 0).numpy())
            axis.imshow(segmentation.colour_image(result, self.view.value), interpolation="nearest")
            axis.set_title(name, fontsize=9)
        for axis in axes:
            axis.set_axis_off()
        figure.suptitle(f"{self.title}: {self.question} ({self.view.value})", fontsize=11, x=0.01, ha="left")
        return figure_png(figure)

    # Building the widget.

    def _make_controls(self) -> None:
        self.view = widgets.Dropdown(options=VIEWS, description="Shown")
        self.opacity = widgets.FloatSlider(0.8, min=0, max=1, step=0.05, description="Opacity")
        self.main_view = ImageGrid(
            columns=1,
            max_tile_size=DISPLAY_SIZE,
            pick="pixel",
            smooth=True,
            label="The picture: choose a pixel",
        )
        self.grid = ImageGrid(columns=len(self._networks), captions=list(self._networks), selected=0)
        self.grid.label = "All networks, the same picture (choose one)"
        for grid in (self.main_view, self.grid):
            widgets.jslink((self.opacity, "value"), (grid, "opacity"))
        self._finding = widgets.HTML().add_class("cnnlab-finding")
        self._legend = widgets.HTML()

    def _lay_out(self) -> None:
        self.layout(
            {"Over the picture": [self.view, self.opacity]},
            centre=[self.main_view, self._legend, self.grid],
            result=[heading("This picture"), self._finding],
            accessible_names=[
                *names_for(self.view, "look", "What is laid over the picture"),
                *names_for(self.opacity, "opacity", "Opacity of what is laid over the picture"),
            ],
        )

    # Callbacks of the controls.

    def _paint(self) -> None:
        view = self.view.value
        self.main_view.overlay = segmentation.class_tiles([segmentation.class_map(self.result, view)], view)
        self.grid.overlay = segmentation.class_tiles(
            [segmentation.class_map(result, view) for result in self.results.values()], view
        )
        self.grid.selected = list(self.results).index(self.network.label)
        self._finding.value = segmentation.describe(self.result)
        self._legend.value = segmentation.legend(self.result, view)
        self._read_pixel()
        class_list = [self.result.names[int(index)] for index in self.result.prediction.unique() if index]
        self.set_status(f"{self.network.label} sees {', '.join(class_list) or 'nothing but background'}.")

    def _choose(self) -> None:
        names = list(self.results)
        if 0 <= self.grid.selected < len(names) and names[self.grid.selected] != self.network.label:
            self.network.label = names[self.grid.selected]

    def _read_pixel(self) -> None:
        """Report the classes at the chosen pixel."""
        tile, *position = self.main_view.point
        row, column = (value * self.side // DISPLAY_SIZE for value in position)
        self.main_view.readout = segmentation.at_pixel(self.result, row, column) if tile >= 0 else ""


def _available_networks() -> dict[str, str | nn.Module]:
    """The kit's segmentation networks whose weights are installed."""
    networks = available()
    return {called: name for called, name in NETWORKS.items() if networks[name].ready}


def _pale_grey(image: Tensor) -> Tensor:
    """The picture in pale grey, 1 x 3 x H x W, as the background of colours."""
    return torch.as_tensor(0.3 + 0.65 * image.mean(0, keepdim=True)).clamp(0, 1).expand(1, 3, -1, -1)
