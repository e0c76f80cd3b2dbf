"""Attempts to get out of the runner, each with one line of what it is after; every one of them must fail.

The tests grade them as submissions, and `cnnlab doctor --grading` tries them on the reader's machine. Each is the body of a function that is
told where everything lies (`place`: the key, another submission, the gradebook, a listening port, process ids), more than a student could know,
and that returns True only if it has got what it was after.
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
from cnnlab.grading.runner import Answer, Asked, Cell, Runner

LIMITS = Limits(
    seconds=20, cpu=20, memory_bytes=400 * 2**20, processes=24, scratch_bytes=32 * 2**20, file_bytes=2**24
)
ASKED = Limits(seconds=4, cpu=3)
PRIZE = "the answer is 42"


@dataclass(frozen=True)
class Escape:
    """Its name, what it is after, and the body of `attempt(place)`."""

    name: str
    family: str
    body: str


def _read(name: str, target: str, how: str = "open(path).read()") -> Escape:
    return Escape(name, "read", f"path = place[{target!r}]\nreturn {PRIZE!r} in str({how})")


def _write(name: str, body: str) -> Escape:
    return Escape(name, "change", body)


def _reach(name: str, body: str) -> Escape:
    return Escape(name, "network", f"import socket\n{body}\nreturn True")


def _process(name: str, body: str) -> Escape:
    return Escape(name, "processes", f"import os, signal, ctypes\n{body}")


SYSTEM_CALL = "libc = ctypes.CDLL(None, use_errno=True)\nreturn libc.syscall({}) >= 0"

ESCAPES = (
    _read("read the key", "key"),
    _read("read another submission", "other"),
    _read("read the gradebook", "gradebook", "open(path, 'rb').read()"),
    _read("read by the old way in /proc", "key", "open(f'/proc/{place[\"grader\"]}/root' + path).read()"),
    _read("read through /proc/1", "key", "open('/proc/1/root' + path).read()"),
    _read("read in a program", "key", "__import__('subprocess').run(['cat', path], capture_output=True).stdout"),
    _read("read through a link", "key", "(__import__('os').symlink(path, 'l'), open('l').read())"),
    _read("read through a hard link", "key", "(__import__('os').link(path, 'h'), open('h').read())"),
    _read("read by memory map", "key", "__import__('numpy').memmap(path, dtype='u1', mode='r').tobytes()"),
    _read("load as weights", "key", "__import__('torch').load(path, weights_only=False)"),
    _read("import the key", "key", "__import__('importlib.machinery').machinery.SourceFileLoader('k', path).get_source('k')"),
    Escape("list the folder of the submissions", "read", "import os\nreturn len(os.listdir(os.path.dirname(place['other']))) > 0"),
    Escape("look for the key in memory", "read", f"import gc\nreturn any(isinstance(o, str) and o.startswith('the answer ' + 'is 4') for o in gc.get_objects()) or {PRIZE!r}[:0] != ''"),
    Escape("look for the key in the modules", "read", "import sys\nreturn any('key_of' in n or n in ('cnnlab.grading.scoring', 'cnnlab.grading.exercises', 'cnnlab.grading.public') for n in sys.modules)"),
    Escape("find the secret in the environment", "read", "import os\nreturn any(k.startswith(('CNNLAB_SECRET', 'SSH', 'AWS', 'GITHUB')) or place['gradebook'] in v for k, v in os.environ.items())"),
    Escape("import a technique", "read", "import sys\nsys.meta_path[:] = [f for f in sys.meta_path if 'Closed' not in type(f).__name__]\nimport cnnlab.attribution\nreturn True"),
    Escape("read the code of a technique", "read", "import cnnlab\nreturn 'def ' in open(cnnlab.__path__[0] + '/attribution/occlusion.py').read()"),
    Escape("read the references of the exercises", "read", "import cnnlab\nreturn 'def ' in open(cnnlab.__path__[0] + '/grading/exercises/occlusion.py').read()"),
    Escape("open what was left open", "read", "import os\nfor n in range(5, 400):\n    try:\n        os.fstat(n)\n        return True\n    except OSError:\n        pass\nreturn False"),
    _write("write into another submission", "open(place['other'], 'a').write('x')\nreturn True"),
    _write("write into the gradebook", "import sqlite3\nsqlite3.connect(place['gradebook']).execute('create table mine (a)')\nreturn True"),
    _write("remove the gradebook", "import os\nos.remove(place['gradebook'])\nreturn True"),
    _write("make the gradebook unreadable", "import os\nos.chmod(place['gradebook'], 0)\nreturn True"),
    _write("change the kit", "import cnnlab\nopen(cnnlab.__file__, 'a').write('#')\nreturn True"),
    _write("change torch", "import torch\nopen(torch.__file__, 'a').write('#')\nreturn True"),
    _write("leave a file for the next one", "open('/tmp/left-by-a-submission', 'w').write('x')\nreturn True"),
    _write("leave something in shared memory", "from multiprocessing import shared_memory\nshared_memory.SharedMemory('left', create=True, size=9)\nreturn True"),
    _reach("connect on loopback", "socket.create_connection(('127.0.0.1', place['port']), 1)"),
    _reach("connect to the world", "socket.create_connection(('192.0.2.1', 80), 1)"),
    _reach("send a datagram", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', place['port']))"),
    _reach("listen", "socket.create_server(('127.0.0.1', 0))"),
    _reach("speak raw", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    _reach("use an abstract socket", "s = socket.socket(socket.AF_UNIX)\ns.bind(chr(0) + 'left')"),
    _reach("ask for a web page", "import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{place[\"port\"]}/', timeout=1)"),
    _process("signal the grader", "os.kill(place['grader'], 0)\nreturn True"),
    _process("signal the runner", "os.kill(place['runner'], signal.SIGTERM)\nreturn True"),
    _process("read the grader's memory", "open(f'/proc/{place[\"grader\"]}/mem', 'rb').read(1)\nreturn True"),
    _process("read the runner's environment", "return len(open(f'/proc/{place[\"runner\"]}/environ', 'rb').read()) > 0"),
    _process("trace the runner", SYSTEM_CALL.format("101 if os.uname().machine == 'x86_64' else 117, 16, place['runner'], 0, 0")),
    _process("look for other processes", "return any(n.isdigit() and int(n) in (place['grader'], place['runner']) for n in os.listdir('/proc'))"),
    _process("become somebody in a new namespace", "return ctypes.CDLL(None).unshare(0x10000000) == 0"),
    _process("mount", "return ctypes.CDLL(None).mount(b'none', b'.', b'tmpfs', 0, None) == 0"),
    _process("use io_uring", SYSTEM_CALL.format("425, 4, ctypes.create_string_buffer(120)")),
    _process("load a program into the kernel", SYSTEM_CALL.format("321 if os.uname().machine == 'x86_64' else 280, 0, 0, 0")),
    _process("change the clock", "import time\ntime.clock_settime(time.CLOCK_REALTIME, time.time())\nreturn True"),
)  # fmt: skip


def code(escape: Escape, name: str = "attempt") -> str:
    """The cell that makes the attempt; what the attempt raises, it has not got."""
    return (
        f"def {name}(place):\n    def run():\n{textwrap.indent(escape.body, ' ' * 8)}\n"
        "    try:\n        return bool(run())\n    except (Exception, SystemExit):\n        return False\n"
    )


def try_escapes(runner: Runner, escapes: tuple[Escape, ...] = ESCAPES) -> dict[str, Answer]:
    """Try each escape from one submission, and give what came out; an escape that worked has the value True."""
    with _prizes() as place:
        place["runner"] = runner.processes
        cells = [Cell("escapes", None, "\n".join(code(one, f"attempt_{n}") for n, one in enumerate(escapes)))]
        asked = [
            Asked(one.name, f"attempt_{number}", False, [{"place": place}], ASKED)
            for number, one in enumerate(escapes)
        ]
        return runner.run(cells, asked, LIMITS).answers


def worked(answer: Answer) -> bool:
    """Whether an escape has got what it was after."""
    return answer.values.get(0) is True


@contextmanager
def _prizes():
    """What the escapes are after, in files of their own, and a port that listens."""
    with (
        tempfile.TemporaryDirectory(prefix="cnnlab-escapes-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        place: dict[str, Any] = {"grader": os.getpid(), "port": server.getsockname()[1]}
        for name in ("key", "other", "gradebook"):
            path = Path(folder, name)
            path.write_text(PRIZE, encoding="utf-8")
            place[name] = str(path)
        yield place
