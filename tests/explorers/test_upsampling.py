"""The enlargement explorer without a browser: its steps are the lecture's, and each control changes what it should."""

from __future__ import annotations

import pytest
from explorers.contract import ran

from cnnlab.explorers import UpsamplingExplorer
from cnnlab.explorers.render.upsampling import (
    INPUTS,
    KERNELS,
    TRANSPOSED,
    UNPOOLING,
    step_sentence,
    tables,
    transpose,
    unpool,
)


@pytest.fixture
def explorer():
    return UpsamplingExplorer()


def test_the_unpooling_of_the_lecture_is_told_step_by_step():
    now = unpool(INPUTS[UNPOOLING], 1)
    assert "Step through" in step_sentence(now, 0)
    assert (
        step_sentence(now, 1)
        == "Number 1 of 4: 300 goes to row 0, column 1, where the maximum 150 of its window stood."
    )
    assert step_sentence(now, 2).endswith("There it is added: 300 + 450 = 750.")
    assert now.steps[-1].tolist() == [[0, 750, 0], [100, 0, 250], [0, 0, 0]]
    assert now.overlap_counts.tolist() == [[0, 2, 0], [1, 0, 1], [0, 0, 0]]


def test_the_stamps_of_the_lecture_are_told_step_by_step():
    now = transpose(INPUTS[TRANSPOSED], KERNELS["lecture K"], 1, 0)
    assert now.steps[1].tolist()[:2] == [[120, -120, 0, 0], [240, -240, 0, 0]]
    assert now.steps[2].tolist()[:2] == [[120, 30, -150, 0], [240, 60, -300, 0]]
    assert "150 times the kernel is stamped with its upper left corner at row 0, column 1" in step_sentence(
        now, 2
    )
    assert step_sentence(now, 2).endswith("At row 0, column 1 stamps meet: −120 + (150) = 30.")


def test_uneven_stamps_make_a_checkerboard():
    now = transpose(INPUTS[TRANSPOSED], KERNELS["ones, 3 x 3"], 2, 0)
    assert now.overlap_counts[2].tolist() == [2, 2, 4, 2, 4, 2, 2]
    even = transpose(INPUTS[TRANSPOSED], KERNELS["ones, 2 x 2"], 2, 0)
    assert (even.overlap_counts == 1).all()


def test_tables_mark_the_number_and_what_it_changes():
    now = unpool(INPUTS[UNPOOLING], 1)
    # One number of the input, the maximum that it belongs to, and one place of the output.
    assert tables(now, 2).count("cnnlab-now") == 3
    stamps = transpose(INPUTS[TRANSPOSED], KERNELS["lecture K"], 1, 0)
    assert tables(stamps, 1).count("cnnlab-now") == 1 + 4 + 4
    assert "−240" in tables(stamps, 1) and "stamp" not in tables(stamps, 0)


def test_a_number_is_chosen_and_changed(explorer):
    explorer.input.set_state({"point": [0, 1, 0]})
    assert (explorer.step.value, explorer.number.value) == (3, 100)
    explorer.number.value = -70
    assert explorer.state.steps[-1].tolist() == [[0, 750, 0], [-70, 0, 250], [0, 0, 0]]
    assert INPUTS[UNPOOLING].tolist() == [[300, 450], [100, 250]], "the lecture's numbers stay"


def test_a_place_of_the_output_says_its_number(explorer):
    explorer.output.set_state({"point": [0, 0, 1]})
    assert explorer.output.readout == "row 0, column 1: 750"


def test_what_is_impossible_is_told_in_place(explorer):
    explorer.method.value = TRANSPOSED
    kept = explorer.output.tiles["png"]
    explorer.padding.value = 2
    assert "cuts off all" in str(explorer.error) and explorer.output.tiles["png"] == kept
    explorer.padding.value = 1
    assert explorer.error is None


@pytest.mark.parametrize("way", [UNPOOLING, TRANSPOSED])
def test_its_code_gives_its_numbers(explorer, way):
    explorer.method.value = way
    explorer.step.value, explorer.number.value = 3, 40
    assert ran(explorer)[1].strip() == str(explorer.state.steps[3].tolist())
