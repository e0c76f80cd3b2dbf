"""Segmentation explorer: a class for each pixel, with and without skip connections, beside the ground truth."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import nn

from cnnlab.explorers.base import DISPLAY_SIZE, Explorer
from cnnlab.explorers.controls import choice, finding, heading, link_opacity, slider
from cnnlab.explorers.image_grid import ImageGrid, image_tiles
from cnnlab.explorers.image_sources import ImageSource
from cnnlab.explorers.render import segmentation
from cnnlab.explorers.render.segmentation import VIEWS, Result
from cnnlab.explorers.snippet import snippet
from cnnlab.explorers.static_preview import canvas
from cnnlab.figures.axes import pale_grey, show_image
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

    Example
    -------
    >>> explorer = SegmentationExplorer(picture=7)
    >>> explorer.network.value, explorer.view.value = "unet_without_skips", "errors"
    """

    name = "Segmentation explorer"
    title = "Segmentation"
    question = "What stands at each pixel?"
    invitation = "change network and picture"
    kinds = ("masks",)

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
        views = {"columns": 1, "max_tile_size": DISPLAY_SIZE, "pick": "pixel", "smooth": True}
        self.main_view = ImageGrid(**views, label="The picture: choose a pixel")
        self.grid = ImageGrid(columns=len(self._networks), captions=list(self._networks), selected=0)
        self.grid.label = "All networks, the same picture (choose one)"
        self._finding, self._legend = finding(), widgets.HTML()
        self.layout(
            {
                "Over the picture": {
                    "view": choice("Shown", VIEWS, name="What is laid over the picture"),
                    "opacity": slider(
                        "Opacity", 0.8, 0, 1, 0.05, name="Opacity of what is laid over the picture"
                    ),
                }
            },
            centre=[self.main_view, self._legend, self.grid],
            result=[heading("This picture"), self._finding],
        )
        link_opacity(self.opacity, self.main_view, self.grid)
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
                name: segmentation.render(model, source, self.side) for name, model in self._networks.items()
            }
            self._computed_for = source
        if self.result.truth is None:
            self.view.value = "answer"
        self.view.disabled = self.result.truth is None
        self.main_view.tiles = image_tiles(source.image(DISPLAY_SIZE)[None])
        self.grid.tiles = image_tiles(pale_grey(self.image, 0.3, 0.95).expand(len(self.results), -1, -1, -1))
        self._paint()

    def code(self) -> str:
        lines = [
            self.load_line,
            self.image_picker.source.code(self.side),
            "answer = segmentation.segment(model, image)",
        ]
        if self.result.truth is not None:
            lines += [
                "truth = segmentation.vision_tasks(picture).semantic",
                f"near = segmentation.boundary_band(truth, {segmentation.EDGE_WIDTH})",
                "print((answer != truth).float().mean(), (answer != truth)[near].float().mean())",
            ]
        else:
            lines += ["print([model.class_names[index] for index in answer.unique()])"]
        return snippet(*lines)

    def summary(self) -> str:
        return (
            f"{self.display_name} names the class of each pixel of a picture ({self.image_picker.source.description});"
            f" shown: the {self.view.value}. Beside it: {', '.join(self.results)}."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self.question} ({self.view.value})"

    def preview(self) -> Figure:
        figure = canvas(2.3 * (len(self.results) + 1), 2.7)
        axes = figure.subplots(1, len(self.results) + 1)
        show_image(axes[0], self.image, "the picture", 9)
        for axis, (name, result) in zip(axes[1:], self.results.items(), strict=True):
            show_image(axis, pale_grey(self.image, 0.3, 0.95), name, 9)
            axis.imshow(segmentation.colour_image(result, self.view.value), interpolation="nearest")
        return figure

    # Callbacks of the controls.

    def _paint(self) -> None:
        view = self.view.value
        maps = {name: segmentation.class_map(result, view) for name, result in self.results.items()}
        self.main_view.overlay = segmentation.class_tiles([maps[self.network.label]], view)
        self.grid.overlay = segmentation.class_tiles(list(maps.values()), view)
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
