"""Experiments run cell by cell, go on where they stopped, and are recorded whole."""

import json

import pytest

from cnnlab.experiments import EXPERIMENTS, Experiment, Record, load_record, run
from cnnlab.experiments.records import read, write

CALLS = []


def measured(*, seed, share, scale):
    CALLS.append((seed, share))
    return {"value": share * scale + seed}


@pytest.fixture
def sums(monkeypatch, tmp_path):
    """An experiment of four cells, in a cache of its own."""
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    experiment = Experiment(
        "How large is the sum?",
        measured,
        grid={"seed": (0, 1), "share": (0.0, 0.5)},
        options={"scale": 10},
        quick_grid={"seed": (0,)},
        quick_options={"scale": 2},
    )
    monkeypatch.setitem(EXPERIMENTS, "sums", experiment)
    CALLS.clear()
    return experiment


def test_every_combination_is_one_row(sums):
    record = run("sums", progress=False)
    assert [(row["seed"], row["share"], row["value"]) for row in record.rows] == [
        (0, 0.0, 0.0),
        (0, 0.5, 5.0),
        (1, 0.0, 1.0),
        (1, 0.5, 6.0),
    ]
    assert record.column("value", seed=1) == [1.0, 6.0]
    assert not record.quick and "full run: 4 settings" in record.summary()


def test_the_quick_version_differs_where_it_says_so(sums):
    record = run("sums", quick=True, progress=False)
    assert record.column("value") == [0.0, 1.0]
    assert record.recipe == {"grid": {"seed": [0], "share": [0.0, 0.5]}, "options": {"scale": 2}}


def test_other_settings_take_the_place_of_those_of_the_recipe(sums):
    record = run("sums", settings={"seed": "5, 7", "scale": "2"}, progress=False)
    assert record.recipe == {"grid": {"seed": [5, 7], "share": [0.0, 0.5]}, "options": {"scale": 2}}
    assert record.column("seed") == [5, 5, 7, 7]
    quick = run("sums", quick=True, settings={"seed": "3", "scale": "9"}, progress=False)
    assert quick.recipe == {"grid": {"seed": [3], "share": [0.0, 0.5]}, "options": {"scale": 9}}
    with pytest.raises(ValueError, match="setting 'sed' is not known.*seed"):
        run("sums", settings={"sed": "5"})
    with pytest.raises(ValueError, match="seed is 0 in this experiment, and 'five'"):
        run("sums", settings={"seed": "five"})


def test_an_interrupted_run_goes_on_where_it_stopped(sums, monkeypatch):
    def stop_after_two(rows):
        if len(rows) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("sums", progress=False, on_row=stop_after_two)
    record = run("sums", progress=False)
    assert CALLS == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5)], "no cell is measured twice"
    assert [row["value"] for row in record.rows] == [0.0, 5.0, 1.0, 6.0]
    run("sums", progress=False)
    assert len(CALLS) == 8, "a finished run leaves nothing behind"


def test_a_record_comes_back_from_its_file(sums, tmp_path):
    record = run("sums", progress=False, out=tmp_path / "sums.json")
    again = read(tmp_path / "sums.json")
    assert again == Record(**json.loads(json.dumps(record.__dict__)))
    write(again, tmp_path / "twice.json")
    assert (tmp_path / "twice.json").read_text() == (tmp_path / "sums.json").read_text()


def test_a_record_takes_in_what_it_lacks(sums, tmp_path):
    """An axis has grown: only its new cells are measured, and the rows come in the order of the grid."""
    file = tmp_path / "sums.json"
    run("sums", settings={"seed": "1"}, progress=False, out=file)
    CALLS.clear()
    record = run("sums", progress=False, out=file, add=True)
    assert CALLS == [(0, 0.0), (0, 0.5)]
    assert record.rows == run("sums", progress=False).rows
    assert read(file) == record


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"scale": "3"}, "made with the options"), ({"seed": "0"}, "row for .*'seed': 1.* outside the grid")],
)
def test_a_record_of_something_else_is_not_added_to(sums, tmp_path, settings, message):
    file = tmp_path / "sums.json"
    run("sums", progress=False, out=file)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=message):
        run("sums", settings=settings, progress=False, out=file, add=True)
    assert file.read_bytes() == before
    with pytest.raises(ValueError, match="give its file as `out`"):
        run("sums", progress=False, add=True)


def test_unknown_names_list_the_known_ones(sums):
    with pytest.raises(ValueError, match="sums"):
        run("summs")
    with pytest.raises(ValueError, match="record 'sums' is not known"):
        load_record("sums")
    with pytest.raises(KeyError, match="seed, share, value"):
        run("sums", progress=False).column("values")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_ships_a_full_run_of_its_recipe(name):
    record, experiment = load_record(name), EXPERIMENTS[name]
    assert not record.quick and record.seconds > 0
    assert record.question == experiment.question
    assert record.recipe == json.loads(json.dumps(experiment.recipe()))
    found = [{key: row[key] for key in experiment.grid} for row in record.rows]
    assert found == json.loads(json.dumps(experiment.cells()))
