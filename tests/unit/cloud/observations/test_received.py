from datetime import UTC, datetime, timedelta

import pytest

from cloud.observations.received import ClockMark, mark_clock

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ANCIENT = datetime(2019, 1, 1, tzinfo=UTC)
ENROLLED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "enrolled_at", "mark"),
    [
        pytest.param(NOW, ENROLLED, None, id="now"),
        pytest.param(NOW + timedelta(minutes=5), ENROLLED, None, id="five minutes fast"),
        pytest.param(NOW + timedelta(minutes=5, seconds=1), ENROLLED, ClockMark.FUTURE, id="more than that"),
        pytest.param(ENROLLED - timedelta(minutes=5), ENROLLED, None, id="five minutes before it existed"),
        pytest.param(ENROLLED - timedelta(minutes=6), ENROLLED, ClockMark.ANCIENT, id="before it existed"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), ENROLLED, ClockMark.ANCIENT, id="1970"),
        pytest.param(datetime(2038, 1, 19, tzinfo=UTC), ENROLLED, ClockMark.FUTURE, id="2038"),
        pytest.param(NOW - timedelta(weeks=1024), ENROLLED, ClockMark.ANCIENT, id="a week counter that rolled over"),
        pytest.param(datetime(2019, 4, 6, tzinfo=UTC), ANCIENT, ClockMark.ANCIENT, id="before the first bus"),
    ],
)
def test_clock_is_believed_between_enrolment_and_arrival(
    at: datetime, enrolled_at: datetime, mark: ClockMark | None
) -> None:
    assert mark_clock(at=at, received_at=NOW, enrolled_at=enrolled_at) is mark
