"""Small HTTP servers inside a process, and the one that tells metrics and health: `/metrics`, `/health/…`."""

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from ipaddress import ip_address
from typing import Annotated, Any, Final

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from pydantic import AfterValidator
from typing_extensions import override

log = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 16
SILENT_S: Final = 10.0  # a connection that says nothing for so long is closed
_MAX_PORT: Final = 65_535

Missing = Callable[[], Mapping[str, str]]
"""What a process lacks to do its work now: a name, and what is wrong in plain words."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[IPv6]:PORT` or `PORT` (of the loopback address).

    Raises:
        ValueError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() else -1
    if not 0 <= number <= _MAX_PORT:
        raise ValueError(f"{text!r} is no address such as 127.0.0.1:9181")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", number


def _checked(text: str) -> str:
    parse_address(text)
    return text


Address = Annotated[str, AfterValidator(_checked)]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class BoundedServer(ThreadingHTTPServer):
    """Bounded in connections: who asks too often costs himself, not the process."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), handler)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    @override
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who went away is no news, a bug is."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("request_failed client=%s", client_address, exc_info=error)

    @contextmanager
    def running(self, name: str) -> Generator[None]:
        """Answer in a thread of its own while the context lasts."""
        thread = threading.Thread(target=self.serve_forever, args=(0.1,), name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class Needs:
    """What a process lacks, told by its loops and asked by other threads."""

    def __init__(self, **missing: str) -> None:
        """Begin with what is not there yet."""
        self._missing = missing
        self._lock = threading.Lock()

    def lack(self, name: str, words: str) -> None:
        """Say in plain words what is missing."""
        with self._lock:
            self._missing[name] = words

    def have(self, name: str) -> None:
        """It is there now."""
        with self._lock:
            self._missing.pop(name, None)

    def missing(self) -> dict[str, str]:
        """All that is missing now."""
        with self._lock:
            return dict(self._missing)


@contextmanager
def telling(address: str | None, *, process: str, missing: Missing) -> Generator[str | None]:
    """Tell metrics and health while the context lasts; without an address nobody is told.

    An address that cannot be listened on is said in the log: a process that cannot be watched still does its work.

    Yields:
        The URL, or none.
    """
    server = None if address is None else _open(address, process=process, missing=missing)
    if server is None:
        yield None
        return
    host, port = server.server_address[:2]
    url = f"http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}"
    log.info("telemetry_open url=%s", url)
    with server.running("telemetry"):
        yield url


def _open(address: str, *, process: str, missing: Missing) -> "_TelemetryServer | None":
    try:
        return _TelemetryServer(*parse_address(address), process=process, missing=missing)
    except OSError as error:
        log.error("telemetry_closed address=%s error=%s", address, error)  # noqa: TRY400 - no trace needed
        return None


class _TelemetryServer(BoundedServer):
    def __init__(self, host: str, port: int, *, process: str, missing: Missing) -> None:
        self.process = process
        self.missing = missing
        super().__init__(host, port, _TelemetryHandler)


class _TelemetryHandler(BaseHTTPRequestHandler):
    server: _TelemetryServer  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = SILENT_S
    server_version = "busense"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, encode(REGISTRY), kind=kind)
            case "/health/live":
                self._answer_json(HTTPStatus.OK, {"status": "alive"})
            case "/health/ready":
                missing = dict(self.server.missing())
                status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
                self._answer_json(status, {"status": "not ready" if missing else "ready", "missing": missing})
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"/metrics, /health/live or /health/ready\n", kind="text/plain")

    def _answer_json(self, status: HTTPStatus, said: Mapping[str, object]) -> None:
        who = {"process": self.server.process, "version": version("busense")}
        content = json.dumps({**said, **who}, ensure_ascii=False).encode()
        self._answer(status, content, kind="application/json")

    def _answer(self, status: HTTPStatus, content: bytes, *, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: somebody asks each few seconds."""
