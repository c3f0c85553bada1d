"""GTFS-realtime out of the API, and in by the bridge as a service."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from cloud.api.routes.gtfs_realtime import BURST
from cloud.bridges.gtfs_rt.feed import MAX_BYTES, Vehicle, read_feed, write_feed
from cloud.bridges.gtfs_rt.poll import Follower, enrol_vehicles, fetch, pause_s, poll
from cloud.bridges.publish import Said, Speaker
from cloud.config import BrokerConfig, BrokerKind, GtfsRtConfig
from cloud.db.pool import connect
from cloud.errors import CloudError, FeedError, UnavailableError
from tests.conftest import RunningBroker
from tests.integration.ingest_process import running_ingesters
from tests.integration.office import headers_of, open_office
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import CITY
from tests.waiting import wait_until

ROUTE = "/gtfs-realtime/vehicle-positions"


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def vehicle(number: int, *, at: datetime) -> Vehicle:
    return Vehicle(id=f"{number}", at=at, lon=120.5, lat=27.5, speed_mps=5.0, heading_deg=90.0)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with open_office(town, tmp_path) as office:
        yield office.api


def test_the_feed_has_the_buses_of_the_last_minutes_and_no_others(api: httpx.Client, town: Town) -> None:
    places = (("bus-1", 0), ("bus-2", 4), ("bus-3", 6), ("bus-4", 0), ("bus-5", 0), ("bus-6", 0))
    for device, minutes in places:
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        town.change("UPDATE devices SET lon = 120.5, lat = 27.5, position_at = %s WHERE device = %s", at, device)
    town.change("UPDATE devices SET is_relay = true WHERE device = 'bus-4'")
    town.change("UPDATE devices SET feed = 'gtfs_rt' WHERE device = 'bus-5'")
    town.change("UPDATE devices SET revoked_at = now() WHERE device = 'bus-6'")
    answer = api.get(ROUTE, headers=headers_of("boss"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    found = read_feed(answer.content, at=datetime.now(UTC))
    assert [bus.id for bus in found.vehicles] == ["bus-1", "bus-2"]


def test_the_feed_is_for_those_who_may_and_not_too_often(api: httpx.Client) -> None:
    assert api.get(ROUTE).status_code == 401
    assert api.get(ROUTE, headers=headers_of("guest")).status_code == 403
    answers = [api.get(ROUTE, headers=headers_of("boss")) for _ in range(int(BURST) + 2)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def settings(url: str, **changes: object) -> GtfsRtConfig:
    broker = BrokerConfig(kind=BrokerKind.MQTT, url="mqtt://127.0.0.1:1")
    return GtfsRtConfig.model_validate({"broker": broker, "url": url} | changes)


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Generator[str]:
    """A feed's server; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/feed"
        server.shutdown()
        thread.join()


def says(content: bytes, *, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


def test_a_feed_is_fetched_with_the_header_that_it_asks_for(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers["X-Api-Key"])
        says(b"feed")(request)

    (tmp_path / "key").write_text("secret\n")
    with serving(answer) as url:
        got = asyncio.run(fetch(settings(url, header="X-Api-Key", header_file=tmp_path / "key")))
    assert (got, asked) == (b"feed", ["secret"])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(says(b"", status=500), UnavailableError, id="broken"),
        pytest.param(says(b"", status=302, Location="http://127.0.0.1:1/"), UnavailableError, id="leads elsewhere"),
        pytest.param(says(b"x", Content_Encoding="gzip"), FeedError, id="packed"),
        pytest.param(says(bytes(MAX_BYTES + 1)), FeedError, id="too large"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # we hang up on what is too large
def test_a_feed_that_is_not_what_it_should_be_is_refused(
    answer: Callable[[BaseHTTPRequestHandler], None], problem: type[CloudError]
) -> None:
    with serving(answer) as url, pytest.raises(problem):
        asyncio.run(fetch(settings(url)))


def test_a_feed_that_is_away_is_said() -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        asyncio.run(fetch(settings("http://127.0.0.1:1/feed")))
    with pytest.raises(UnavailableError, match="none"):
        asyncio.run(fetch(settings("/none")))


def test_a_feed_is_left_alone_for_as_long_as_it_asks() -> None:
    with serving(says(b"", status=429, **{"Retry-After": "900"})) as url, pytest.raises(UnavailableError) as refused:
        asyncio.run(fetch(settings(url)))
    assert pause_s(20, every_s=10, asked_s=refused.value.wait_s) == 900
    assert [pause_s(20, every_s=10, asked_s=asked_s) for asked_s in (0.0, 30.0, 1e9)] == [40, 40, 3600]


class Taken:
    """A broker that takes everything, until it is away."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Said]] = []
        self.is_away = False

    async def publish(self, speaker: Speaker, said: Said) -> None:
        if self.is_away:
            raise UnavailableError("the broker is away")
        self.said.append((speaker.device, said))


def follower(taken: Taken, town: Town, *, vehicles: int = 10) -> Follower:
    def enrol(devices: object) -> frozenset[str]:
        with connect(town.url) as connection:
            return enrol_vehicles(connection, city=CITY, devices=devices, limit=vehicles)  # pyright: ignore[reportArgumentType]

    return Follower(city=CITY, settings=settings("/feed", vehicles=vehicles), enrol=enrol, publish=taken.publish)


def test_only_what_is_new_is_told_and_nothing_is_lost_while_the_broker_is_away(town: Town) -> None:
    taken, at = Taken(), now()
    follows = follower(taken, town)
    first = write_feed([vehicle(1, at=at), vehicle(2, at=at)], at=at)
    second = write_feed([vehicle(1, at=at), vehicle(2, at=at + timedelta(seconds=9))], at=at)
    assert asyncio.run(follows.take(first, at=at)) == 2
    taken.is_away = True
    with pytest.raises(UnavailableError):
        asyncio.run(follows.take(second, at=at))
    taken.is_away = False
    assert [asyncio.run(follows.take(second, at=at)) for _ in range(2)] == [1, 0]
    assert [device for device, _ in taken.said] == ["gtfs-1", "gtfs-2", "gtfs-2"]


def test_vehicles_are_bounded_and_take_nobodys_name(town: Town) -> None:
    taken, at = Taken(), now()
    town.change("INSERT INTO devices (city, device, secret_hash) VALUES (%s, 'gtfs-1', %s)", CITY, bytes(32))
    content = write_feed([vehicle(number, at=at) for number in range(1, 6)], at=at)
    assert asyncio.run(follower(taken, town, vehicles=3).take(content, at=at)) == 2
    assert [device for device, _ in taken.said] == ["gtfs-2", "gtfs-3"], "gtfs-1 is somebody else, and took its place"


def test_a_broken_feed_is_asked_again_until_told_to_stop(town: Town) -> None:
    taken, at = Taken(), now()
    follows = follower(taken, town)
    answers = [b"no feed", write_feed([vehicle(1, at=at)], at=at)]

    async def run() -> None:
        stop = asyncio.Event()

        async def answer() -> bytes:
            if len(answers) == 1:
                stop.set()
            return answers.pop(0)

        await poll(follows, answer, stop=stop)

    follows.settings = follows.settings.model_copy(update={"every_s": 0.001})
    asyncio.run(run())
    assert len(taken.said) == 1


def test_the_service_brings_the_vehicles_of_a_file_to_the_map(
    town: Town, broker: RunningBroker, tmp_path: Path
) -> None:
    file, password = tmp_path / "feed.pb", tmp_path / "cloud.password"
    file.write_bytes(write_feed([vehicle(1024, at=now())], at=now()))
    password.write_text(broker.cloud_password)
    environment = os.environ | {
        "BUSENSE_CITY": CITY,
        "BUSENSE_DATABASE__URL": town.url,
        "BUSENSE_GTFS_RT__URL": str(file),
        "BUSENSE_GTFS_RT__EVERY_S": "1",
        "BUSENSE_GTFS_RT__BROKER__KIND": "mqtt",
        "BUSENSE_GTFS_RT__BROKER__URL": broker.mqtt_url,
        "BUSENSE_GTFS_RT__BROKER__USER": "cloud",
        "BUSENSE_GTFS_RT__BROKER__PASSWORD_FILE": str(password),
        "BUSENSE_GTFS_RT__BROKER__CLIENT_ID": "bridge-gtfs",
    }
    with running_ingesters(tmp_path, database=town.url, broker=broker, kind="jetstream"):
        process = subprocess.Popen([sys.executable, "-m", "busense", "bridge", "gtfs-rt"], env=environment)
        wait_until(lambda: len(town.rows("SELECT FROM devices WHERE device = 'gtfs-1024' AND lon = 120.5")) == 1, 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    (point,) = town.rows("SELECT device, accuracy_m, fix, speed_mps, heading_deg FROM track_points")
    assert tuple(point.values()) == ("gtfs-1024", 15.0, "gnss", 5.0, 90.0)
