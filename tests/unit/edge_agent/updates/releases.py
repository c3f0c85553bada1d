"""Signed packages, and a small server that hands them out and hangs up as often as it is told."""

import hashlib
import http.server
import random
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import minisign

from wire.package import SETTINGS, About, PackageKind, write_package

OURS = minisign.KeyPair.generate()
FOREIGN = minisign.KeyPair.generate()
KEY = OURS.public_key.to_base64().decode()


@dataclass(frozen=True, kw_only=True)
class Release:
    """A package as the cloud has it."""

    content: bytes
    signature: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def signed(content: bytes, pair: minisign.KeyPair = OURS) -> Release:
    return Release(content=content, signature=bytes(pair.secret_key.sign(content)).decode())


def settings_release(text: str, *, name: str = "winter", pair: minisign.KeyPair = OURS) -> Release:
    about = About(kind=PackageKind.SETTINGS, name=name, version="1")
    return signed(write_package(about, {SETTINGS: text.encode()}), pair)


@dataclass
class PackageServer:
    """Serves releases by hash; the first answers may be given, and each connection may be cut short."""

    releases: dict[str, Release] = field(default_factory=dict[str, Release])
    answers: list[int] = field(default_factory=list[int])  # to give before what is true, for packages
    cuts: list[int] = field(default_factory=list[int])  # bytes after which the next connections end
    knows_ranges: bool = True
    shift: int = 0  # bytes by which each range is another than was asked for
    part_bytes: int = 1_000_000_000  # what one answer to a range brings at most
    heard: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])  # path, range, who
    url: str = ""
    secret: str = "hush"  # noqa: S105 - of these tests

    def add(self, *releases: Release) -> None:
        self.releases |= {release.sha256: release for release in releases}

    @contextmanager
    def running(self) -> Generator["PackageServer"]:
        handler = type("Handler", (_Handler,), {"packages": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    packages: PackageServer

    def do_GET(self) -> None:
        packages, asked = self.packages, self.headers["Range"] or ""
        packages.heard.append((self.path, asked, self.headers["X-Busense-Device"]))
        _, _, rest = self.path.partition("/api/v1/devices/packages/")
        sha256, _, part = rest.partition("/")
        release = packages.releases.get(sha256)
        if part != "signature" and packages.answers:
            self._answer(packages.answers.pop(0), b"")
        elif release is None or self.headers["Authorization"] != f"Bearer {packages.secret}":
            self._answer(404, b"")
        elif part == "signature":
            self._answer(200, release.signature.encode())
        else:
            self._answer_part(release.content, asked)

    def _answer_part(self, content: bytes, asked: str) -> None:
        first = int(asked.removeprefix("bytes=").removesuffix("-") or 0) if self.packages.knows_ranges else 0
        first += self.packages.shift
        if first >= len(content):
            self._answer(416, b"")
        elif asked and self.packages.knows_ranges:
            part = content[first : first + self.packages.part_bytes]
            self._answer(206, part, f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        else:
            self._answer(200, content)

    def _answer(self, status: int, content: bytes, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if content_range is not None:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        is_package = status in {200, 206} and not self.path.endswith("/signature")
        if is_package and self.packages.cuts:
            content = content[: self.packages.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        pass


def random_cuts(seed: int, count: int, longest: int) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(longest) for _ in range(count)]
