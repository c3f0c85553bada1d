import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest

from edge_agent.uplink.answers import Answers
from edge_agent.uplink.cloud import CloudAddress
from edge_agent.uplink.evidence import MAX_REFUSALS, PictureFolder, Uploader
from edge_agent.uplink.outbox import Outbox
from tests.unit.edge_agent.uplink.test_outbox import NOW, detection
from tests.waiting import wait_until
from wire.messages import Kind, Stored

CONTENT = b"a blurred picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Store:
    """Answers with the given codes, the last one for ever."""

    answers: list[int]
    encoding: str = "identity"  # as the answers say
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def next_answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(*answers: int) -> Generator[Store]:
    store = Store(list(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            store.heard.append((self.path, dict(self.headers), content))
            self.send_response(store.next_answer())
            self.send_header("Content-Encoding", store.encoding)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"no")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "pictures")


@pytest.fixture
def outbox(tmp_path: Path, folder: PictureFolder) -> Iterator[Outbox]:
    """An outbox whose one picture belongs to a message that the cloud has."""
    box = Outbox(tmp_path / "outbox.db", source="/testcity/bus-1", max_bytes=10_000_000, now=lambda: NOW)
    folder.keep(CONTENT)
    box.put(detection(SHA256), observed_at=NOW)
    box.apply_receipt(Stored(stream=box.stream_of(Kind.DETECTION), up_to=1, missing=()))
    yield box
    box.close()


@contextmanager
def uploading(
    url: str, outbox: Outbox, folder: PictureFolder, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Generator[Uploader]:
    store = CloudAddress(url=url, city="testcity", device="bus-1", secret="hush")  # noqa: S106
    uploader = Uploader(store, outbox, folder, now=now)
    stop = threading.Event()
    thread = threading.Thread(target=uploader.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield uploader
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def is_done(outbox: Outbox) -> bool:
    return outbox.depth().pictures == 0


class Renewing(threading.Event):
    """Somebody puts a good file of authorities there while it is waited for; the next wait is the last."""

    def __init__(self, ca_file: Path) -> None:
        super().__init__()
        self._ca_file = ca_file
        self._is_renewed = False

    def wait(self, timeout: float | None = None) -> bool:
        if self._is_renewed:
            self.set()
        shutil.copy(certifi.where(), self._ca_file)
        self._is_renewed = True
        return super().wait(0)


class Hours:
    """A clock that goes an hour ahead at each look: no back-off lasts."""

    def __init__(self) -> None:
        self._at = NOW

    def __call__(self) -> datetime:
        self._at += timedelta(hours=1)
        return self._at


@pytest.mark.parametrize("answer", [201, 204])
def test_a_picture_is_put_under_its_hash_and_then_forgotten(outbox: Outbox, folder: PictureFolder, answer: int) -> None:
    with serving(answer) as store, uploading(store.url, outbox, folder) as uploader:
        wait_until(lambda: is_done(outbox))
    ((path, headers, content),) = store.heard
    assert path == f"/api/v1/pictures/{SHA256}"
    assert headers["Authorization"] == "Bearer hush"
    assert headers["X-Busense-Device"] == "testcity/bus-1"
    assert content == CONTENT
    assert folder.read(SHA256) is None
    assert uploader.sent == 1


@pytest.mark.parametrize("refusal", [404, 409, 403, 401, 429, 500, 503])
def test_what_may_heal_is_tried_again(outbox: Outbox, folder: PictureFolder, refusal: int) -> None:
    with serving(refusal, refusal, 201) as store, uploading(store.url, outbox, folder, now=Hours()) as uploader:
        wait_until(lambda: is_done(outbox))
    assert len(store.heard) == 3
    assert uploader.sent == 1


@pytest.mark.parametrize("elsewhere", [302, 308], ids=["a network that wants a sign-in", "http instead of https"])
def test_who_sends_us_elsewhere_is_not_the_store(outbox: Outbox, folder: PictureFolder, elsewhere: int) -> None:
    with serving(elsewhere) as store, uploading(store.url, outbox, folder, now=Hours()) as uploader:
        wait_until(lambda: len(store.heard) > MAX_REFUSALS + 2)
    assert uploader.given_up == 0
    assert folder.read(SHA256) == CONTENT


@pytest.mark.parametrize("refusal", [400, 413, 415, 422])
def test_what_cannot_heal_is_given_up_at_once(outbox: Outbox, folder: PictureFolder, refusal: int) -> None:
    with serving(refusal) as store, uploading(store.url, outbox, folder) as uploader:
        wait_until(lambda: is_done(outbox))
    assert len(store.heard) == 1
    assert uploader.given_up == 1
    assert folder.read(SHA256) is None


def test_an_answer_that_cannot_be_read_does_not_end_the_bus(outbox: Outbox, folder: PictureFolder) -> None:
    with serving(502) as store:
        store.encoding = "gzip"
        with uploading(store.url, outbox, folder):
            wait_until(lambda: store.heard)
            store.encoding, store.answers = "identity", [201]
            wait_until(lambda: is_done(outbox))


def test_a_picture_that_is_refused_for_ever_is_given_up(outbox: Outbox, folder: PictureFolder) -> None:
    with serving(404) as store, uploading(store.url, outbox, folder, now=Hours()) as uploader:
        wait_until(lambda: is_done(outbox))
    assert len(store.heard) == MAX_REFUSALS + 1
    assert uploader.given_up == 1


def test_without_a_network_nothing_is_given_up(
    outbox: Outbox, folder: PictureFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with uploading("http://127.0.0.1:9", outbox, folder, now=Hours()) as uploader:
        wait_until(lambda: caplog.text.count("picture_delayed") > MAX_REFUSALS + 2)
    assert uploader.given_up == 0
    assert folder.read(SHA256) == CONTENT


def test_a_file_of_authorities_that_cannot_be_read_is_waited_for(
    outbox: Outbox, folder: PictureFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("no certificate")
    cloud = CloudAddress(url="http://127.0.0.1:9", city="testcity", device="bus-1", secret="hush", ca_file=ca_file)  # noqa: S106
    Uploader(cloud, outbox, folder, now=lambda: NOW).run(Renewing(ca_file))
    assert f"cloud_unreachable ca_file={ca_file}" in caplog.text
    assert outbox.picture_names() == {SHA256}
    ca_file.write_text("no certificate")
    stopped = Renewing(ca_file)
    stopped.set()
    Answers(cloud, logs=lambda: "").run(stopped)


def test_a_picture_whose_file_is_gone_is_given_up(outbox: Outbox, folder: PictureFolder) -> None:
    folder.remove(SHA256)
    with serving(201) as store, uploading(store.url, outbox, folder) as uploader:
        wait_until(lambda: is_done(outbox))
    assert store.heard == []
    assert uploader.given_up == 1


def test_keeping_the_same_picture_twice_keeps_one(folder: PictureFolder, tmp_path: Path) -> None:
    assert folder.keep(CONTENT) == folder.keep(CONTENT) == SHA256
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == [f"{SHA256}.jpg"]


def test_a_picture_that_the_outbox_has_forgotten_is_sent_all_the_same(
    outbox: Outbox, folder: PictureFolder, tmp_path: Path
) -> None:
    forgotten = folder.keep(b"its message has left, its row was damaged")
    half = tmp_path / "pictures" / "0.jpg.draft"
    half.write_bytes(b"half")
    os.utime(half, (0, 0))
    young = tmp_path / "pictures" / "1.jpg.draft"
    young.write_bytes(b"somebody writes it")
    with serving(201) as store, uploading(store.url, outbox, folder) as uploader:
        wait_until(lambda: uploader.sent == 2 and is_done(outbox))
    assert {path for path, _, _ in store.heard} == {f"/api/v1/pictures/{sha256}" for sha256 in (SHA256, forgotten)}
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == [young.name]


def test_nothing_is_adopted_while_a_damaged_file_is_not_yet_salvaged(
    outbox: Outbox, folder: PictureFolder, tmp_path: Path
) -> None:
    forgotten = folder.keep(b"its message may be in the damaged file")
    aside = tmp_path / "outbox.db.damaged-20261129T000000"
    aside.write_bytes(b"")
    with serving(201) as store, uploading(store.url, outbox, folder) as uploader:
        wait_until(lambda: uploader.sent == 1)
        assert outbox.picture_names() == set()
        outbox.salvage(threading.Event())
        wait_until(lambda: uploader.sent == 2)
    assert store.heard[1][0] == f"/api/v1/pictures/{forgotten}"
