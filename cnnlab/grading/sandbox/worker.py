"""The worker, the student's process: it runs the cells, then answers each question in its own fork, from the state after the cells.

A fork has none of the threads that the cells have left: with them, say a pool, it answers one question itself, and the submission is run
again for the next one.

Nothing that happens here is trusted. Its output is bytes on one pipe, each message a letter and a frame: `c` a cell begins, `e` it
has ended, `r` all cells are run, and whether threads are left, `v` a value, `o` a question is over.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from typing import Any, BinaryIO

import numpy as np
import torch

from cnnlab.grading.sandbox import call_record, cell_runner, confinement, probe_networks, process_tree
from cnnlab.grading.sandbox.wire_format import HEAD, FrameError, TensorSpec, decode, encode, lengths


def become(
    commands: int,
    replies: int,
    output: int,
    sandbox: Any,
    readable: list[str],
    scratch: str,
    job: dict,
    watch: Any,
) -> None:
    """Enter the sandbox and become the worker, which the `watch` of its supervisor counts; never returns."""
    with contextlib.suppress(BaseException):
        dev_null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((dev_null, 0), (output, 1), (output, 2), (commands, 3), (replies, 4)):
            os.dup2(source, target + 100)
        for target in range(5):
            os.dup2(target + 100, target)
        try:
            watch.join()
            os.closerange(5, 4096)
            os.environ |= {
                "HOME": scratch,
                "TMPDIR": scratch,
                "CNNLAB_CACHE": f"{scratch}/cache",
                "PWD": scratch,
            }
            tempfile.tempdir = scratch
            os.setsid()
            confinement.confine(sandbox, job["limits"], scratch, readable)
        except BaseException as error:  # then no student code runs
            send(4, "x", f"{type(error).__name__}: {error}")
            os._exit(1)
        with os.fdopen(3, "rb") as commands_file:
            run(commands_file, 4, job)
    os._exit(0)


def run(commands: BinaryIO, replies: int, job: dict[str, Any]) -> None:
    """Run the cells of `job` except those in its "skip", then answer the questions as they arrive, until the pipe closes."""
    names = cell_runner.namespace()
    sys.path.insert(0, os.getcwd())  # for modules that a cell has written
    for number, cell in enumerate(job["cells"]):
        if number in job["skip"]:
            continue
        send(replies, "c", number)
        error, used = None, []
        record = call_record.recording((), used, directly=True) if job["record"] else contextlib.nullcontext()
        try:
            with record:
                cell_runner.run(cell["source"], f"<cell {cell['name']}>", names)
        except BaseException as raised:  # SystemExit too: the next cell belongs to another question
            error = cell_runner.describe_error(raised)
        _flush()
        send(replies, "e", {"cell": number, "error": error, "used": used})
    send(replies, "r", process_tree.threads() > 1)
    while (request := _next_request(commands)) is not None:
        if request["last"]:  # of this process: its changes affect no other question
            _answer_probe(names, request, replies)
            send(replies, "o", [request["number"], 0])
            continue
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                _answer_probe(names, request, replies)
            _flush()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        send(replies, "o", [request["number"], status])


def send(pipe: int, letter: str, value: Any, max_bytes: int = 2**20) -> None:
    """Write one message."""
    rest = memoryview(letter.encode() + encode(value, max_bytes))
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _next_request(commands: BinaryIO) -> Any:
    start = commands.read(HEAD.size)
    return decode(start + commands.read(sum(lengths(start)))) if len(start) == HEAD.size else None


def _answer_probe(names: dict[str, Any], request: dict[str, Any], replies: int) -> None:
    if request["name"] not in names:
        send(replies, "v", {"question": request["number"], "missing": request["name"]})
        return
    for number, case in enumerate(request["cases"]):
        case_id = {"question": request["number"], "case": number}
        _seed(request["seed"])
        try:
            target = names[request["name"]]
            arguments = {key: probe_networks.materialize(value) for key, value in case.items()}
            used: list[str] = []
            with call_record.recording(request["watched"], used):
                value = target if request["variable"] else target(**arguments)
                value = decode(encode(value, request["answer_bytes"]))  # plain: a tensor may compute here too
            side_effects = [] if request["variable"] else _side_effect_warnings(arguments, case)
            reply = {**case_id, "value": value, "remarks": side_effects, "used": used}
            message = encode(reply, request["answer_bytes"])
        except FrameError as error:
            problem = f"what comes back cannot be handed in: {error}"
            message = encode({**case_id, "error": {"type": "FrameError", "message": problem}})
        except BaseException as error:  # SystemExit too: the next case may work
            message = encode({**case_id, "error": cell_runner.describe_error(error, request["name"])})
        _flush()
        rest = memoryview(b"v" + message)
        while rest:
            rest = rest[os.write(replies, rest) :]


def _side_effect_warnings(after: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Notes on changes that a call made to its arguments. They inform the student and never count, since they could be forged."""
    messages = []
    for name, value in after.items():
        if isinstance(value, torch.nn.Module):
            hooks = sum(
                len(module._forward_hooks) + len(module._backward_hooks) for module in value.modules()
            )
            messages += [f"{hooks} hooks are still on `{name}` after the call"] if hooks else []
            messages += [f"`{name}` is in train mode after the call"] if value.training else []
        original = before[name].array if isinstance(before[name], TensorSpec) else before[name]
        if isinstance(value, torch.Tensor | np.ndarray) and isinstance(original, np.ndarray):
            current = value.detach().numpy() if isinstance(value, torch.Tensor) else value
            if current.shape != original.shape or not np.array_equal(
                current, original, equal_nan=original.dtype.kind in "fc"
            ):
                messages.append(f"`{name}` is another after the call: work on a copy")
    return messages


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # for random numbers in a student's code
    torch.default_generator.manual_seed(
        seed
    )  # `torch.manual_seed` looks at every kind of device, which takes milliseconds


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
