"""Ids carry the time of observation; stream and sequence go together."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.envelope import Envelope, make_id, make_id_after, time_of_id
from wire.messages import Presence, State

AT = datetime(2026, 1, 1, tzinfo=UTC)
_instants = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(_instants)
def test_id_is_a_version_7_uuid_with_the_time_of_observation(at: datetime) -> None:
    event_id = make_id(at)
    assert UUID(event_id).version == 7
    assert UUID(event_id).variant == "specified in RFC 4122"
    assert abs(time_of_id(event_id) - at) < timedelta(milliseconds=1)


def test_ids_of_one_instant_differ() -> None:
    assert len({make_id(AT) for _ in range(1000)}) == 1000


def test_later_ids_sort_later() -> None:
    assert make_id(AT) < make_id(AT + timedelta(milliseconds=1))


def test_a_clock_before_1970_still_gives_an_id() -> None:
    assert time_of_id(make_id(datetime(1960, 1, 1, tzinfo=UTC))) == datetime(1970, 1, 1, tzinfo=UTC)


@given(st.lists(_instants, min_size=1, max_size=50))
def test_ids_of_one_device_are_in_order_whatever_its_clock_does(clock: list[datetime]) -> None:
    before: str | None = None
    for at in clock:
        after = make_id_after(before, at=at)
        assert before is None or after > before
        assert (UUID(after).version, UUID(after).variant) == (7, "specified in RFC 4122")
        assert time_of_id(after) >= at - timedelta(milliseconds=1)
        before = after


def test_an_id_whose_random_bits_are_used_up_goes_into_the_next_millisecond() -> None:
    last = str(UUID(int=UUID(make_id(AT)).int | (1 << 62) - 1 | 0xFFF << 64))
    after = make_id_after(last, at=AT - timedelta(days=1))
    assert after > last
    assert time_of_id(after) == AT + timedelta(milliseconds=1)


@pytest.mark.parametrize(("stream", "sequence"), [("x", None), (None, 1), ("x", 0), ("x", 2**53)])
def test_stream_and_sequence_go_together(stream: str | None, sequence: int | None) -> None:
    with pytest.raises(ValueError, match="sequence"):
        Envelope(
            id=make_id(AT),
            source="/town/bus-1",
            time=AT,
            data=State(presence=Presence.ONLINE, since=AT),
            stream=stream,
            sequence=sequence,
        )
