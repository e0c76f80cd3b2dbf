"""What a notebook may use works in the sandbox, or says why not; and an error says where it comes from."""

from __future__ import annotations

import pytest
from sample_class import POINTS, RIGHT, notebook

from cnnlab.grading.limits import Limits
from cnnlab.grading.runner_protocol import ProbeRequest, RunnableCell
from cnnlab.grading.sandbox import cell_runner

WORKS = {  # a cell that defines `three`
    "a loader with workers": (
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "rows = TensorDataset(torch.arange(6.0))\n"
        "loader = DataLoader(rows, 2, num_workers=2, prefetch_factor=2, persistent_workers=True)\n"
        "three = len([batch for epoch in range(1) for batch, in loader])"
    ),
    "a pool of processes": (
        "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n    three = sum(pool.map(abs, [-1, -2]))"
    ),
    "a shared number": "import multiprocessing\nshared = multiprocessing.Value('i', 3)\nthree = shared.value",
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(3) as pool: three = sum(pool.map(abs, [-1, -2]))"
    ),
    "more threads for torch": "import torch\ntorch.set_num_threads(2)\nthree = int((torch.ones(2000, 2000) @ torch.ones(2000))[0]) // 666",
    "await outside of functions": "import asyncio\nthree = await asyncio.sleep(0, 3)",
    "a program": "import subprocess\nthree = int(subprocess.run(['echo', '3'], capture_output=True).stdout)",
    "a temporary file": (
        "import tempfile\nwith tempfile.NamedTemporaryFile('w+') as file:\n"
        "    file.write('3'); file.seek(0); three = int(file.read())"
    ),
    "the shell's variables": "get_ipython().user_ns['three'] = 3",
    "a magic for lines": "%time three = 3",
}


@pytest.mark.parametrize("name", WORKS)
def test_what_a_notebook_may_use_works(grade, walled, name):
    result = grade(
        notebook(RIGHT | {"q1": "def triple(values): return values * three"}, more=[WORKS[name]]),
        behind=walled,
    )
    assert result.points == POINTS, result.questions[0]


LEFT_OPEN = {  # a cell that leaves threads or processes, and the call of a question that needs them
    "an executor": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nlist(pool.map(abs, [1, 2]))",
        "list(pool.map(abs, [-3]))[0]",
    ),
    "a pool of threads": (
        "from multiprocessing.pool import ThreadPool\npool = ThreadPool(2)\npool.map(abs, [1, 2])",
        "pool.map(abs, [-3])[0]",
    ),
    "a pool of processes": (
        "import multiprocessing\npool = multiprocessing.Pool(2)\npool.map(abs, [1, 2])",
        "pool.map(abs, [-3])[0]",
    ),
    "a thread with a queue": (
        "import queue, threading\nasked, told = queue.Queue(), queue.Queue()\n"
        "def serve():\n    while True: told.put(abs(asked.get()))\n"
        "threading.Thread(target=serve, daemon=True).start()",
        "(asked.put(-3), told.get())[1]",
    ),
    "the default executor of a loop": (
        "import asyncio\nloop = asyncio.new_event_loop()\nloop.run_until_complete(loop.run_in_executor(None, abs, 1))",
        "loop.run_until_complete(loop.run_in_executor(None, abs, -3))",
    ),
    "threads of torch": (
        "import torch\ntorch.set_num_threads(2)\nones = torch.ones(2000, 2000)\nones @ ones",
        "int((ones @ ones)[0, 0]) // 666",
    ),
}


@pytest.mark.parametrize("name", LEFT_OPEN)
def test_threads_that_a_cell_has_left_are_there_in_every_question(grade, walled, name):
    cell, call = LEFT_OPEN[name]
    answers = {
        "q1": f"def triple(values): return values * ({call})",
        "q2": f"def row_sums(values): return values.sum(1) * (({call}) // 3)",
    }
    result = grade(notebook(RIGHT | answers, more=[cell]), behind=walled, limits=Limits(seconds=30, cpu=30))
    assert result.points == POINTS, result.questions


def test_a_progress_bar_leaves_no_thread(walled):
    """Or each notebook with one would be run again for each question."""
    bar = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass\ndef three(): return 3"
    questions = [ProbeRequest(name, "three", False, [{}], Limits()) for name in ("a", "b", "c")]
    found = walled.run([RunnableCell("bar", None, bar)], questions, Limits())
    assert [result.values for result in found.results.values()] == [{0: 3}] * 3
    assert found.starts == 1


@pytest.mark.parametrize(
    ("source", "asked", "said"),
    [
        ("def f(): raise NotImplementedError", "f", ""),
        ("def f(): raise NotImplementedError('no such layout')", "f", "no such layout"),
        ("def f(): return g()\ndef g(): raise NotImplementedError", "f", "from `g`, which `f` calls"),
        ("import numbers\nf = lambda: numbers.Complex.__add__(1, 2)", "f", "from `__add__` of numbers"),
        ("import torch\ndef f(): return torch.nn.Module()(1)", "f", "missing the required"),
    ],
)
def test_not_implemented_says_where_it_comes_from(source, asked, said):
    """Only the stub itself says nothing: then the question is not attempted."""
    names = cell_runner.namespace()
    cell_runner.run(source, "<cell 1>", names)
    with pytest.raises(NotImplementedError) as raised:
        names["f"]()
    message = cell_runner.describe_error(raised.value, asked)["message"]
    assert said in message if said else not message


def test_a_cell_that_calls_what_a_library_leaves_open_is_no_stub():
    with pytest.raises(NotImplementedError) as raised:
        cell_runner.run("import numbers\nnumbers.Complex.__add__(1, 2)", "<cell 1>", cell_runner.namespace())
    assert cell_runner.describe_error(raised.value)["message"] == "from `__add__` of numbers"
