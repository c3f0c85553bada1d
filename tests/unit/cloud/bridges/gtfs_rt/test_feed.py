"""Vehicle positions as GTFS-realtime has them."""

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from google.transit.gtfs_realtime_pb2 import FeedMessage
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridges.gtfs_rt import feed as feed_module
from cloud.bridges.gtfs_rt.feed import AHEAD, MAX_BYTES, OLDEST, Vehicle, device_of, read_feed, said_of, write_feed
from cloud.errors import FeedError
from tests.unit.cloud.ingest.messages import GOLDEN
from wire.codec import decode_envelope, encode_envelope
from wire.envelope import Envelope
from wire.topics import SLUG_PATTERN

AT = datetime(2026, 11, 24, 8, 30, 15, tzinfo=UTC)
FEED = GOLDEN.parent / "gtfs_realtime" / "vehicle_positions.pb"
BUSES = (
    Vehicle(id="bus-1", at=AT, lon=120.4258, lat=27.5184, speed_mps=8.5, heading_deg=271.5),
    Vehicle(id="bus-2", at=AT - timedelta(seconds=20), lon=120.43, lat=27.52, speed_mps=None, heading_deg=None),
)


def message(**changes: object) -> FeedMessage:
    """A feed of one vehicle, of which something is changed."""
    feed = FeedMessage()
    feed.ParseFromString(write_feed(BUSES[:1], at=AT))
    entity = feed.entity[0].vehicle
    for path, value in changes.items():
        target: object = entity
        *way, last = path.split("__")
        for name in way:
            target = getattr(target, name)
        setattr(target, last, value)
    return feed


def read(feed: FeedMessage) -> tuple[Vehicle, ...]:
    return read_feed(feed.SerializePartialToString(), at=AT).vehicles


def test_feed_is_byte_for_byte_what_it_was() -> None:
    assert write_feed(BUSES, at=AT) == FEED.read_bytes()


def test_golden_feed_is_read() -> None:
    found = read_feed(FEED.read_bytes(), at=AT)
    assert found.refused == 0
    assert [vehicle.id for vehicle in found.vehicles] == ["bus-1", "bus-2"]
    first, second = found.vehicles
    assert (first.lon, first.lat) == pytest.approx((120.4258, 27.5184), abs=1e-5)  # the format has 24 bits
    assert (first.at, first.speed_mps, first.heading_deg) == (AT, 8.5, 271.5)
    assert (second.at, second.speed_mps, second.heading_deg) == (AT - timedelta(seconds=20), None, None)


VEHICLES = st.builds(
    Vehicle,
    id=st.text(min_size=1, max_size=40).filter(lambda text: text.encode("utf-8", "ignore").decode() == text),
    at=st.integers(int((AT - OLDEST).timestamp()), int((AT + AHEAD).timestamp())).map(
        lambda seconds: datetime.fromtimestamp(seconds, UTC)
    ),
    lon=st.floats(-180, 180, width=32).filter(lambda lon: lon != 0),
    lat=st.floats(-90, 90, width=32),
    speed_mps=st.none() | st.floats(0, 60, width=32),
    heading_deg=st.none() | st.floats(0, 359, width=32),
)


@given(st.lists(VEHICLES, max_size=20, unique_by=lambda vehicle: vehicle.id))
def test_what_is_written_is_read_back(vehicles: list[Vehicle]) -> None:
    assert read_feed(write_feed(vehicles, at=AT), at=AT).vehicles == tuple(vehicles)


@given(st.binary(max_size=2000))
def test_no_bytes_whatever_break_the_reader(content: bytes) -> None:
    try:
        found = read_feed(content, at=AT)
    except FeedError:
        return
    for vehicle in found.vehicles:
        check_that_it_can_be_told(vehicle)


@given(st.integers(0, len(FEED.read_bytes()) - 1), st.integers(0, 255))
def test_a_spoiled_feed_is_refused_or_tells_what_can_be(place: int, byte: int) -> None:
    content = bytearray(FEED.read_bytes())
    content[place] = byte
    try:
        found = read_feed(bytes(content), at=AT)
    except FeedError:
        return
    for vehicle in found.vehicles:
        check_that_it_can_be_told(vehicle)


def test_a_vehicle_whose_name_is_no_text_is_refused() -> None:
    found = read_feed(FEED.read_bytes().replace(b"bus-1", b"bus\xff1"), at=AT)
    assert [vehicle.id for vehicle in found.vehicles] == ["bus-2"]
    assert found.refused == 1


def check_that_it_can_be_told(vehicle: Vehicle) -> None:
    """Our own contract takes it."""
    said = said_of(vehicle)
    device = device_of(vehicle.id, prefix="gtfs-")
    envelope = Envelope(
        id=said.id, source=f"/town/{device}", time=said.at, data=said.message, stream=said.id, sequence=1
    )
    assert decode_envelope(encode_envelope(envelope)).data == said.message


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"position__longitude": 181.0}, id="off the earth"),
        pytest.param({"position__latitude": math.nan}, id="no number"),
        pytest.param({"position__longitude": 0.0, "position__latitude": 0.0}, id="zero and zero"),
        pytest.param({"timestamp": int((AT - OLDEST).timestamp()) - 1}, id="too old"),
        pytest.param({"timestamp": int((AT + AHEAD).timestamp()) + 1}, id="of the future"),
        pytest.param({"timestamp": 2**64 - 1}, id="beyond every calendar"),
    ],
)
def test_what_cannot_be_is_left_out_and_counted(changes: dict[str, float]) -> None:
    found = read_feed(message(**changes).SerializePartialToString(), at=AT)
    assert (found.vehicles, found.refused) == ((), 1)


def test_half_a_place_is_no_place() -> None:
    feed = message()
    feed.entity[0].vehicle.position.ClearField("longitude")
    found = read_feed(feed.SerializePartialToString(), at=AT)
    assert (found.vehicles, found.refused) == ((), 1)


def test_a_feed_without_the_header_that_it_must_have_is_refused() -> None:
    without_version = message()
    without_version.header.ClearField("gtfs_realtime_version")
    for content in (without_version.SerializePartialToString(), b""):
        with pytest.raises(FeedError, match="version"):
            read_feed(content, at=AT)


@pytest.mark.parametrize(
    ("changes", "speed_mps", "heading_deg"),
    [
        ({"position__speed": -1.0}, None, 271.5),
        ({"position__speed": math.inf}, None, 271.5),
        ({"position__bearing": 450.0}, 8.5, 90.0),
        ({"position__bearing": -1e-30}, 8.5, 0.0),
        ({"position__bearing": math.nan}, 8.5, None),
    ],
)
def test_a_place_counts_though_its_speed_or_course_cannot_be(
    changes: dict[str, float], speed_mps: float | None, heading_deg: float | None
) -> None:
    (vehicle,) = read(message(**changes))
    assert (vehicle.speed_mps, vehicle.heading_deg) == (speed_mps, heading_deg)


def test_time_and_name_stand_in_where_the_vehicle_has_none() -> None:
    feed = message()
    feed.entity[0].vehicle.ClearField("timestamp")
    feed.entity[0].vehicle.vehicle.ClearField("id")
    (vehicle,) = read(feed)
    assert (vehicle.id, vehicle.at) == ("bus-1", AT)
    feed.header.ClearField("timestamp")
    assert read(feed) == ()


def test_of_a_vehicle_told_twice_the_newer_place_counts() -> None:
    old = Vehicle(id="bus-1", at=AT - timedelta(seconds=9), lon=1, lat=1, speed_mps=None, heading_deg=None)
    content = write_feed([BUSES[0], old], at=AT)
    assert [vehicle.at for vehicle in read_feed(content, at=AT).vehicles] == [AT]


def test_what_is_no_vehicle_is_passed_over() -> None:
    feed = message()
    feed.entity.add().id = "alert"
    feed.entity[1].alert.url.translation.add().text = "https://example.org"
    gone = feed.entity.add()
    gone.CopyFrom(feed.entity[0])
    gone.is_deleted, gone.id = True, "gone"
    assert [vehicle.id for vehicle in read(feed)] == ["bus-1"]
    assert read_feed(feed.SerializeToString(), at=AT).refused == 0


def test_a_feed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FeedError, match="bytes"):
        read_feed(bytes(MAX_BYTES + 1), at=AT)
    monkeypatch.setattr(feed_module, "MOST_VEHICLES", 1)
    found = read_feed(FEED.read_bytes(), at=AT)
    assert ([vehicle.id for vehicle in found.vehicles], found.refused) == (["bus-1"], 1)


@given(st.text(min_size=1, max_size=200))
def test_every_vehicle_has_a_name_that_a_topic_takes(vehicle_id: str) -> None:
    assert re.fullmatch(SLUG_PATTERN, device_of(vehicle_id, prefix="gtfs-"))


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_two_vehicles_have_two_names(one: str, other: str) -> None:
    assert (device_of(one, prefix="gtfs-") == device_of(other, prefix="gtfs-")) is (one == other)


def test_a_plain_id_stays_as_it_is() -> None:
    assert device_of("1024", prefix="gtfs-") == "gtfs-1024"
    assert device_of("浙C 1024", prefix="gtfs-").startswith("gtfs-c-1024-")


def test_the_same_place_at_the_same_time_has_the_same_id() -> None:
    assert said_of(BUSES[0]) == said_of(BUSES[0])
    assert said_of(BUSES[0]).id != said_of(BUSES[1]).id
