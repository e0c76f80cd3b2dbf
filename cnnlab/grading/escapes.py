"""Attempts to escape from the sandbox, each with one line on its goal; every one of them must fail.

The tests grade them as submissions, and `cnnlab doctor --grading` tries them on the reader's machine. Each is the body of a function
that receives all locations (`place`: the answer key, another submission, the gradebook, a listening port, process ids), more than a
student could know, and returns True only if it reached its goal. A successful attempt changes only a target made for it.
"""

from __future__ import annotations

import os
import socket
import tempfile
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlab.grading.limits import Limits
from cnnlab.grading.runner import Runner
from cnnlab.grading.runner_protocol import ProbeRequest, ProbeResult, RunnableCell

LIMITS = Limits(
    seconds=20, cpu=20, memory_bytes=400 * 2**20, processes=24, scratch_bytes=32 * 2**20, file_bytes=2**24
)
PROBED = Limits(seconds=4, cpu=3)
SECRET_TEXT = "the answer is 42"


@dataclass(frozen=True)
class Escape:
    """An escape attempt: its name, its goal, and the body of its function of `place`."""

    name: str
    family: str
    body: str


def _lines(name: str, family: str, *lines: str) -> Escape:
    return Escape(name, family, "\n".join(lines))


def _read(name: str, target: str, how: str = "open(path).read()") -> Escape:
    return _lines(name, "read", f"path = place[{target!r}]", f"return {SECRET_TEXT!r} in str({how})")


def _reach(name: str, *lines: str) -> Escape:
    return _lines(name, "network", "import socket", *lines, "return True")


def _process(name: str, *lines: str) -> Escape:
    return _lines(name, "processes", "import os, ctypes", *lines)


SYSTEM_CALL = ("call, intel = ctypes.CDLL(None).syscall, os.uname().machine == 'x86_64'",)

ESCAPES = (
    _read("read the key", "key"),
    _read("read another submission", "other"),
    _read("read the gradebook", "gradebook", "open(path, 'rb').read()"),
    _read("read what others keep in shared memory", "shared"),
    _read("read by the old way in /proc", "key", "open(f'/proc/{place[\"grader\"]}/root' + path).read()"),
    _read("read through /proc/1", "key", "open('/proc/1/root' + path).read()"),
    _read(
        "read in a program", "key", "__import__('subprocess').run(['cat', path], capture_output=True).stdout"
    ),
    _read("read through a link", "key", "(__import__('os').symlink(path, 'l'), open('l').read())"),
    _read("read through a hard link", "key", "(__import__('os').link(path, 'h'), open('h').read())"),
    _read("read by memory map", "key", "__import__('numpy').memmap(path, dtype='u1', mode='r').tobytes()"),
    _read(
        "read as a module",
        "key",
        "__import__('importlib.machinery').machinery.SourceFileLoader('k', path).get_data(path)",
    ),
    _lines(
        "list the folder of the submissions",
        "read",
        "import os",
        "return len(os.listdir(os.path.dirname(place['other']))) > 0",
    ),
    _lines(
        "look for the key in memory",
        "read",
        "import gc",
        "found = [o for o in gc.get_objects() if isinstance(o, dict) and 'QUESTIONS' in o]",
        "return bool(found) or any(type(o).__name__ in ('Question', 'Mistake', 'Gradebook') for o in gc.get_objects())",
    ),
    _lines(
        "look for the key in the modules",
        "read",
        "import sys",
        "modules = ('scoring', 'exercises', 'public_tests', 'answer_key', 'gradebook')",
        "return any('key_of' in n or n.startswith(tuple(f'cnnlab.grading.{m}' for m in modules)) for n in sys.modules)",
    ),
    _lines(
        "find a secret in the environment",
        "read",
        "import os",
        "foreign = ('SSH', 'AWS', 'GITHUB', 'CNNLAB_SECRET', 'VIRTUAL_ENV', 'OLDPWD')",
        "return any(k.startswith(foreign) or place['gradebook'] in v for k, v in os.environ.items())",
    ),
    _lines(
        "import a technique",
        "read",
        "import sys",
        "sys.meta_path[:] = [f for f in sys.meta_path if 'Closed' not in type(f).__name__]",
        "import cnnlab.attribution",
        "return True",
    ),
    _lines(
        "read the code of a technique",
        "read",
        "import cnnlab",
        "open(cnnlab.__path__[0] + '/attribution/occlusion.py')",
        "return True",
    ),
    _lines(
        "read the references of the exercises",
        "read",
        "import cnnlab",
        "open(cnnlab.__path__[0] + '/grading/exercises/occlusion.py')",
        "return True",
    ),
    _lines(
        "open what was left open",
        "read",
        "import os",
        "def is_open(number):",
        "    try:",
        "        return bool(os.fstat(number))",
        "    except OSError:",
        "        return False",
        "return any(map(is_open, range(5, 400)))",
    ),
    _lines("write into another submission", "change", "open(place['other'], 'a').write('x')", "return True"),
    _lines("write into the gradebook", "change", "open(place['gradebook'], 'r+').write('x')", "return True"),
    _lines("remove the gradebook", "change", "import os", "os.remove(place['gradebook'])", "return True"),
    _lines(
        "make the gradebook unreadable",
        "change",
        "import os",
        "os.chmod(place['gradebook'], 0)",
        "return True",
    ),
    _lines(
        "open the kit to change it", "change", "import cnnlab", "open(cnnlab.__file__, 'r+')", "return True"
    ),
    _lines("open torch to change it", "change", "import torch", "open(torch.__file__, 'r+')", "return True"),
    _lines(
        "leave a file for the next one",
        "change",
        "import os",
        "os.open('/var/tmp', os.O_TMPFILE | os.O_RDWR)",
        "return True",
    ),
    _lines(
        "hold memory that nobody counts",
        "change",
        "import mmap",
        "return len(mmap.mmap(-1, 2**20)) > 0",
    ),
    _reach("connect on loopback", "socket.create_connection(('127.0.0.1', place['port']), 1)"),
    _reach("connect to the world", "socket.create_connection(('192.0.2.1', 80), 1)"),
    _reach(
        "send a datagram",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', place['port']))",
    ),
    _reach("listen", "socket.create_server(('127.0.0.1', 0))"),
    _reach("speak raw", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    _reach("use an abstract socket", "socket.socket(socket.AF_UNIX).bind(chr(0) + 'left')"),
    _reach(
        "ask for a web page",
        "import urllib.request",
        "urllib.request.urlopen(f'http://127.0.0.1:{place[\"port\"]}/', timeout=1)",
    ),
    _process("signal the grader", "os.kill(place['grader'], 0)", "return True"),
    _process("signal the runner", "os.kill(place['runner'], 0)", "return True"),
    _process(
        "read the grader's memory", "open(f'/proc/{place[\"grader\"]}/mem', 'rb').read(1)", "return True"
    ),
    _process(
        "read the runner's environment",
        "return len(open(f'/proc/{place[\"runner\"]}/environ', 'rb').read()) > 0",
    ),
    _process(
        "trace the runner", *SYSTEM_CALL, "return call(101 if intel else 117, 16, place['runner'], 0, 0) >= 0"
    ),
    _process(
        "look for other processes",
        "return any(n in map(str, (place['grader'], place['runner'])) for n in os.listdir('/proc'))",
    ),
    _process(
        "ask for the grader's limits",
        "import resource",
        "return bool(resource.prlimit(place['grader'], resource.RLIMIT_NOFILE))",
    ),
    _process(
        "set the grader's priority",
        "priority = os.getpriority(os.PRIO_PROCESS, place['grader'])",
        "os.setpriority(os.PRIO_PROCESS, place['grader'], priority)",
        "return True",
    ),
    _process(
        "say where the grader may run",
        "os.sched_setaffinity(place['grader'], os.sched_getaffinity(place['grader']))",
        "return True",
    ),
    _process(
        "let the kernel signal the grader",
        "import fcntl",
        "pipe = os.pipe()[0]",
        "fcntl.fcntl(pipe, fcntl.F_SETOWN, place['grader'])",
        "return fcntl.fcntl(pipe, fcntl.F_GETOWN) == place['grader']",
    ),
    _process(
        "queue a real-time signal",
        *SYSTEM_CALL,
        "info = (ctypes.c_int * 32)(0, 0, -1)",
        "return call(129 if intel else 138, place['grader'], 0, info) == 0",
    ),
    _process("become somebody in a new namespace", "return ctypes.CDLL(None).unshare(0x10000000) == 0"),
    _process("mount", "return ctypes.CDLL(None).mount(b'none', b'.', b'tmpfs', 0, None) == 0"),
    _process("use io_uring", *SYSTEM_CALL, "return call(425, 4, ctypes.create_string_buffer(120)) >= 0"),
    _process(
        "load a program into the kernel", *SYSTEM_CALL, "return call(321 if intel else 280, 0, 0, 0) >= 0"
    ),
    _process(
        "change the clock",
        "import time",
        "time.clock_settime(time.CLOCK_REALTIME, time.time())",
        "return True",
    ),
)


def code(escape: Escape, name: str = "attempt") -> str:
    """The cell that makes the attempt; an attempt that raises has failed."""
    return (
        f"def {name}(place):\n    def run():\n{textwrap.indent(escape.body, ' ' * 8)}\n"
        "    try:\n        return bool(run())\n    except (Exception, SystemExit):\n        return False\n"
    )


def try_escapes(runner: Runner, escapes: tuple[Escape, ...] = ESCAPES) -> dict[str, ProbeResult]:
    """Try each escape from one submission, and return the results; an escape that worked has the value True."""
    with _targets() as targets:
        targets["runner"] = runner.processes
        cells = [
            RunnableCell(
                "escapes", None, "\n".join(code(escape, f"attempt_{n}") for n, escape in enumerate(escapes))
            )
        ]
        requests = [
            ProbeRequest(escape.name, f"attempt_{number}", False, [{"place": targets}], PROBED)
            for number, escape in enumerate(escapes)
        ]
        return runner.run(cells, requests, LIMITS).results


def succeeded(result: ProbeResult) -> bool:
    """Whether an escape has reached its goal."""
    return result.values.get(0) is True


@contextmanager
def _targets():
    """The targets of the escapes, in separate files, and a listening port."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (
        tempfile.TemporaryDirectory(prefix="cnnlab-escapes-") as folder,
        tempfile.TemporaryDirectory(prefix="cnnlab-escapes-", dir=memory) as shared,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        targets: dict[str, Any] = {"grader": os.getpid(), "port": server.getsockname()[1]}
        for name in ("key", "other", "gradebook", "shared"):
            path = Path(shared if name == "shared" else folder, name)
            path.write_text(SECRET_TEXT, encoding="utf-8")
            targets[name] = str(path)
        yield targets
