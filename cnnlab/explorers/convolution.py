"""The convolution explorer: a kernel on a real picture, one number of its map stepped through by hand."""

from __future__ import annotations

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.sheet import Sheet, map_tiles
from cnnlab.explorers.stepping import (
    KERNELS,
    LEARNED,
    SEEN,
    Setting,
    code_of_step,
    drawn,
    grey,
    kernel,
    nearest_place,
    patch_table,
    sum_in_words,
    taps,
    window_boxes,
)
from cnnlab.explorers.still import still_figure
from cnnlab.figures.colours import SIGNED
from cnnlab.figures.palettes import symmetric_range
from cnnlab.networks import explain_output_size
from cnnlab.units import convolution_names, filters


class ConvolutionExplorer(Explorer):
    """Where does each number of a map come from? Patch x kernel + bias, on a grey picture, with every setting of a convolution.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own; its first-layer filters can be used as kernels.
    picture
        A seed, a recipe, a picture of `cnnlab.world.render`, or a photo's path or bytes.

    Controls
    --------
    kernel, unit, size, weight, bias
        Which kernel; each weight of it can be changed (choose it in the kernel's picture). `unit` chooses a learned filter, added
        up over the colours, which is what it does to a grey picture.
    pixels, stride, padding, dilation
        How large the picture is, and how the kernel goes over it. What is impossible is explained.
    position, term
        Which number of the map is looked at, and how many of its products are added already.

    Example
    -------
    >>> explorer = ConvolutionExplorer("mini_resnet", picture=7)
    >>> explorer.stride.value, explorer.place = 2, (3, 4)
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Convolution arithmetic"
    question = "Where does each number of a map come from?"

    def __init__(self, model: str | nn.Module = "mini_alexnet", picture: object = None):
        super().__init__(model, picture)
        self.place = (0, 0)
        self.weights: Tensor = kernel(KERNELS[0], 3)
        self.setting: Setting | None = None
        self._make_controls()
        self._lay_out()
        self.place = (8, 10)
        self.begin()
        self.watch(self._new_kernel, self.kernel, self.size, self.unit)
        self.watch(self._reweigh, self.weight)
        self.watch(self._draw, self.pixels, self.bias, self.stride, self.padding, self.dilation)
        self.watch(self._show_sum, self.term)
        self.watch(self._choose_weight, self.kernel_sheet, name="point")
        self.watch(self._choose_place, self.output, name="point")
        self.watch(self._choose_pixel, self.input, name="point")

    @property
    def place(self) -> tuple[int, int]:
        """(row, column) in the map of the number that is looked at; may be set."""
        return self._place

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self._place = (int(place[0]), int(place[1]))
        if getattr(self, "setting", None) is not None:
            self.attempt(self._show_place)

    def refresh(self) -> None:
        first = filters(self.model)
        self.unit.max = len(first) - 1
        self._load_kernel()
        self._draw()

    def code(self) -> str:
        learned = self.unit.value if self._learned and not self._edited else None
        return code_of_step(
            self.load_line, self.pictures.source.code(SEEN), self.setting, self.place, learned
        )

    def describe(self) -> str:
        now, (row, column) = self.setting, self.place
        size, places = now.weight.shape[-1], now.places
        return (
            f"Convolution explorer. A kernel of {size} x {size} ({self._called}) goes over a picture ({self.pictures.source.words})"
            f" of {now.pixels.shape[-1]} x {now.pixels.shape[-1]} pixels with stride {now.stride}, padding {now.padding} and"
            f" dilation {now.dilation}: a map of {places} x {places} numbers, of which the one at row {row}, column {column} is"
            " taken apart. Run the cell to step through it."
        )

    def still(self) -> bytes:
        figure = drawn(self.setting, *self.place)
        figure.suptitle(f"{self.title}: {self.question}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.kernel = widgets.Dropdown(options=[*KERNELS, LEARNED], description="Kernel")
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Filter", disabled=True)
        self.size = widgets.IntSlider(3, min=1, max=9, description="Size")
        self.weight = widgets.FloatSlider(
            0.0, min=-2, max=2, step=0.05, description="Weight", readout_format=".2f"
        )
        self.bias = widgets.FloatSlider(0.0, min=-2, max=2, step=0.1, description="Bias")
        self.pixels = widgets.IntSlider(24, min=4, max=64, description="Picture")
        self.stride = widgets.IntSlider(1, min=1, max=8, description="Stride")
        self.padding = widgets.IntSlider(0, min=0, max=8, description="Padding")
        self.dilation = widgets.IntSlider(1, min=1, max=6, description="Dilation")
        self.term = widgets.IntSlider(9, min=0, max=9, description="Step")
        self.input = Sheet(columns=1, largest=420, pick="pixel", label="The picture, grey, with its padding")
        self.kernel_sheet = Sheet(
            columns=1, largest=120, pick="pixel", point=[0, 1, 1], label="choose a weight, change it"
        )
        self.output = Sheet(columns=1, largest=300, pick="pixel", label="The map, violet below zero")
        self.arithmetic, self.table, self.sum = widgets.HTML(), widgets.HTML(), widgets.HTML()

    def _lay_out(self) -> None:
        self.arrange(
            {
                "Kernel": [self.kernel, self.unit, self.size, self.weight, self.bias],
                "On its way": [self.pixels, self.stride, self.padding, self.dilation],
            },
            stage=[self.input, heading("This number of the map"), self.term, self.table, self.sum],
            result=[
                heading("Kernel"),
                self.kernel_sheet,
                heading("What comes out"),
                self.output,
                self.arithmetic,
            ],
            names=[
                *names_for(self.kernel, "kernel", "Kernel"),
                *names_for(self.unit, "filter", "Number of the learned filter"),
                *names_for(self.size, "kernel-size", "Size of the kernel"),
                *names_for(self.weight, "weight", "Weight chosen in the kernel"),
                *names_for(self.bias, "bias", "Bias"),
                *names_for(self.pixels, "side", "Side of the picture in pixels"),
                *names_for(self.stride, "stride", "Stride"),
                *names_for(self.padding, "padding", "Padding"),
                *names_for(self.dilation, "dilation", "Dilation"),
                *names_for(self.term, "term", "Products that are added"),
            ],
        )

    # What happens when a control changes.

    @property
    def _learned(self) -> bool:
        return self.kernel.value == LEARNED

    @property
    def _called(self) -> str:
        if not self._learned:
            return self.kernel.value
        whose = self.network_name or getattr(self.model, "name", "your network")
        return f"filter {self.unit.value} of {convolution_names(self.model)[0]} of {whose}"

    def _new_kernel(self) -> None:
        self._load_kernel()
        self._draw()

    def _load_kernel(self) -> None:
        self.unit.disabled, self.size.disabled = not self._learned, self._learned
        learned = filters(self.model)[self.unit.value].sum(0, keepdim=True) if self._learned else None
        self.weights = (
            kernel(self.kernel.value, self.size.value) if learned is None else learned.float().cpu()
        )
        self._edited = False

    def _reweigh(self) -> None:
        _, row, column = self.kernel_sheet.point
        if abs(float(self.weights[0, row, column]) - self.weight.value) < 1e-6:
            return  # the slider was set to what the kernel holds
        self.weights = self.weights.clone()
        self.weights[0, row, column] = self.weight.value
        self._edited = True
        self._draw()

    def _choose_weight(self) -> None:
        _, row, column = self.kernel_sheet.point
        with self.quiet():
            self.weight.value = float(self.weights[0, row, column])

    def _choose_place(self) -> None:
        if tuple(self.output.point[1:]) != self._place:
            self.place = tuple(self.output.point[1:])

    def _choose_pixel(self) -> None:
        _, row, column = self.input.point
        if [row, column] != self._tap:
            self.place = nearest_place(self.setting, row, column)

    def _draw(self) -> None:
        """Everything anew: picture, kernel, map. An impossible shape is told, and the last possible one stays."""
        side, size = self.pixels.value, self.weights.shape[-1]
        steps = {"stride": self.stride.value, "padding": self.padding.value, "dilation": self.dilation.value}
        pixels = grey(self.pictures.source.image(SEEN), side)
        now = Setting(pixels, self.weights, round(self.bias.value, 2), **steps)
        places = now.places
        self.setting = now
        made = now.convolved()
        self.arithmetic.value = f"<p>{explain_output_size(side, size, **steps)}</p>"
        self.kernel_sheet.tiles = map_tiles(now.weight, SIGNED, *symmetric_range(now.weight, 1e-6))
        self.input.tiles = map_tiles(now.padded(), "gray", 0, 1)
        self.output.tiles = map_tiles(made, SIGNED, *symmetric_range(made, 1e-6))
        low, high = float(made.min()), float(made.max())
        self.output.captions = [f"{places} x {places} numbers from {low:.2f} to {high:.2f}"]
        self._place = tuple(min(at, places - 1) for at in self._place)
        self._limit_term(size**2)
        self._choose_spot(size)
        self.say(f"{self._called}, on {self.pictures.source.words}.")
        self._show_place()

    def _limit_term(self, terms: int) -> None:
        whole = self.term.value == self.term.max
        with self.quiet():
            self.term.max = terms
            self.term.value = terms if whole else min(self.term.value, terms)

    def _choose_spot(self, size: int) -> None:
        _, row, column = self.kernel_sheet.point
        self.kernel_sheet.point = [0, min(row, size - 1), min(column, size - 1)]
        self._choose_weight()

    def _show_place(self) -> None:
        try:
            self.step = self.setting.at(*self._place)
        except ValueError:
            self._place = self._good_place
            raise
        self._good_place = self._place
        self.output.point = [0, *self._place]
        self.output.answer = f"row {self._place[0]}, column {self._place[1]} is {self.step.value:.2f}"
        self._show_sum()

    def _show_sum(self) -> None:
        now, term = self.setting, self.term.value
        self.table.value = patch_table(self.step, now.weight, term)
        self.sum.value = f"<p>{sum_in_words(self.step, now.weight, term)}</p>"
        row, column, *_ = taps(self.step)[max(term, 1) - 1]
        self._tap = [row + now.padding, column + now.padding]
        self.input.boxes = window_boxes(now, self.step)
        self.input.point = [0, *self._tap]
