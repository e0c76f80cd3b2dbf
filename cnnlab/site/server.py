"""A local server for the built site: only this machine can reach it."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def serve(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server for the pages in `folder` at `port` of 127.0.0.1, or at a free one for 0; `serve_forever()` answers.

    Raises
    ------
    FileNotFoundError
        If there is no site in the folder.
    """
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"there is no site in {folder}; `cnnlab site` builds one.")
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line for each request."""
