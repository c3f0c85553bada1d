"""What is missing of a bus or stop."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.fleet.network import SILENT_BUS, SILENT_STOP, Gap, Way, gap_of

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def way(stop: str | None) -> Way:
    return Way(stop=stop, messages=1, last_at=AT, late=[1, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("is_relay", "ago", "ways", "expected"),
    [
        pytest.param(False, None, [], Gap.NEVER, id="never heard"),
        pytest.param(False, SILENT_BUS, [way(None)], None, id="a bus that stands for the night"),
        pytest.param(False, SILENT_BUS + MOMENT, [way(None)], Gap.SILENT, id="a bus for more than a day"),
        pytest.param(True, SILENT_STOP, [], None, id="a stop that has just spoken"),
        pytest.param(True, SILENT_STOP + MOMENT, [], Gap.SILENT, id="a stop for more than ten minutes"),
        pytest.param(False, MOMENT, [way("stop-1"), way("stop-2")], Gap.ONLY_BY_STOPS, id="only by stops"),
        pytest.param(False, MOMENT, [way("stop-1"), way(None)], None, id="by both ways"),
        pytest.param(False, MOMENT, [], None, id="said only that it is there"),
        pytest.param(False, SILENT_BUS + MOMENT, [way("stop-1")], Gap.SILENT, id="silence is worse"),
    ],
)
def test_gap_of_a_device(*, is_relay: bool, ago: timedelta | None, ways: list[Way], expected: Gap | None) -> None:
    seen_at = None if ago is None else AT - ago
    assert gap_of(is_relay=is_relay, last_seen_at=seen_at, ways=ways, at=AT) is expected
