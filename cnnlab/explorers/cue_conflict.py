"""The cue conflict explorer: the shape of one class in the skin of another, and which of the two each network names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ipywidgets as widgets
import torch
from torch import nn

from cnnlab.explorers import conflicts
from cnnlab.explorers.bars import Bars, ranking
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.conflicts import CUES, Dressed
from cnnlab.explorers.growth import Growth, missing
from cnnlab.explorers.parts import names_for
from cnnlab.explorers.search_select import SearchSelect
from cnnlab.explorers.sheet import Sheet, frame, picture_tiles
from cnnlab.explorers.sources import Rendered
from cnnlab.explorers.still import still_figure
from cnnlab.networks.zoo import load
from cnnlab.world import OBJECTS, Recipe, sample

FIRST = sample(3, shape="teapot", scene="room", clutter=0, cover=0.0)
"""What the explorer shows first."""


class CueConflictExplorer(Explorer):
    """Shape of one class, skin of another: which of the two does each of two networks name?

    Parameters
    ----------
    model
        A name of `cnnlab.available()`, or a network of your own that knows the classes of the world.
    second_network
        A second network, to be asked about the same pictures.
    picture
        A recipe, or a picture of `cnnlab.world.render`; its class gives the shape.
    networks
        Networks to choose from, by the names that shall be shown.

    Controls
    --------
    network, second_network
        Who is asked.
    shape, texture, scene, seed, another_button
        What is drawn; a click on one of the small pictures chooses its texture.

    Example
    -------
    >>> explorer = CueConflictExplorer("mini_alexnet", "mini_vgg")
    >>> explorer.shape.value, explorer.texture.value = "elephant", "sheep"
    """

    kinds, classes = ("objects",), OBJECTS
    title = "Shape or texture"
    question = "The shape of one class in the skin of another: which of the two does the network name?"

    def __init__(
        self,
        model: str | nn.Module = "mini_alexnet",
        beside: str | nn.Module = "mini_alexnet_restyled",
        picture: object = None,
        networks: Mapping[str, nn.Module] | None = None,
    ):
        super().__init__(model, FIRST if picture is None else picture, networks)
        if not isinstance(self.pictures.source, Rendered):
            raise ValueError(
                "a photo cannot be drawn again in another skin; give a recipe or a rendered picture."
            )
        self.row: dict[str, Dressed] = {}
        self._growth: Growth[str] = Growth()
        self._asked: tuple = ()
        self._make_controls(beside)
        self._lay_out()
        self.begin()
        self.watch(self._load_second, self.beside)
        self.watch(self._show, self.texture)
        self.watch(self._chosen, self.sheet, name="selected")

    @property
    def recipe(self) -> Recipe:
        """What is drawn, but for the texture."""
        return self.pictures.source.recipe

    def refresh(self) -> None:
        self._ask()

    def code(self) -> str:
        return conflicts.code(self.recipe, self.texture.value, self.side, self.load_line)

    def describe(self) -> str:
        return (
            f"Cue conflict explorer. {self.called} and, beside it, {self._second_called} look at the shape of a {self.recipe.shape}"
            f" in the texture of a {self.texture.value} (scene {self.recipe.scene}, seed {self.recipe.seed}), and at the same shape in"
            " the texture of every class. Run the cell to change shape and texture."
        )

    def still(self) -> bytes:
        for _texture in self._missing():
            pass  # within a kernel some may not be there yet
        figure = conflicts.drawn(
            {texture: self.row[texture] for texture in OBJECTS}, self.recipe.shape, self._classes
        )
        called = f"{self.called} (upper word), {self._second_called} (lower word)"
        figure.suptitle(
            f"{self.recipe.shape} in every skin. {called}: blue by shape, orange by texture",
            fontsize=10,
            x=0.01,
            ha="left",
        )
        return still_figure(figure)

    # How it is made.

    def _make_controls(self, beside: str | nn.Module) -> None:
        options = list(self.network.options)
        values = [value for _label, value in options]
        if beside not in values:
            if isinstance(beside, str):
                beside = self.network.value  # not at hand: the same network twice
            else:
                options.insert(0, (f"{getattr(beside, 'name', type(beside).__name__)} (yours)", beside))
        self.beside = widgets.Dropdown(options=options, value=beside, description="Beside it")
        self.second: nn.Module = load(beside) if isinstance(beside, str) else beside
        self.texture = SearchSelect(OBJECTS, value="fish", description="Texture")
        self.trio = Sheet(
            columns=3, largest=180, label="Shape's own skin, the conflict, and the texture's class"
        )
        self.sheet = Sheet(
            columns=7, largest=96, label="The same shape in every skin (click one to choose it)"
        )
        self.bars = [Bars(words=["in the other skin", "in its own"]) for _ in range(2)]
        self._heads = [widgets.HTML().add_class("cnnlab-heading") for _ in range(2)]
        self._words = [widgets.HTML().add_class("cnnlab-finding") for _ in range(2)]

    def _lay_out(self) -> None:
        shape, scene, seed = self.pictures.rendered_rows
        result = [
            part
            for head, bars, words in zip(self._heads, self.bars, self._words, strict=True)
            for part in (head, bars, words)
        ]
        legend = "Frames: first network by <b style='color:{shape}'>shape</b>, by <b style='color:{texture}'>texture</b> (dashed)"
        legend += ", by <b style='color:{neither}'>neither</b>."
        self.arrange(
            {"Network": [self.network, self.beside], "Picture": [shape, self.texture, scene, seed]},
            stage=[
                self.trio,
                self.sheet,
                widgets.HTML(legend.format(**CUES)),
            ],
            result=result,
            names=[
                *names_for(self.beside, "beside", "Second network"),
                *names_for(self.texture, "texture", "Class whose texture the object wears"),
            ],
        )

    # What happens when a control changes.

    @property
    def _second_called(self) -> str:
        chosen = self.beside.value
        return chosen if isinstance(chosen, str) else self.beside.label

    def _load_second(self) -> None:
        chosen, before = self.beside.value, self.second
        self.second = load(chosen) if isinstance(chosen, str) else chosen
        try:
            self._ask()
        except Exception:
            self.second = before
            raise

    def _ask(self) -> None:
        """The chosen skin at once, all others one after another."""
        self._growth.stop()
        asked = (self.model, self.second, self.recipe)
        if asked != self._asked:
            self.row = {}
        own = self._answer(self.recipe.shape)
        self._classes = [
            conflicts.names_of(model, answer)
            for model, answer in zip((self.model, self.second), own.answers, strict=True)
        ]
        self._asked, self._own = asked, own
        self._show()
        self._growth.start(self._missing(), lambda _texture: None, self.after(self._paint_row))

    def _answer(self, texture: str) -> Dressed:
        return conflicts.ask([self.model, self.second], self.recipe, texture, self.side)

    def _missing(self) -> Iterator[str]:
        return missing({texture: texture for texture in OBJECTS}, self.row, self._answer)

    def _show(self) -> None:
        """The chosen skin: three pictures and both networks' answers."""
        shape, texture = self.recipe.shape, self.texture.value
        if texture not in self.row:
            self.row[texture] = self._answer(texture)
        now = self.row[texture]
        other = conflicts.dressed(self.recipe.replace(shape=texture), texture, self.side)
        with self.trio.hold_sync():
            self.trio.tiles = picture_tiles(torch.stack([self._own.image, now.image, other]))
            self.trio.captions = [f"a {shape}", f"shape {shape}, texture {texture}", f"a {texture}"]
        said = []
        for number, called in enumerate((self.called, self._second_called)):
            names, answer = self._classes[number], now.answers[number]
            self._heads[number].value = f"{called} says {names[int(answer.argmax())]}"
            self.bars[number].entries = ranking(
                answer, self._own.answers[number], names, names.index(shape), k=4
            )
            cue = conflicts.goes_by(answer, names, shape, texture)
            said.append(f"{called}: {'by ' + cue if cue in ('shape', 'texture') else cue}")
        self.say(f"Shape {shape}, texture {texture}. {'; '.join(said)}.")
        if set(self.row) >= set(OBJECTS):
            self._paint_row()

    def _paint_row(self) -> None:
        """The shape in every skin, and how often each network goes by which cue."""
        shape, side = self.recipe.shape, self.side
        row = [(texture, self.row[texture]) for texture in OBJECTS]
        cues = [conflicts.goes_by(one.answers[0], self._classes[0], shape, texture) for texture, one in row]
        with self.sheet.hold_sync():
            self.sheet.tiles = picture_tiles(torch.stack([one.image for _texture, one in row]))
            self.sheet.captions = [
                f"in the skin of {texture}: {', '.join(self._classes[n][int(one.answers[n].argmax())] for n in range(2))}"
                for texture, one in row
            ]
            self.sheet.boxes = [
                frame(tile, side, side, CUES[cue]) | {"dashed": cue == "texture"}
                for tile, cue in enumerate(cues)
                if cue in CUES
            ]
            self.sheet.selected = OBJECTS.index(self.texture.value)
        for number, words in enumerate(self._words):
            counts = conflicts.tally(self.row, number, self._classes[number], shape)
            words.value = (
                f"Over all {sum(counts.values())} conflicts: {counts['shape']} by shape, {counts['texture']} by texture,"
                f" {counts['neither']} by neither."
            )

    def _chosen(self) -> None:
        """A small picture was chosen: its skin becomes the texture."""
        if 0 <= self.sheet.selected < len(OBJECTS):
            self.texture.value = OBJECTS[self.sheet.selected]
