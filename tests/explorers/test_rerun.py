"""An explorer gives back what it held when its cell is run again, and only then."""

from __future__ import annotations

import asyncio
import gc

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances

from cnnlab.explorers import FilterExplorer, InversionExplorer, OcclusionExplorer
from cnnlab.explorers.base import Explorer
from cnnlab.explorers.rerun import close

OCCLUSION = "from cnnlab.explorers import OcclusionExplorer\nexplorer = OcclusionExplorer()\nexplorer"
FILTERS = "from cnnlab.explorers import FilterExplorer\nFilterExplorer()"


@pytest.fixture
def run(capsys):
    """Run a cell by its identity and code, as a kernel does; returns what it displays."""
    shell = InteractiveShell.instance()

    def run_cell(code: str, cell: str | None):
        result = shell.run_cell(code, store_history=True, cell_id=cell)
        result.raise_error()
        capsys.readouterr()
        return result.result

    yield run_cell
    InteractiveShell.clear_instance()


def held() -> tuple[int, int, int]:
    """Widgets that the kernel keeps, explorers, and numbers in tensors."""
    gc.collect()
    alive = gc.get_objects()
    explorers = sum(issubclass(type(thing), Explorer) for thing in alive)
    return (
        len(_instances),
        explorers,
        sum(thing.numel() for thing in alive if issubclass(type(thing), torch.Tensor)),
    )


@pytest.mark.parametrize("code", [OCCLUSION, FILTERS])
def test_a_cell_that_is_run_again_holds_no_more_than_before(run, code):
    def rerun(times: int):
        for _ in range(times):
            run(code, "a cell")

    rerun(3)
    before = held()
    rerun(5)
    assert held() == before


def test_two_hundred_runs_of_a_cell_hold_no_more_than_a_few(run):
    """Objects of any kind are counted too; IPython and the interpreter may keep a handful for each run, an explorer has thousands."""
    code = FILTERS.replace("FilterExplorer()", "explorer = FilterExplorer()")
    for _ in range(3):
        run(code, "a cell")
    before, objects = held(), len(gc.get_objects())
    for _ in range(200):
        run(code, "a cell")
    assert held() == before
    assert len(gc.get_objects()) - objects < 200 * 10


def test_the_explorer_of_the_last_run_works_and_so_do_those_of_other_cells(run):
    other = run("mine = None\n" + FILTERS, "another cell")
    run(OCCLUSION, "a cell")
    last = run(OCCLUSION, "a cell")
    assert last.widget.comm is not None and other.widget.comm is not None
    last.seed.value += 1
    assert last.error is None


def test_an_explorer_with_a_name_of_its_own_is_kept(run):
    first = run(OCCLUSION, "a cell")
    run("kept = explorer", "another cell")
    run(OCCLUSION, "a cell")
    assert first.widget.comm is not None
    run("del kept", "another cell")
    run(OCCLUSION, "a cell")
    assert first.widget.comm is None


def test_without_the_identity_of_a_cell_nothing_is_closed(run):
    first = run(FILTERS, None)
    run(FILTERS, None)
    assert first.widget.comm is not None


@pytest.mark.parametrize("kind", [OcclusionExplorer, FilterExplorer])
def test_without_a_shell_an_explorer_is_made_as_ever(kind):
    assert kind().error is None


def test_closing_an_explorer_stops_what_its_parts_do_in_the_background():
    async def running() -> tuple[bool, bool]:
        explorer = InversionExplorer()
        explorer.player.run_button.click()
        before = explorer.player.running
        close(explorer)
        return before, explorer.player.running

    assert asyncio.run(running()) == (True, False)
