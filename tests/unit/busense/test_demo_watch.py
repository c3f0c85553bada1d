import json
from datetime import UTC, datetime, timedelta

import pytest

from busense.demo_watch import Delays, Event, parse_events, quantile

EXPOSED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_events_are_read_with_name_cursor_and_data() -> None:
    lines = [
        ": heartbeat",
        "",
        "event: finding",
        "id: 7-1",
        'data: {"a":',
        "data: 1}",
        "",
        "data: bare",
        "",
        "data: cut",
    ]
    assert list(parse_events(iter(lines))) == [
        Event(name="finding", id="7-1", data='{"a":\n1}'),
        Event(name="message", id="7-1", data="bare"),
    ]


def _event(name: str, payload: dict[str, object]) -> Event:
    return Event(name=name, data=json.dumps(payload))


def test_the_first_showing_of_an_observation_counts() -> None:
    delays = Delays()
    event = _event("observation", {"id": "o", "device": "bus-1", "observed_at": EXPOSED_AT.isoformat()})
    delays.take(event, at=EXPOSED_AT + timedelta(seconds=2))
    delays.take(event, at=EXPOSED_AT + timedelta(seconds=9))
    assert delays.observations_ms == {"o": 2000.0}


def test_what_waited_for_a_halt_is_counted_apart() -> None:
    delays = Delays(without_network=frozenset({"bus-2"}))
    for device in ("bus-1", "bus-2"):
        event = _event("observation", {"id": device, "device": device, "observed_at": EXPOSED_AT.isoformat()})
        delays.take(event, at=EXPOSED_AT + timedelta(seconds=2))
    assert (delays.observations_ms, delays.carried_ms) == ({"bus-1": 2000.0}, {"bus-2": 2000.0})


def test_findings_and_cases_are_counted_apart() -> None:
    delays = Delays()
    finding: dict[str, object] = {"id": "f", "properties": {"first_seen_at": "2026-01-01T12:00:00Z"}}
    delays.take(_event("finding", finding), at=EXPOSED_AT + timedelta(seconds=1))
    delays.take(_event("case", {"id": "c"}), at=EXPOSED_AT)
    delays.take(_event("bus", {"device": "bus-1"}), at=EXPOSED_AT)
    assert (delays.findings_ms, delays.cases, delays.observations_ms) == ({"f": 1000.0}, {"c"}, {})


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.99, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 3.0), (list(map(float, range(100))), 0.99, 99.0)],
    ids=["none", "one", "median", "p99"],
)
def test_quantiles(values: list[float], share: float, expected: float | None) -> None:
    assert quantile(values, share) == expected
