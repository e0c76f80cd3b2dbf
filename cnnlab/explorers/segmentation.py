"""The segmentation explorer: a class for each pixel, with skips and without, beside the exact truth."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers import segmenting
from cnnlab.explorers.base import EYE, Explorer
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.segmenting import LOOKS, Segmented
from cnnlab.explorers.sheet import Sheet, picture_tiles
from cnnlab.explorers.sources import Source
from cnnlab.explorers.still import still_figure
from cnnlab.networks.zoo import available, load

NETWORKS = {"U-Net, skips on": "unet", "U-Net, skips off": "unet_without_skips", "FCN": "fcn"}


class SegmentationExplorer(Explorer):
    """What stands at each pixel? One network large, all beside each other.

    Parameters
    ----------
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.
    networks
        Which to compare: names of `cnnlab.available()`, or networks of your own that answer at each pixel, by what they are called.

    Controls
    --------
    network, shape, scene, seed, another_button, photo_upload
        Who answers, and about what.
    view, opacity
        The answer, the truth, or what is wrong, laid over the picture; the opacity lives in the browser.
    grid
        The same look for every network; choose one.

    Example
    -------
    >>> explorer = SegmentationExplorer(picture=7)
    >>> explorer.network.value, explorer.look.value = "unet_without_skips", "errors"
    """

    kinds = ("masks",)
    title = "Segmentation"
    question = "What stands at each pixel?"

    def __init__(self, picture: object = None, networks: Mapping[str, str | nn.Module] | None = None):
        networks = _ready() if networks is None else dict(networks)
        if not networks:
            raise ValueError("give at least one network that answers at each pixel.")
        self._others = {
            name: load(other) if isinstance(other, str) else other for name, other in networks.items()
        }
        super().__init__(next(iter(networks.values())), picture, networks)
        self.found: dict[str, Segmented] = {}
        self._asked: Source | None = None
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._paint, self.look)
        self.watch(self._choose, self.sheet, name="selected")
        self.watch(self._point, self.stage, name="point")

    @property
    def answer(self) -> Segmented:
        """What the chosen network says."""
        return self.found[self.network.label]

    def refresh(self) -> None:
        source = self.pictures.source
        if source != self._asked:  # another network alone asks nothing new
            self.found = {
                name: segmenting.ask(model, source, self.side) for name, model in self._others.items()
            }
            self._asked = source
        if self.answer.truth is None:
            self.look.value = "answer"
        self.look.disabled = self.answer.truth is None
        self.stage.tiles = picture_tiles(source.image(EYE)[None])
        self.sheet.tiles = picture_tiles(_pale(self.image).expand(len(self.found), -1, -1, -1))
        self._paint()

    def code(self) -> str:
        lines = ["import cnnlab", "from cnnlab import segmentation, world", "", self.load_line]
        lines += [self.pictures.source.code(self.side), "answer = segmentation.segment(model, image)"]
        if self.answer.truth is not None:
            lines += [
                "truth = segmentation.four_tasks(picture).semantic",
                f"near = segmentation.edge_band(truth, {segmenting.NEAR})",
                "print((answer != truth).float().mean(), (answer != truth)[near].float().mean())",
            ]
        else:
            lines += ["print([model.class_names[index] for index in answer.unique()])"]
        return "\n".join(lines)

    def describe(self) -> str:
        return (
            f"Segmentation explorer. {self.called} names the class of each pixel of a picture ({self.pictures.source.words});"
            f" shown: the {self.look.value}. Beside it: {', '.join(self.found)}. Run the cell to change network and picture."
        )

    def still(self) -> bytes:
        count = len(self.found)
        figure = Figure(figsize=(2.3 * (count + 1), 2.7), dpi=90, layout="constrained", facecolor="white")
        axes = figure.subplots(1, count + 1)
        axes[0].imshow(self.image.permute(1, 2, 0).numpy())
        axes[0].set_title("the picture", fontsize=9)
        for axis, (name, found) in zip(axes[1:], self.found.items(), strict=True):
            axis.imshow(_pale(self.image)[0].permute(1, 2, 0).numpy())
            axis.imshow(segmenting.coloured(found, self.look.value), interpolation="nearest")
            axis.set_title(name, fontsize=9)
        for axis in axes:
            axis.set_axis_off()
        figure.suptitle(f"{self.title}: {self.question} ({self.look.value})", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.look = widgets.Dropdown(options=LOOKS, description="Shown")
        self.opacity = widgets.FloatSlider(0.8, min=0, max=1, step=0.05, description="Opacity")
        self.stage = Sheet(
            columns=1, largest=EYE, pick="pixel", smooth=True, label="The picture: choose a pixel"
        )
        self.sheet = Sheet(columns=len(self._others), captions=list(self._others), selected=0)
        self.sheet.label = "All networks, the same picture (choose one)"
        for sheet in (self.stage, self.sheet):
            widgets.jslink((self.opacity, "value"), (sheet, "opacity"))
        self._words = widgets.HTML().add_class("cnnlab-finding")
        self._legend = widgets.HTML()

    def _lay_out(self) -> None:
        self.arrange(
            {"Over the picture": [self.look, self.opacity]},
            stage=[self.stage, self._legend, self.sheet],
            result=[heading("This picture"), self._words],
            names=[
                *names_for(self.look, "look", "What is laid over the picture"),
                *names_for(self.opacity, "opacity", "Opacity of what is laid over the picture"),
            ],
        )

    # What happens when a control changes.

    def _paint(self) -> None:
        look = self.look.value
        self.stage.overlay = segmenting.paint([segmenting.overlay(self.answer, look)], look)
        self.sheet.overlay = segmenting.paint(
            [segmenting.overlay(found, look) for found in self.found.values()], look
        )
        self.sheet.selected = list(self.found).index(self.network.label)
        self._words.value = segmenting.reading(self.answer)
        self._legend.value = segmenting.legend(self.answer, look)
        self._point()
        seen = [self.answer.names[int(index)] for index in self.answer.answer.unique() if index]
        self.say(f"{self.network.label} sees {', '.join(seen) or 'nothing but background'}.")

    def _choose(self) -> None:
        names = list(self.found)
        if 0 <= self.sheet.selected < len(names) and names[self.sheet.selected] != self.network.label:
            self.network.label = names[self.sheet.selected]

    def _point(self) -> None:
        """Say the classes at the chosen pixel."""
        tile, *place = self.stage.point
        row, column = (value * self.side // EYE for value in place)
        self.stage.answer = segmenting.at_pixel(self.answer, row, column) if tile >= 0 else ""


def _ready() -> dict[str, str | nn.Module]:
    """Those of the kit's networks for masks whose weights are here."""
    known = available()
    return {called: name for called, name in NETWORKS.items() if known[name].ready}


def _pale(image: Tensor) -> Tensor:
    """The picture in pale grey, 1 x 3 x H x W, for colours to lie on."""
    return torch.as_tensor(0.3 + 0.65 * image.mean(0, keepdim=True)).clamp(0, 1).expand(1, 3, -1, -1)
