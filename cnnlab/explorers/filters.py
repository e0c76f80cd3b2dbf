"""The filter explorer: the weights of any layer, trained or not, in three scales of colour, and what explains them."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.fitting import Fitting
from cnnlab.explorers.kernels import (
    SCALES,
    code_of_filters,
    drawn,
    fit_captions,
    fit_in_words,
    fit_tiles,
    is_picture,
    layer_tiles,
    scale_of,
    unit_tiles,
    weighted_layers,
)
from cnnlab.explorers.parts import heading, names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet
from cnnlab.explorers.still import still_figure
from cnnlab.networks import untrained
from cnnlab.units import Explained, filters

GOOD = 0.7


class FilterExplorer(Explorer):
    """What do the weights look like? Filters of any layer of any network, and how much of each an edge or a blob explains.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    layer
        The layer that is shown first; None for the first convolution.
    networks
        Name to network, to choose from these alone.

    Controls
    --------
    network, layer, unit
        Whose filters, and which of them is looked at closely; a click on a filter chooses its unit.
    source
        In deeper layers: which of the maps that the layer reads. First-layer filters read colours and are pictures.
    scale
        What shares one scale of colours: each filter has its own, or the largest weight of the layer or network sets it.
    untrained
        The same network before training, from a seed.
    fit_button, stop_button
        Fit a Gabor function and a blob of colour to each filter of the layer.

    Example
    -------
    >>> explorer = FilterExplorer("mini_resnet")
    >>> explorer.unit.value, explorer.scale.value = 4, "layer"
    """

    kinds = (*CLASSIFIERS, "digits", "random labels")
    title = "Filters"
    question = "What do the weights look like?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        layer: str | None = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, None, networks)
        self.weights: Tensor | None = None
        self._wanted = layer
        self._twins: dict[int, tuple[nn.Module, nn.Module]] = {}
        self.fitting = Fitting(self._fitted, self.after(lambda: self.attempt(self._draw_unit)))
        self.fit_button, self.stop_button = self.fitting.button, self.fitting.stop_button
        self._make_controls()
        self._lay_out()
        self.begin()
        self.watch(self._new_layer, self.layer, self.fresh)
        self.watch(self._draw, self.scale, self.source)
        self.watch(self._draw_unit, self.unit)
        self.watch(self._choose, self.sheet, name="selected")
        self.fit_button.on_click(lambda _button: self.attempt(self.fit))
        self.stop_button.on_click(lambda _button: self.attempt(self.fitting.stop))

    @property
    def fits(self) -> list[Explained]:
        """What explains the filters of the shown layer, as far as they are fitted, from unit 0 on."""
        return self.fitting.of(self._key)

    def fit(self) -> None:
        """Fit all filters of the layer, one by one, on from where it stopped."""
        if not is_picture(self.weights):
            raise ValueError(
                f'"{self.layer.value}" reads maps, not colours; only filters that read the picture are edges or blobs.'
            )
        self.fitting.start(self._key, self.weights)

    def refresh(self) -> None:
        names = weighted_layers(self.model)
        if not names:
            raise ValueError(f"{self.called} has neither convolutions nor fully connected layers.")
        offer_layers(self.layer, names, asked=self._wanted, otherwise=names[0])
        self._wanted = None
        self._new_layer()

    def code(self) -> str:
        scale = scale_of(self._shown, self.scale.value)
        good = GOOD if self.fits else None
        return code_of_filters(self.load_line, self.fresh.value, self.layer.value, self.weights, scale, good)

    def describe(self) -> str:
        shape = " x ".join(map(str, self.weights.shape[1:]))
        state = "before training" if self.fresh.value else "trained"
        return (
            f"Filter explorer. {self.called}, {state}, layer {self.layer.value}: {len(self.weights)} units with weights of"
            f" {shape}, one scale of colours for {self.scale.label}; unit {self.unit.value} is chosen. Run the cell to choose others."
        )

    def still(self) -> bytes:
        scale = scale_of(self._shown, self.scale.value)
        figure = drawn(self.weights, scale, self.source.value, self.unit.value)
        figure.suptitle(f"{self.title}: {self.called}, {self.layer.value}", fontsize=11, x=0.01, ha="left")
        return still_figure(figure)

    # How it is made.

    def _make_controls(self) -> None:
        self.layer = SearchSelect(description="Layer")
        self.unit = widgets.IntSlider(0, min=0, max=0, description="Unit")
        self.source = widgets.IntSlider(0, min=0, max=0, description="Map")
        self.scale = widgets.Dropdown(options=list(SCALES.items()), value="filter", description="Scale")
        self.fresh = widgets.Checkbox(False, description="before training", indent=False)
        self.sheet = Sheet(columns=8, largest=72, label="Filters")
        self.close_up = Sheet(columns=3, largest=150, label="The chosen filter")
        self.kernels = Sheet(columns=8, largest=90, label="Its weights")
        self.fit_words = widgets.HTML()

    def _lay_out(self) -> None:
        buttons = widgets.HBox([self.fit_button, self.stop_button]).add_class("cnnlab-row")
        self.arrange(
            {
                "Picture": [],
                "Filters": [self.layer, self.unit, self.source, self.fresh],
                "Colours": [self.scale],
                "Explained by": [buttons],
            },
            stage=[self.sheet],
            result=[heading("The chosen unit"), self.close_up, self.fit_words, self.kernels],
            names=[
                *names_for(self.layer, "layer", "Layer"),
                *names_for(self.unit, "unit", "Unit of the layer"),
                *names_for(self.source, "source", "Map that the layer reads"),
                *names_for(self.scale, "scale", "What shares one scale of colours"),
                *names_for(self.fresh, "fresh", "Show the network before training"),
                *names_for(self.fit_button, "fit", "Fit a Gabor function and a blob to each filter"),
                *names_for(self.stop_button, "stop", "Stop fitting"),
            ],
        )

    # What happens when a control changes.

    @property
    def _key(self) -> tuple[int, str, bool]:
        return id(self.model), self.layer.value, self.fresh.value

    @property
    def _shown(self) -> nn.Module:
        """The network whose weights are shown: the chosen one, or its twin before training."""
        if not self.fresh.value:
            return self.model
        if id(self.model) not in self._twins:  # the model is kept too, so that its id stays its own
            self._twins[id(self.model)] = self.model, untrained(self.model)
        return self._twins[id(self.model)][1]

    def _new_layer(self) -> None:
        self.fitting.stop()
        self.weights = filters(self._shown, self.layer.value)
        units, sources = self.weights.shape[:2]
        with self.quiet():
            self.unit.max = units - 1
            self.source.max, self.source.disabled = sources - 1, is_picture(self.weights)
        self._draw()

    def _draw(self) -> None:
        scale = scale_of(self._shown, self.scale.value)
        count = len(self.weights)
        with self.sheet.hold_sync():
            self.sheet.columns = 8 if count <= 64 else 16
            self.sheet.tiles = layer_tiles(self.weights, scale, self.source.value)
            reads = (
                "red, green and blue" if is_picture(self.weights) else f"kernels over map {self.source.value}"
            )
            self.sheet.label = f"{self.layer.value}: {count} units, {reads}"
        self._tell_fits()
        self._draw_unit()

    def _draw_unit(self) -> None:
        unit, scale = self.unit.value, scale_of(self._shown, self.scale.value)
        with self.quiet():
            self.sheet.selected = unit
        weights = self.weights[unit]
        if is_picture(self.weights):
            fit = self.fits[unit] if unit < len(self.fits) else None
            self.close_up.tiles, self.close_up.captions = fit_tiles(weights, fit)
            self.fit_words.value = f"<p>{fit_in_words(fit)}</p>" if fit is not None else ""
        else:
            self.close_up.tiles, self.fit_words.value = {}, ""
        with self.kernels.hold_sync():
            self.kernels.columns = 3 if len(weights) == 3 else 8
            self.kernels.tiles = unit_tiles(self.weights, unit, scale)
            colours = is_picture(self.weights)
            self.kernels.captions = (
                ["red", "green", "blue"] if colours else [f"map {i}" for i in range(len(weights))]
            )
            self.kernels.label = (
                f"unit {unit}: its weights for each {'colour' if colours else 'map that it reads'}"
            )

    def _choose(self) -> None:
        if self.sheet.selected >= 0:
            self.unit.value = self.sheet.selected

    def _tell_fits(self) -> None:
        found = self.fits
        self.sheet.captions = fit_captions(found, len(self.weights))
        if found:
            good = sum(float(fit.r2[0]) >= GOOD for fit in found)
            self.say(
                f"{good} of {len(found)} filters are explained to {GOOD:.0%} or more; {len(self.weights)} in all."
            )
        else:
            self.say(
                f"{self.called}, {self.layer.value}: {'before training' if self.fresh.value else 'trained'}."
            )
        if len(found) > 0 and self.unit.value == len(found) - 1:
            self._draw_unit()

    def _fitted(self, key: tuple[int, str, bool]) -> None:
        if key == self._key:
            self.attempt(self._tell_fits)
