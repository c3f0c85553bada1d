from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.terminals import Spot, ahead_item, batch_body, driver_item, later, location_body
from cloud.bridges.jt808.body import read_location, read_locations, read_time, write_time
from cloud.bridges.jt808.translate import Meaning, Translator
from cloud.errors import FrameError
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id, time_of_id
from wire.messages import Driving, DrivingKind, DrivingSensor, Track

AT = datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC)
SPOT = Spot(at=AT, lon=120.4258, lat=27.5184)


def read(spot: Spot, *, translator: Translator | None = None, is_late: bool = False) -> Meaning:
    body = location_body(spot)
    return (translator or Translator("13812345678")).read(read_location(body), body, is_late=is_late)


def events(meaning: Meaning) -> list[Driving]:
    return [said.message for said in meaning.said if isinstance(said.message, Driving)]


def test_a_position_becomes_a_track_as_a_bus_sends_it() -> None:
    (said,) = read(SPOT).said
    assert isinstance(said.message, Track)
    (point,) = said.message.points
    assert (point.lon, point.lat, point.heading_deg, point.at) == (120.4258, 27.5184, 90, AT)
    assert point.speed_mps == pytest.approx(30 / 3.6, abs=0.02)
    assert time_of_id(said.id) == AT
    encode_envelope(
        Envelope(id=said.id, source="/c/bus-1", time=said.at, data=said.message, stream=make_id(AT), sequence=1)
    )


@pytest.mark.parametrize(("lon", "lat"), [(120.4, 27.5), (-58.4, -34.6), (-0.1, 51.5), (151.2, -33.9)])
def test_south_and_west_are_flags(lon: float, lat: float) -> None:
    location = read_location(location_body(replace(SPOT, lon=lon, lat=lat)))
    assert (location.lon, location.lat) == (lon, lat)


def test_the_same_report_has_the_same_id_live_or_late_and_another_has_another() -> None:
    (live,), (late,) = read(SPOT).said, read(SPOT, is_late=True).said
    assert live.id == late.id
    assert read(later(SPOT, by_s=1)).said[0].id != live.id
    assert read(replace(SPOT, lat=27.6)).said[0].id != live.id
    assert read(SPOT, translator=Translator("13812345679")).said[0].id != live.id


def test_an_encrypted_position_is_kept_raw_and_believed_by_nobody() -> None:
    spot = replace(SPOT, status=0b100011, items=(ahead_item(SPOT, number=1, flag=1, kind=1),))
    meaning = read(spot)
    assert meaning.said == []
    assert [(raw.why, raw.content) for raw in meaning.raw] == [("encrypted position", location_body(spot))]


def test_without_a_position_there_is_no_track() -> None:
    assert read(replace(SPOT, status=0b01)) == Meaning()


def test_an_alarm_without_a_position_is_kept_raw() -> None:
    spot = replace(SPOT, status=0b01, items=(driver_item(SPOT, number=1, flag=1, kind=2),))
    meaning = read(spot)
    assert meaning.said == []
    assert [(raw.why, raw.content) for raw in meaning.raw] == [("alarm without a position", location_body(spot))]


def test_what_is_not_understood_is_kept_raw_and_the_rest_counts() -> None:
    meaning = read(replace(SPOT, items=((0x01, bytes(4)), (0xE1, b"vendor"), (0x64, bytes(32)))))
    assert [raw.why for raw in meaning.raw] == ["item 0xe1", "item 0x64 of 32 bytes"]
    assert len(meaning.said) == 1
    body = location_body(SPOT) + b"\x30\x05\x01"
    cut = Translator("1").read(read_location(body), body, is_late=False)
    assert [raw.why for raw in cut.raw] == ["items that are cut off"]
    assert len(cut.said) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (0x01, DrivingKind.FORWARD_COLLISION),
        (0x02, DrivingKind.LANE_DEPARTURE),
        (0x03, DrivingKind.TOO_CLOSE),
        (0x04, DrivingKind.PEDESTRIAN_COLLISION),
        (0x07, DrivingKind.OBSTACLE),
    ],
)
def test_alarms_of_what_is_ahead(kind: int, expected: DrivingKind) -> None:
    (event,) = events(read(replace(SPOT, items=(ahead_item(SPOT, number=7, flag=1, kind=kind),))))
    assert (event.kind, event.level, event.sensor) == (expected, 2, DrivingSensor.TERMINAL)
    assert (event.lon, event.lat, event.from_at, event.to_at) == (SPOT.lon, SPOT.lat, AT, AT)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (0x01, DrivingKind.DROWSY),
        (0x02, DrivingKind.PHONE),
        (0x03, DrivingKind.SMOKING),
        (0x04, DrivingKind.DISTRACTED),
    ],
)
def test_alarms_of_the_driver(kind: int, expected: DrivingKind) -> None:
    (event,) = events(read(replace(SPOT, items=(driver_item(SPOT, number=7, flag=1, kind=kind),))))
    assert (event.kind, event.level) == (expected, 1)


def test_a_change_of_drivers_is_no_alarm() -> None:
    meaning = read(replace(SPOT, items=(driver_item(SPOT, number=7, flag=1, kind=0x11),)))
    assert events(meaning) == meaning.raw == []


def test_an_alarms_end_knows_when_it_began() -> None:
    translator, end = Translator("1"), later(SPOT, by_s=9)
    read(replace(SPOT, items=(driver_item(SPOT, number=7, flag=1, kind=1),)), translator=translator)
    (ended,) = events(read(replace(end, items=(driver_item(end, number=7, flag=2, kind=1),)), translator=translator))
    assert (ended.from_at, ended.to_at) == (AT, end.at)
    (unknown,) = events(read(replace(end, items=(driver_item(end, number=8, flag=2, kind=1),)), translator=translator))
    assert unknown.from_at == unknown.to_at == end.at


def test_alarms_without_an_end_are_forgotten() -> None:
    translator = Translator("1")
    for number in range(100):
        read(replace(SPOT, items=(driver_item(SPOT, number=number, flag=1, kind=1),)), translator=translator)
    assert len(translator._begun) <= 32  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"alarms": 1 << 1}, DrivingKind.SPEEDING),
        ({"alarms": 1 << 2}, DrivingKind.LONG_DRIVING),
        ({"status": 0b11 | 1 << 14}, DrivingKind.DOOR_OPEN),
    ],
    ids=["too fast", "too long", "door"],
)
def test_what_lasts_is_told_once_as_it_begins(changes: dict[str, int], kind: DrivingKind) -> None:
    translator = Translator("1")
    lasting = [read(replace(later(SPOT, by_s=second), **changes), translator=translator) for second in range(3)]
    assert [[event.kind for event in events(meaning)] for meaning in lasting] == [[kind], [], []]
    read(later(SPOT, by_s=4), translator=translator)
    again = read(replace(later(SPOT, by_s=5), **changes), translator=translator)
    assert [event.kind for event in events(again)] == [kind]
    late = read(replace(later(SPOT, by_s=2), **changes), translator=Translator("1"), is_late=True)
    assert events(late) == []


def test_a_door_of_a_standing_bus_is_none_of_it() -> None:
    assert events(read(replace(SPOT, status=0b11 | 1 << 13, speed_kmh=5))) == []


def test_only_alarms_with_files_are_asked_for_them() -> None:
    items = (ahead_item(SPOT, number=1, flag=1, kind=1, files=3), ahead_item(SPOT, number=2, flag=1, kind=2))
    (alarm,) = read(replace(SPOT, items=items)).alarms
    assert (alarm.files, alarm.number) == (3, 1)


def test_late_positions_come_in_a_batch() -> None:
    spots = [later(SPOT, by_s=second) for second in range(5)]
    assert list(read_locations(batch_body(spots))) == [location_body(spot) for spot in spots]
    with pytest.raises(FrameError, match="cut off"):
        list(read_locations(batch_body(spots)[:-1]))
    with pytest.raises(FrameError):
        list(read_locations(b"\x00"))


@given(st.datetimes(datetime(2000, 1, 2), datetime(2068, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_are_of_china_whatever_the_bus(at: datetime) -> None:
    assert read_time(write_time(at)) == at.replace(microsecond=0)


@pytest.mark.parametrize("bcd", ["261332000000", "26112425aa00", "000000000000"])
def test_what_is_no_time_is_refused(bcd: str) -> None:
    with pytest.raises(FrameError, match="no time"):
        read_time(bytes.fromhex(bcd))


@given(st.binary(max_size=200))
def test_reports_of_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        meaning = Translator("1").read(read_location(body), body, is_late=False)
    except FrameError:
        return
    for said in meaning.said:
        encode_envelope(
            Envelope(id=said.id, source="/c/b", time=said.at, data=said.message, stream=make_id(AT), sequence=1)
        )


@given(st.sampled_from([0x64, 0x65]), st.binary(min_size=47, max_size=47))
def test_alarms_of_any_bytes_are_read_or_kept_raw(number: int, value: bytes) -> None:
    body = location_body(replace(SPOT, items=((number, value),)))
    meaning = Translator("1").read(read_location(body), body, is_late=False)
    for said in meaning.said:
        encode_envelope(
            Envelope(id=said.id, source="/c/b", time=said.at, data=said.message, stream=make_id(AT), sequence=1)
        )


def test_a_day_of_an_alarm_begins_before_it_ends() -> None:
    translator, before = Translator("1"), later(SPOT, by_s=-3600)
    read(replace(SPOT, items=(driver_item(SPOT, number=7, flag=1, kind=1),)), translator=translator)
    (event,) = events(
        read(replace(SPOT, items=(driver_item(before, number=7, flag=2, kind=1),)), translator=translator)
    )
    assert event.from_at <= event.to_at == AT - timedelta(hours=1)
