"""What a notebook may use works in the sandbox, or says why not; and an error says where it comes from."""

from __future__ import annotations

import pytest
from sample_class import POINTS, RIGHT, notebook

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
