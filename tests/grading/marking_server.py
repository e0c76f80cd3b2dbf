"""The server of the marking page in a thread of its own, as tests need it."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from urllib.parse import urlsplit

from cnnlab.grading.marking import Desk
from cnnlab.grading.marking.server import serving

TOKEN = "the-token-of-the-test"


class Served:
    """A desk that is served while the `with` block lasts; `address` opens its page."""

    def __init__(self, desk: Desk):
        self.desk, self.address = desk, ""

    def __enter__(self) -> Served:
        ready, self._loop = threading.Event(), asyncio.new_event_loop()

        def begun(address: str) -> None:
            self.address = address
            ready.set()

        self._task = self._loop.create_task(serving(self.desk, port=0, token=TOKEN, ready=begun))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert ready.wait(30), "the server did not start"
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)

    @property
    def port(self) -> int:
        return urlsplit(self.address).port

    def ask(self, path: str, *, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; `headers` are written with underscores, and None leaves one out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie()}
        if body is not None:
            sent |= {"Content-Type": "application/json", "X-XSRFToken": "2|00000000|616161|1"}
            sent["Cookie"] += f"; cnnlab-mark-xsrf-{self.port}=2|00000000|616161|1"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(
            "GET" if body is None else "POST",
            path,
            body if body is None or isinstance(body, bytes) else json.dumps(body),
            {name: value for name, value in sent.items() if value is not None},
        )
        reply = connection.getresponse()
        found = reply.status, dict(reply.getheaders()), reply.read()
        connection.close()
        return found

    def cookie(self) -> str:
        return f"cnnlab-mark-{self.port}={TOKEN}"
