"""The same grades from a Dask cluster: a real scheduler and real workers on loopback, in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from dataclasses import replace

import distributed
import pytest
from sample_class import POINTS, RIGHT, hand_in, notebook

from cnnlab.grading import cluster as cluster_module
from cnnlab.grading.assignment import load_assignment
from cnnlab.grading.batch import grade_folder
from cnnlab.grading.gradebook import Gradebook
from cnnlab.grading.sandbox.confinement import TIERS


@pytest.mark.filterwarnings("default")
def test_a_cluster_gives_the_same_grades_and_goes_on_where_it_stopped(tiny, tmp_path):
    room, folder = tmp_path / "room", shutil.copytree(tiny.folder, tmp_path / "tiny")
    tiny = load_assignment(folder)
    for number in range(6):
        wrong = RIGHT | {"q1": "def triple(values): return values * 2"}
        hand_in(room / f"s{number}.ipynb", notebook(wrong if number % 2 else None))
    hand_in(room / "broken.ipynb", "{")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Gradebook(tmp_path / "book.sqlite") as book,
    ):
        how = {"cluster": cluster.scheduler_address, "tiers": TIERS, "progress": False}
        batch = grade_folder(tiny, room, book, **how)
        assert (batch.graded, batch.already_graded) == (7, 0)
        points = {result.student: result.points for result in book.results("tiny")}
        assert points == {f"s{n}": POINTS - 3 if n % 2 else POINTS for n in range(6)} | {"broken": 0}
        assert grade_folder(tiny, room, book, **how).graded == 0
        source = folder / "instructor" / "key.py"
        key = source.read_text()
        assert "lambda values: values * 3" in key and book.result("tiny", "s0").points == POINTS
        source.write_text(key.replace("lambda values: values * 3", "lambda values: values * 5"))
        changed = load_assignment(folder)
        grade_folder(changed, room, book, **how)
        assert book.result("tiny", "s0").points == POINTS - 3, "a worker keeps no old key"
        worker = cluster.workers[0].pid
        killed = threading.Timer(1, os.kill, (worker, signal.SIGKILL))
        hand_in(room / "s0.ipynb", notebook(more=["import time\ntime.sleep(3)"]))
        hand_in(room / "s1.ipynb", notebook(more=["import time\ntime.sleep(3)"]))
        killed.start()
        after = grade_folder(changed, room, book, regrade=True, **how)
        killed.join()
        assert (after.graded, after.not_graded) == (7, 0), "what a dead worker had is done by another"
        outdated = replace(changed)
        outdated.__dict__["fingerprint"] = "of another version"
        failed = grade_folder(outdated, room, book, regrade=True, **how)
        assert failed.not_graded == 7 and "another version of tiny" in str(failed)


@pytest.mark.filterwarnings("default")
def test_a_cluster_without_workers_is_told_and_waited_for_no_longer(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.2)
    hand_in(tmp_path / "room" / "anna.ipynb", notebook())
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as cluster,
        Gradebook(tmp_path / "book.sqlite") as book,
    ):
        how = {"cluster": cluster.scheduler_address, "tiers": TIERS, "progress": False}
        batch = grade_folder(tiny, tmp_path / "room", book, **how)
    assert batch.not_graded == 1 and "no worker left" in str(batch)
