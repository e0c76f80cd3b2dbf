"""An answer of another library, or the kit's own, is noticed by what runs, however it is reached."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_class import POINTS, RIGHT, hand_in, notebook

from cnnlab.grading.scoring import grade_submission
from cnnlab.grading.submissions import read

CALL = "    click.formatting.measure_table([])\n"
REACHED = {  # cells of one's own, and the body of the answer
    "an import in the cell": ([], f"    import click.formatting\n{CALL}"),
    "a helper cell": (["import click.formatting"], CALL),
    "a star import": (["from click.formatting import *"], "    measure_table([])\n"),
    "another name": (["from click.formatting import measure_table as mine"], "    mine([])\n"),
    "__import__": ([], "    __import__('click.formatting').formatting.measure_table([])\n"),
    "importlib": (
        [],
        "    import importlib\n    importlib.import_module('click.formatting').measure_table([])\n",
    ),
    "getattr": (
        ["import click.formatting as s"],
        "    getattr(s, 'measure' + '_table')([])\n",
    ),
    "vars": (["import click.formatting as s"], "    vars(s)['measure' + '_table']([])\n"),
    "sys.modules": (
        ["import sys, click.formatting"],
        "    sys.modules['cli' + 'ck.formatting'].measure_table([])\n",
    ),
    "map": (["import click.formatting as s"], "    list(map(s.measure_table, [[]]))\n"),
    "partial": (
        ["import functools, click.formatting as s\nmine = functools.partial(s.measure_table, [])"],
        "    mine()\n",
    ),
    "a magic": (["%time import click.formatting as s"], "    s.measure_table([])\n"),
    "exec": ([], "    exec('import click.formatting as s; s.measure_table([])')\n"),
    "a thread": (
        ["import threading, click.formatting as s"],
        "    t = threading.Thread(target=s.measure_table, args=([],)); t.start(); t.join()\n",
    ),
    "a module of torch": (
        ["import torch, click.formatting as s"],
        "    m = torch.nn.Identity(); m.forward = s.measure_table; m([])\n",
    ),
    "torch's own helper": (
        ["from torch.utils.checkpoint import checkpoint", "import click.formatting as s"],
        "    checkpoint(s.measure_table, [], use_reentrant=False)\n",
    ),
    "a pickle": (
        ["import pickle"],
        "    pickle.loads(b'cclick.formatting\\nmeasure_table\\n((ltR.')\n",
    ),
    "ctypes": (
        ["import ctypes, click.formatting as s"],
        "    call = ctypes.pythonapi.PyObject_CallOneArg\n    call.restype = ctypes.py_object\n"
        "    call(ctypes.py_object(s.measure_table), ctypes.py_object([]))\n",
    ),
    "a record that was changed": (
        [
            "import click.formatting as s\nfrom cnnlab.grading.sandbox import call_record, worker\n"
            "call_record._is_foreign = lambda package: False\nworker.call_record.recording = None\n"
        ],
        "    s.measure_table([])\n",
    ),
    "a module of one's own": (
        [
            "%%writefile mine.py\nimport click.formatting as s\ndef f(): s.measure_table([])",
            "import mine",
        ],
        "    mine.f()\n",
    ),
}


@pytest.mark.parametrize("name", REACHED)
def test_a_library_is_noticed_however_it_is_reached(grade, name):
    more, body = REACHED[name]
    result = grade(notebook(RIGHT | {"q1": f"def triple(values):\n{body}    return values * 3"}, more=more))
    assert result.points == POINTS, result
    assert [question.status for question in result.questions] == ["needs review", "passed", "passed"]
    assert result.questions[0].review == ("the answer uses another library: click",)


def test_a_result_that_computes_while_it_is_handed_in_is_noticed(grade):
    lazy = (
        "import torch, click.formatting as s\nclass Lazy(torch.Tensor):\n    def detach(self):\n"
        "        s.measure_table([])\n        return super().detach()\n"
    )
    answer = "def triple(values): return torch.from_numpy(values * 3).as_subclass(Lazy)"
    result = grade(notebook(RIGHT | {"q1": answer}, more=[lazy]))
    assert result.questions[0].review == ("the answer uses another library: click",), result.questions[0]


ELSEWHERE = {
    "a fork": "p = os.fork()\n    if not p:\n        s.measure_table([])\n        os._exit(0)\n    os.waitpid(p, 0)",
    "a program": "subprocess.run([sys.executable, '-c', 'import click'])",
    "a shell": "os.system('true')",
    "a pool of processes": "multiprocessing.get_context('fork').Process(target=s.measure_table, args=([],)).start()",
    "a bare thread": "_thread.start_new_thread(s.measure_table, ([],))\n    time.sleep(0.1)",
    "a thread whose profiler was taken away": (
        "threading.setprofile(None)\n    t = threading.Thread(target=s.measure_table, args=([],)); t.start(); t.join()"
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_work_where_the_record_does_not_see_goes_to_a_human(grade, name):
    more = ["import os, sys, time, threading, _thread, subprocess, multiprocessing, click.formatting as s"]
    body = f"def triple(values):\n    {ELSEWHERE[name]}\n    return values * 3"
    result = grade(notebook(RIGHT | {"q1": body}, more=more))
    assert result.points == POINTS, result.questions[0]
    assert any("not recorded" in line for line in result.questions[0].review), result.questions[0]


def test_a_pool_of_threads_is_seen_and_nobody_s_business(grade):
    body = "    from concurrent.futures import ThreadPoolExecutor\n    list(ThreadPoolExecutor(2).map(int, [1]))\n"
    result = grade(notebook(RIGHT | {"q1": f"def triple(values):\n{body}    return values * 3"}))
    assert result.questions[0].status == "passed", result.questions[0]


def test_the_answer_may_be_the_library_s_function_itself(grade):
    content = notebook(RIGHT | {"q1": "import click\ntriple = click.unstyle"})
    result = grade(content)
    assert result.points == 3 and not result.questions[0].review, "no points, nothing to judge"
    more = ["import scipy.special", "answer = int(scipy.special.comb(42, 1))"]
    answers = RIGHT | {"q3": "answer"}
    result = grade(notebook(answers, more=more))
    assert result.questions[2].review == ("the answer uses another library: scipy",), result.questions[2]


@pytest.mark.parametrize(
    "body",
    [
        "    import matplotlib.pyplot as plt\n    plt.plot([1, 2])\n    plt.savefig('x.png')\n",
        "    import torch\n    torch.optim.Adam([torch.ones(2, requires_grad=True)]).step()\n",
        "    import cnnlab as lab\n    lab.networks.load('mini_alexnet')\n",
        "    import cnnlab as lab\n    lab.world.render(3)\n",
        "    import random, json, collections\n    json.dumps(random.random())\n",
    ],
)
def test_what_the_course_uses_inside_is_no_other_library(grade, body):
    result = grade(notebook(RIGHT | {"q1": f"def triple(values):\n{body}    return values * 3"}))
    assert (result.status, result.points) == ("graded", POINTS), result.questions[0]


@pytest.mark.parametrize(
    "more", [["import click.formatting"], ["import click.formatting as s\ns.measure_table([])"]]
)
def test_a_library_that_the_answer_does_not_call_is_nobody_s_business(grade, more):
    assert grade(notebook(more=more)).questions[0].status == "passed"


@pytest.mark.parametrize(
    "call",
    [
        "networks.record_activations",
        "getattr(networks, 'record_' + 'activations')",
        "vars(networks)['record_' + 'activations']",
        "torch.nn.functional.conv_transpose2d",
        "vars(torch)['conv_' + 'transpose2d']",
    ],
)
def test_a_watched_function_of_the_kit_is_noticed_however_it_is_reached(tiny, runner, tmp_path, call):
    forbidden = ("networks.record_activations", "networks.activations")
    body = f"    with {call}(torch.nn.Sequential(torch.nn.ReLU()), '0'): pass\n"
    if "transpose" in call:
        forbidden = ("functional.conv_transpose2d", "nn.ConvTranspose2d")
        body = f"    {call}(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))\n"
    watched = replace(tiny.question("q1"), forbidden_names=forbidden)
    assignment = replace(tiny, questions=(watched, *tiny.questions[1:]))
    answers = RIGHT | {"q1": f"import torch\ndef triple(values):\n{body}    return values * 3"}
    content = notebook(answers, more=["from cnnlab import networks"])
    submission = read(hand_in(tmp_path / "x.ipynb", content))
    result = grade_submission(assignment, "anna", submission, runner=runner, secret=b"x")
    assert result.points == POINTS, result.questions[0]
    assert result.questions[0].review == (f"the answer uses {forbidden[0]}, which is the answer itself",)


@pytest.mark.parametrize(
    "switch",
    [
        "sys.setprofile(None)",
        "sys.getprofile().disable()",
        "old = sys.getprofile(); old.disable(); s.measure_table([]); old.enable()",
        "import cProfile; cProfile.Profile().enable()",
    ],
)
def test_who_switches_the_record_off_is_named(grade, switch):
    body = f"    {switch}\n    s.measure_table([])\n"
    more = ["import sys, click.formatting as s"]
    result = grade(notebook(RIGHT | {"q1": f"def triple(values):\n{body}    return values * 3"}, more=more))
    assert result.points == POINTS, result.questions[0]
    assert "the record of calls was switched off while the answer ran" in result.questions[0].review
