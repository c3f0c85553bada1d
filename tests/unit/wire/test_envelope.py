"""Ids carry the time of observation; stream and sequence go together."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.envelope import Envelope, make_id, time_of_id
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
