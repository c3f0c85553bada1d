from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.ego import EgoState
from edge_agent.readings import AdvertisementReading, FixQuality, GnssReading, Reading
from edge_agent.scenarios.safe_travel.frames import id_of
from edge_agent.scenarios.safe_travel.scenario import MAX_TAGS, STRETCH_M, Batch, SafeTravel
from wire.tags import beacon_id

AT = datetime(2026, 3, 2, tzinfo=UTC)
LAT = 27.52
METRES_PER_DEGREE = 98_900.0  # of longitude, there, and a little more


def tag(number: int) -> bytes:
    return bytes([0x30, 0xF0]) + number.to_bytes(8, "big") + bytes(2)


def heard(at_s: float, *, number: int = 1, rssi_dbm: int = -70) -> AdvertisementReading:
    return AdvertisementReading(at=AT + timedelta(seconds=at_s), rssi_dbm=rssi_dbm, service_data={0xFEAA: tag(number)})


def ego(at_s: float, *, speed_mps: float = 10.0, accuracy_m: float = 4.0) -> EgoState:
    lon = 120.4 + at_s * speed_mps / METRES_PER_DEGREE
    at = AT + timedelta(seconds=at_s)
    return EgoState(at=at, lon=lon, lat=LAT, speed_mps=speed_mps, heading_deg=90.0, accuracy_m=accuracy_m)


def fix(at_s: float) -> GnssReading:
    at = AT + timedelta(seconds=at_s)
    return GnssReading(at=at, lon=120.4, lat=LAT, speed_mps=0.0, heading_deg=None, accuracy_m=4.0, fix=FixQuality.GNSS)


def drive(readings: Iterable[tuple[float, Reading]], *, speed_mps: float = 10.0) -> list[Batch]:
    scenario = SafeTravel()
    said = [batch for at_s, reading in readings for batch in scenario.take(reading, ego(at_s, speed_mps=speed_mps))]
    return [*said, *scenario.end()]


def test_a_tag_is_told_once_for_each_stretch_of_the_way() -> None:
    said = drive((s, heard(s, rssi_dbm=-60 - s)) for s in range(20))
    assert all(batch.message.accuracy_m <= STRETCH_M for batch in said)
    assert sum(tag.heard for batch in said for tag in batch.message.tags) == 20
    first = said[0].message.tags[0]
    assert (first.heard, first.rssi_median_dbm, first.rssi_max_dbm) == (7, -63, -60)
    assert first.first_at == AT
    assert first.last_at == AT + timedelta(seconds=6) == said[0].observed_at


def test_the_place_is_the_middle_and_the_ends_lie_within_the_accuracy() -> None:
    said = drive((s, heard(s)) for s in range(7))
    assert len(said) == 1
    assert said[0].message.lon == pytest.approx((ego(0).lon + ego(6).lon) / 2)
    assert said[0].message.accuracy_m == pytest.approx(30 + 4 * 2**0.5, abs=0.5)


def test_the_middle_of_a_stretch_over_the_180th_meridian_lies_on_it() -> None:
    scenario = SafeTravel()
    for second, lon in enumerate((179.9999, -179.9999)):
        assert scenario.take(heard(second), replace(ego(second), lon=lon)) == []
    (batch,) = scenario.end()
    assert abs(batch.message.lon) == pytest.approx(180.0)


def test_a_bus_that_stands_tells_twice_a_minute() -> None:
    said = drive(((s, heard(s)) for s in range(0, 120, 5)), speed_mps=0.0)
    assert len(said) == 4


def test_the_end_of_a_stretch_is_noticed_without_another_tag() -> None:
    scenario = SafeTravel()
    scenario.take(heard(0), ego(0))
    assert scenario.take(fix(3), ego(3)) == []
    assert len(scenario.take(fix(7), ego(7))) == 1


def test_without_a_tag_nothing_is_told() -> None:
    other = AdvertisementReading(at=AT, rssi_dbm=-70)
    assert drive((s, other if s % 2 else fix(s)) for s in range(20)) == []


def test_while_the_place_is_not_known_the_last_one_is_told_as_unsure() -> None:
    scenario = SafeTravel()
    scenario.take(fix(0), ego(0))
    scenario.take(heard(10), None)
    (batch,) = scenario.end()
    assert batch.message.accuracy_m == pytest.approx(250 + 4 * 2**0.5, abs=1)


def test_a_bus_that_has_never_known_where_it_is_tells_nothing() -> None:
    scenario = SafeTravel()
    scenario.take(heard(0), None)
    assert scenario.end() == []


def test_a_bus_that_has_not_moved_yet_knows_where_it_is() -> None:
    scenario = SafeTravel()
    for reading in (fix(0), heard(1), fix(2)):
        assert scenario.take(reading, None) == []
    (batch,) = scenario.end()
    assert (batch.message.lon, batch.message.lat) == (120.4, LAT)
    assert batch.message.accuracy_m == pytest.approx(4 * 2**0.5)


def test_a_receiver_without_a_fix_does_not_say_where_it_is() -> None:
    scenario = SafeTravel()
    scenario.take(replace(fix(0), fix=FixQuality.NONE), None)
    scenario.take(heard(1), None)
    assert scenario.end() == []


def test_many_tags_are_told_in_several_messages() -> None:
    said = drive((0.0, heard(0.0, number=number)) for number in range(MAX_TAGS + 1))
    assert [len(batch.message.tags) for batch in said] == [MAX_TAGS, 1]


@settings(deadline=None)
@given(times=st.lists(st.floats(0, 300), min_size=1, max_size=60), numbers=st.lists(st.integers(0, 3), min_size=1))
def test_no_call_is_lost_or_told_twice(times: list[float], numbers: list[int]) -> None:
    readings = [(s, heard(s, number=numbers[n % len(numbers)])) for n, s in enumerate(sorted(times))]
    said = drive(readings)
    assert sum(tag.heard for batch in said for tag in batch.message.tags) == len(readings)
    for batch in said:
        assert all(tag.first_at <= tag.last_at <= batch.observed_at for tag in batch.message.tags)


BEACON = b"\x02\x15" + bytes(range(16)) + b"\x00\x01\x00\x02" + b"\xc5"


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (heard(0, number=0xA9B76A71C5F89290), "a9b76a71c5f89290"),
        (
            AdvertisementReading(at=AT, rssi_dbm=-70, manufacturer_data={0x004C: BEACON}),
            beacon_id(uuid=bytes(range(16)), major=1, minor=2),
        ),
        (AdvertisementReading(at=AT, rssi_dbm=-70), None),
        (AdvertisementReading(at=AT, rssi_dbm=-70, service_data={0xFEAA: b""}), None),
        (AdvertisementReading(at=AT, rssi_dbm=-70, service_data={0xFEAA: b"\x30\xf0short"}), None),
        (AdvertisementReading(at=AT, rssi_dbm=-70, service_data={0xFEAA: b"\x10" + bytes(12)}), None),
        (AdvertisementReading(at=AT, rssi_dbm=-70, manufacturer_data={0x004C: b"\x10\x05" + bytes(21)}), None),
        (AdvertisementReading(at=AT, rssi_dbm=-70, manufacturer_data={0x004C: BEACON[:-1]}), None),
    ],
    ids=["eid", "ibeacon", "phone", "empty", "short", "url", "other of apple", "cut"],
)
def test_what_is_a_tag(reading: AdvertisementReading, expected: str | None) -> None:
    assert id_of(reading) == expected
