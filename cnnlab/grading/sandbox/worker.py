"""The student's process: it runs the cells, then answers each question in a fork of its own, from the state that the cells left.

Nothing that happens here is trusted. What leaves is bytes on one pipe, each message a letter and a frame: `c` a cell begins, `e` it
has ended, `r` all cells are run, `v` a value, `o` a question is over.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from typing import Any, BinaryIO

import numpy as np
import torch

from cnnlab.grading.running import cells, networks
from cnnlab.grading.running.frames import START, FrameError, Tensor, decode, encode, lengths


def live(commands: BinaryIO, replies: int, job: dict[str, Any]) -> None:
    """Run the cells of `job` but for those in its "skip", then answer the questions that come, until no more come."""
    names = cells.namespace()
    for number, cell in enumerate(job["cells"]):
        if number in job["skip"]:
            continue
        say(replies, "c", number)
        error = None
        try:
            cells.run(cell["source"], f"<cell {cell['name']}>", names)
        except BaseException as raised:  # SystemExit too: the next cell is another question's
            error = cells.in_words(raised)
        _flush()
        say(replies, "e", {"cell": number, "error": error})
    say(replies, "r", None)
    while (asked := _next(commands)) is not None:
        if asked["last"]:  # what it changes touches no other question any more
            _answer(names, asked, replies)
            say(replies, "o", [asked["number"], 0])
            continue
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                _answer(names, asked, replies)
            _flush()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        say(replies, "o", [asked["number"], status])


def say(pipe: int, letter: str, value: Any, most: int = 2**20) -> None:
    """Write one message."""
    rest = memoryview(letter.encode() + encode(value, most))
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _next(commands: BinaryIO) -> Any:
    start = commands.read(START.size)
    return decode(start + commands.read(sum(lengths(start)))) if len(start) == START.size else None


def _answer(names: dict[str, Any], asked: dict[str, Any], replies: int) -> None:
    if asked["name"] not in names:
        say(replies, "v", {"question": asked["number"], "missing": asked["name"]})
        return
    for number, case in enumerate(asked["cases"]):
        about = {"question": asked["number"], "case": number}
        _seed(asked["seed"])
        start = time.perf_counter()
        try:
            found = names[asked["name"]]
            arguments = {key: networks.live(value) for key, value in case.items()}
            value = found if asked["variable"] else found(**arguments)
            seconds = time.perf_counter() - start
            remarks = [] if asked["variable"] else _remarks(arguments, case)
            reply = {**about, "value": value, "seconds": seconds, "remarks": remarks}
            message = encode(reply, asked["answer_bytes"])
        except FrameError as error:
            said = {
                "type": "FrameError",
                "message": f"what comes back cannot be handed in: {error}",
                "traceback": "",
            }
            message = encode({**about, "error": said})
        except BaseException as error:  # SystemExit too: the next case may do
            message = encode({**about, "error": cells.in_words(error)})
        _flush()
        rest = memoryview(b"v" + message)
        while rest:
            rest = rest[os.write(replies, rest) :]


def _remarks(after: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What a call has done to what it was given. It tells the student something, and never counts: it could be forged."""
    said = []
    for name, value in after.items():
        if isinstance(value, torch.nn.Module):
            hooks = sum(
                len(module._forward_hooks) + len(module._backward_hooks) for module in value.modules()
            )
            said += [f"{hooks} hooks are still on `{name}` after the call"] if hooks else []
            said += [f"`{name}` is in train mode after the call"] if value.training else []
        kept = before[name].array if isinstance(before[name], Tensor) else before[name]
        if isinstance(value, torch.Tensor | np.ndarray) and isinstance(kept, np.ndarray):
            now = value.detach().numpy() if isinstance(value, torch.Tensor) else value
            if now.shape != kept.shape or not np.array_equal(now, kept, equal_nan=kept.dtype.kind in "fc"):
                said.append(f"`{name}` is another after the call: work on a copy")
    return said


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # what a student's code may draw from
    torch.manual_seed(seed)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
