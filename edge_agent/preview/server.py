"""The page, over HTTP: for who has the token of this start, and only to read."""

import json
import logging
import secrets
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from edge_agent.errors import ConfigurationError, PictureError
from edge_agent.preview.preview import Preview
from telemetry.server import SILENT_S, BoundedServer, is_loopback
from telemetry.server import parse_address as parse

log = logging.getLogger(__name__)

LOOPBACK: Final = "127.0.0.1:8787"
LONGEST_WAIT_S: Final = 5.0
COOKIE: Final = "busense_preview"
_PAGE: Final = files("edge_agent.preview")
_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_REFUSED: Final = (
    "Open the address that the agent wrote into its log when it started (journalctl -u busense-agent); "
    "it holds a token.\n"
    "请打开代理程序启动时写入日志的网址（journalctl -u busense-agent），其中含有令牌。\n"
)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPv6]:PORT` or `PORT`.

    Raises:
        ConfigurationError: it is none of these.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigurationError(f"--preview {text!r} is no address; write HOST:PORT, as {LOOPBACK}") from error


@contextmanager
def serving(preview: Preview, address: str) -> Generator[str]:
    """Serve the page while the context lasts; gives the address that opens it, with its token.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    host, port = parse_address(address)
    token = secrets.token_urlsafe(16)
    try:
        server = _Server(host, port, preview=preview, token=token)
    except OSError as error:
        raise ConfigurationError(f"--preview {address} cannot be listened on: {error}") from error
    if not is_loopback(host):
        log.warning(
            "preview_open_to_network address=%s: without encryption; end it when the camera is mounted", address
        )
    with server.running("preview"):
        yield f"http://{_shown_host(host)}:{server.server_address[1]}/?token={token}"


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


class _Server(BoundedServer):
    def __init__(self, host: str, port: int, *, preview: Preview, token: str) -> None:
        self.preview = preview
        self.token = token
        super().__init__(host, port, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = SILENT_S
    server_version = "busense"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        try:
            url = urlsplit(self.path)
            query = parse_qs(url.query, max_num_fields=4)
        except ValueError:
            self._answer(HTTPStatus.BAD_REQUEST, b"no address\n")
            return
        offered = query.get("token", [""])[0]
        if url.path == "/" and self._is_token(offered):
            # The token leaves the address bar and the history.
            cookie = f"{COOKIE}={offered}; HttpOnly; SameSite=Strict; Path=/"
            self._answer(HTTPStatus.SEE_OTHER, headers={"Location": "/", "Set-Cookie": cookie})
        elif not self._is_token(self._cookie()):
            self._answer(HTTPStatus.FORBIDDEN, _REFUSED.encode())
        else:
            self._answer_known(url.path, query)

    def _answer_known(self, path: str, query: Mapping[str, list[str]]) -> None:
        preview = self.server.preview
        if path in _FILES:
            name, kind = _FILES[path]
            self._answer(HTTPStatus.OK, _PAGE.joinpath("page", name).read_bytes(), kind=kind)
        elif path == "/frame.jpg":
            self._answer_frame()
        elif path == "/status.json":
            after = int(_number(query, "after", low=0, high=2**53, default=0))
            status = preview.status(after=after, timeout_s=LONGEST_WAIT_S)
            self._answer_json(status)
        elif path == "/aim.json":
            self._answer_json(preview.aim(horizon_share=_number(query, "horizon", low=-1, high=2, default=0.5)))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found\n")

    def _answer_frame(self) -> None:
        try:
            content = self.server.preview.jpeg()
        except PictureError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode())
        else:
            self._answer(HTTPStatus.OK, content, kind="image/jpeg")

    def _answer_json(self, value: object) -> None:
        self._answer(HTTPStatus.OK, json.dumps(value).encode(), kind="application/json")

    def _answer(
        self,
        status: HTTPStatus,
        content: bytes = b"",
        *,
        kind: str = "text/plain; charset=utf-8",
        headers: Mapping[str, str] = {},
    ) -> None:
        self.send_response(status)
        own = {"Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in {**_HEADERS, **own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _cookie(self) -> str:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        return cookies[COOKIE].value if COOKIE in cookies else ""

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.server.token.encode())

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the address of a request may hold the token."""


def _number(query: Mapping[str, list[str]], name: str, *, low: float, high: float, default: float) -> float:
    """A number of the query within its bounds; the default for what is none."""
    try:
        value = float(query.get(name, [""])[0])
    except ValueError:
        return default
    return value if low <= value <= high else default
