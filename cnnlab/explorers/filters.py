"""Filter explorer: the weights of any layer, trained or untrained, at three colour scales, and Gabor and blob fits to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor, nn

from cnnlab.explorers.base import Explorer
from cnnlab.explorers.choices import CLASSIFIERS, offer_layers
from cnnlab.explorers.controls import button, checkbox, choice, heading, search, slider, stop_button
from cnnlab.explorers.image_grid import ImageGrid
from cnnlab.explorers.render.filters import (
    SCALES,
    code,
    fit_captions,
    fit_sentence,
    fit_tiles,
    layer_tiles,
    preview_figure,
    reads_rgb,
    scale_of,
    unit_tiles,
    weighted_layers,
)
from cnnlab.networks import reinitialise
from cnnlab.units import FilterFit, filters, fit_filters

R2_THRESHOLD = 0.7


class FilterExplorer(Explorer):
    """Filter explorer: the filters of any layer of any network, and how much of each a Gabor function or a colour blob explains.

    A click on a filter sets `unit`, whose filter is enlarged. First-layer filters read colours and are shown as pictures; in deeper layers
    `source` is the input channel.

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own.
    layer
        The first layer to show; None takes the first convolution.
    networks
        The networks to choose from, by name.

    Example
    -------
    >>> explorer = FilterExplorer("mini_resnet")
    >>> explorer.unit.value, explorer.scale.value = 4, "layer"
    """

    name = "Filter explorer"
    title = "Filters"
    question = "What do the weights look like?"
    invitation = "choose others"
    pickers = ("network",)
    kinds = (*CLASSIFIERS, "digits", "random labels")

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        layer: str | None = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, networks=networks)
        self.weights: Tensor | None = None
        self._untrained_models: dict[nn.Module, nn.Module] = {}
        self._fits: dict[tuple, list[FilterFit]] = {}
        self.grid = ImageGrid(columns=8, max_tile_size=72, label="Filters")
        self.fit_grid = ImageGrid(columns=3, max_tile_size=150, label="The chosen filter")
        self.kernel_grid = ImageGrid(columns=8, max_tile_size=90, label="Its weights")
        self.fit_text = widgets.HTML()
        self.layout(
            {
                "Filters": {
                    "layer": search("Layer", asked=layer, name="Layer"),
                    "unit": slider("Unit", 0, 0, 0, name="Unit of the layer"),
                    "source": slider("Map", 0, 0, 0, name="Map that the layer reads"),
                    "untrained": checkbox("before training", name="Show the network before training"),
                },
                "Colours": {
                    "scale": choice("Scale", list(SCALES.items()), name="What shares one scale of colours")
                },
                "Explained by": {
                    "buttons": {
                        "fit_button": button(
                            "Fit Gabor and blob", name="Fit a Gabor function and a blob to each filter"
                        ),
                        "stop_button": stop_button(name="Stop fitting"),
                    }
                },
            },
            centre=[self.grid],
            result=[heading("The chosen unit"), self.fit_grid, self.fit_text, self.kernel_grid],
        )
        self.background.link(self.fit_button, self.stop_button)
        self.show()
        self.on_change(self._new_layer, self.layer, self.untrained)
        self.on_change(self._draw, self.scale, self.source)
        self.on_change(self._draw_unit, self.unit)
        self.on_change(self._choose, self.grid, name="selected")
        self.on_click(self.fit, self.fit_button)
        self.on_click(self.background.stop, self.stop_button)

    @property
    def fits(self) -> list[FilterFit]:
        """The fits to the filters of the shown layer, as far as they are done, from unit 0 on."""
        return self._fits.setdefault(self._key, [])

    def fit(self) -> None:
        """Fit the filters of the layer one by one, continuing where the last fit stopped."""
        if not reads_rgb(self.weights):
            raise ValueError(
                f'"{self.layer.value}" reads maps, not colours; only filters that read the picture are edges or blobs.'
            )
        fits, weights, key = self.fits, self.weights, self._key

        def steps() -> Iterator[FilterFit]:
            for unit in range(len(fits), len(weights)):
                yield fit_filters(weights[unit])

        def keep(fit: FilterFit) -> None:
            fits.append(fit)
            if key == self._key:
                self._update_fit_text()

        self.in_background(steps(), keep, self._draw_unit)

    def refresh(self) -> None:
        names = weighted_layers(self.model)
        if not names:
            raise ValueError(f"{self.display_name} has neither convolutions nor fully connected layers.")
        offer_layers(self.layer, names, otherwise=names[0])
        self._new_layer()

    def code(self) -> str:
        scale = scale_of(self._shown_model, self.scale.value)
        threshold = R2_THRESHOLD if self.fits else None
        return code(self.load_line, self.untrained.value, self.layer.value, self.weights, scale, threshold)

    def summary(self) -> str:
        shape = " x ".join(map(str, self.weights.shape[1:]))
        state = "before training" if self.untrained.value else "trained"
        return (
            f"{self.display_name}, {state}, layer {self.layer.value}: {len(self.weights)} units with weights of"
            f" {shape}, one scale of colours for {self.scale.label}; unit {self.unit.value} is chosen."
        )

    def preview_title(self) -> str:
        return f"{self.title}: {self.display_name}, {self.layer.value}"

    def preview(self) -> Figure:
        scale = scale_of(self._shown_model, self.scale.value)
        return preview_figure(self.weights, scale, self.source.value, self.unit.value)

    # Callbacks of the controls.

    @property
    def _key(self) -> tuple[nn.Module, str, bool]:
        return self.model, self.layer.value, self.untrained.value

    @property
    def _shown_model(self) -> nn.Module:
        """The network whose weights are shown: the chosen one, or its untrained copy."""
        if not self.untrained.value:
            return self.model
        if self.model not in self._untrained_models:
            self._untrained_models[self.model] = reinitialise(self.model)
        return self._untrained_models[self.model]

    def _new_layer(self) -> None:
        self.background.stop()
        self.weights = filters(self._shown_model, self.layer.value)
        units, sources = self.weights.shape[:2]
        with self.hold_callbacks():
            self.unit.max = units - 1
            self.source.max, self.source.disabled = sources - 1, reads_rgb(self.weights)
        self._draw()

    def _draw(self) -> None:
        scale = scale_of(self._shown_model, self.scale.value)
        count = len(self.weights)
        with self.grid.hold_sync():
            self.grid.columns = 8 if count <= 64 else 16
            self.grid.tiles = layer_tiles(self.weights, scale, self.source.value)
            reads = (
                "red, green and blue" if reads_rgb(self.weights) else f"kernels over map {self.source.value}"
            )
            self.grid.label = f"{self.layer.value}: {count} units, {reads}"
        self._update_fit_text()
        self._draw_unit()

    def _draw_unit(self) -> None:
        unit, scale = self.unit.value, scale_of(self._shown_model, self.scale.value)
        with self.hold_callbacks():
            self.grid.selected = unit
        weights = self.weights[unit]
        if reads_rgb(self.weights):
            fit = self.fits[unit] if unit < len(self.fits) else None
            self.fit_grid.tiles, self.fit_grid.captions = fit_tiles(weights, fit)
            self.fit_text.value = f"<p>{fit_sentence(fit)}</p>" if fit is not None else ""
        else:
            self.fit_grid.tiles, self.fit_text.value = {}, ""
        with self.kernel_grid.hold_sync():
            self.kernel_grid.columns = 3 if len(weights) == 3 else 8
            self.kernel_grid.tiles = unit_tiles(self.weights, unit, scale)
            colours = reads_rgb(self.weights)
            self.kernel_grid.captions = (
                ["red", "green", "blue"] if colours else [f"map {i}" for i in range(len(weights))]
            )
            self.kernel_grid.label = (
                f"unit {unit}: its weights for each {'colour' if colours else 'map that it reads'}"
            )

    def _choose(self) -> None:
        if self.grid.selected >= 0:
            self.unit.value = self.grid.selected

    def _update_fit_text(self) -> None:
        fits = self.fits
        self.grid.captions = fit_captions(fits, len(self.weights))
        if fits:
            good = sum(float(fit.r2[0]) >= R2_THRESHOLD for fit in fits)
            self.set_status(
                f"{good} of {len(fits)} filters are explained to {R2_THRESHOLD:.0%} or more; {len(self.weights)} in all."
            )
        else:
            self.set_status(
                f"{self.display_name}, {self.layer.value}: {'before training' if self.untrained.value else 'trained'}."
            )
        if len(fits) > 0 and self.unit.value == len(fits) - 1:
            self._draw_unit()
