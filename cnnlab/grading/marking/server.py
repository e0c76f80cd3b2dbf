"""The web server of the marking page: on this machine alone, for whoever has its address with the token.

It is Tornado, which Jupyter itself is built on. Other web pages in the same browser reach nothing: the token is asked for, in a cookie that
no other site's request carries; a request under another host name is refused, and so is a change that another origin asks for or that
lacks Tornado's token against forged requests. The page may load nothing but its own files, and has no inline script or style.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from cnnlab.grading.gradebook import GradebookError
from cnnlab.grading.marking.desk import Desk

HOSTS = ("127.0.0.1", "localhost")
MAX_REQUEST = 2**20  # bytes
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FILES = {"page.js": "text/javascript", "page.css": "text/css"}
FOLDER = Path(__file__).parent


def serve(
    desk: Desk, *, port: int = 0, token: str | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve the page for `desk` until interrupted; `ready` is given its address once it is there.

    Parameters
    ----------
    port
        The port on this machine; 0 takes a free one.
    token
        Opens the page; by default a new one.

    Raises
    ------
    OSError
        If the port is taken.
    """
    asyncio.run(serving(desk, port=port, token=token or secrets.token_urlsafe(24), ready=ready))


async def serving(desk: Desk, *, port: int, token: str, ready: Callable[[str], None]) -> None:
    """As `serve`, in the event loop that is running."""
    sockets = bind_sockets(port, HOSTS[0])
    port = sockets[0].getsockname()[1]
    server = HTTPServer(application(desk, token, port), max_buffer_size=MAX_REQUEST)
    server.add_sockets(sockets)
    try:
        ready(f"http://{HOSTS[0]}:{port}/?token={token}")
        await asyncio.Event().wait()
    finally:
        server.stop()
        await server.close_all_connections()


def application(desk: Desk, token: str, port: int) -> Application:
    """The Tornado application; its cookies are named after the port, since browsers do not tell the ports of a machine apart."""
    given = {"desk": desk, "token": token, "cookie": f"cnnlab-mark-{port}"}
    handlers = [
        (r"/", Page, given),
        (r"/(page\.js|page\.css)", File, given),
        (r"/favicon\.ico", NoIcon, given),
        (r"/api/overview", Overview, given),
        (r"/api/answer/([^/]+)/([0-9a-f]+)", Answer, given),
        (r"/api/picture/([^/]+)/([0-9a-f]+)/([0-9]{1,3})", Picture, given),
        (r"/api/news/([0-9]{1,15})", News, given),
        (r"/api/decide", Decide, given),
    ]
    return Application(
        handlers,
        xsrf_cookies=True,
        xsrf_cookie_name=f"cnnlab-mark-xsrf-{port}",
        xsrf_cookie_kwargs={"samesite": "Strict", "path": "/"},
        log_function=lambda handler: None,
        default_handler_class=Missing,
        default_handler_args=given,
    )


class Guarded(RequestHandler):
    """What every request has to pass."""

    def initialize(self, desk: Desk, token: str, cookie: str) -> None:
        self.desk, self.token, self.cookie = desk, token, cookie

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        if urlsplit(f"//{self.request.host}").hostname not in HOSTS:
            raise HTTPError(403, "this page is served for this machine alone.")
        origin = self.request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403, "another web page has asked for this.")
        if not self.knows(self.get_cookie(self.cookie, "")):
            raise HTTPError(403, "open the address that `cnnlab mark` printed, with its token.")

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def write_json(self, value: object) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(value, ensure_ascii=True))

    def write_error(self, status_code: int, **how: object) -> None:
        error = (how.get("exc_info") or (None, None))[1]
        said = "an error in cnnlab; the terminal has more."
        if isinstance(error, HTTPError):
            said = (error.log_message or "") % error.args
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(said)

    def log_exception(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, HTTPError):
            super().log_exception(kind, error, trace)

    def asked(self, work: Callable[[], object]) -> object:
        """What `work` gives; what is wrong with the request is said to the page."""
        try:
            return work()
        except (ValueError, TypeError) as error:
            raise HTTPError(400, "%s", error) from None
        except KeyError as error:
            raise HTTPError(404, "%s", error.args[0]) from None
        except GradebookError as error:
            raise HTTPError(503, "%s", error) from None


class Missing(Guarded):
    """Any other address."""

    def prepare(self) -> None:
        super().prepare()
        raise HTTPError(404, "there is nothing here.")


class Page(Guarded):
    """The page; with the token in its address it sets the cookie, and takes the token out of the address."""

    def prepare(self) -> None:
        token = self.get_query_argument("token", "")
        if token and self.knows(token):
            self.set_cookie(self.cookie, token, httponly=True, samesite="Strict", path="/")
            self.redirect("/")
            return
        super().prepare()

    def get(self) -> None:
        self.xsrf_token  # noqa: B018  # sets its cookie
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write((FOLDER / "page.html").read_bytes())


class File(Guarded):
    """Script and style of the page."""

    def get(self, name: str) -> None:
        self.set_header("Content-Type", f"{FILES[name]}; charset=utf-8")
        self.write((FOLDER / name).read_bytes())


class NoIcon(Guarded):
    """The icon that browsers ask for, and that there is not."""

    def get(self) -> None:
        self.set_status(204)


class Overview(Guarded):
    """All questions, and the state of each answer."""

    def get(self) -> None:
        self.write_json(self.asked(self.desk.overview))


class Answer(Guarded):
    """One answer."""

    def get(self, question: str, key: str) -> None:
        self.write_json(self.asked(lambda: self.desk.answer(question, key)))


class Picture(Guarded):
    """One picture."""

    def get(self, question: str, key: str, number: str) -> None:
        picture = self.asked(lambda: self.desk.picture(question, key, int(number)))
        self.set_header("Content-Type", "image/png")
        self.write(picture)


class News(Guarded):
    """What was decided since."""

    def get(self, after: str) -> None:
        self.write_json(self.asked(lambda: self.desk.news(int(after))))


class Decide(Guarded):
    """A decision of the marker's."""

    def post(self) -> None:
        if self.request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise HTTPError(415, "a decision comes as JSON.")

        def decide() -> object:
            request = json.loads(self.request.body)
            if not isinstance(request, dict):
                raise ValueError("a decision is a JSON object.")
            return self.desk.decide(request)

        self.write_json(self.asked(decide))
