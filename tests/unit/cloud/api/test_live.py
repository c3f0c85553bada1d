import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.api.live import NOTHING, QUEUE_LENGTH, Change, Cursor, Place, Subscription

places = st.builds(Place, st.integers(0, 2**63 - 1), st.integers(0, 10**18 - 1))


@given(places, places)
def test_cursor_is_read_as_it_was_written(buses: Place, decided: Place) -> None:
    cursor = Cursor(buses=buses, decided=decided)
    assert Cursor.parse(str(cursor)) == cursor


def test_cursor_from_before_there_were_lanes_stands_for_both() -> None:
    assert Cursor.parse("12-3") == Cursor(buses=Place(12, 3), decided=Place(12, 3))


NONE = ["", "1", "-", "1-", "a-b", "1-2-3", f"{2**63}-1", "1-" + "9" * 19, " 1-2", "1-2.", ".1-2", "1-2.3-4.5-6"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a cursor such as"):
        Cursor.parse(text)


def test_what_is_told_moves_its_own_lane() -> None:
    bus = Change(place=Place(5, 1), kind="bus", payload="{}")
    case = Change(place=Place(3, 1), kind="case", payload="{}")
    known = NOTHING.after(bus)
    assert (known.knows(bus), known.knows(case)) == (True, False)
    assert known.after(case) == Cursor(buses=Place(5, 1), decided=Place(3, 1))


def test_viewer_that_does_not_keep_up_is_sent_away() -> None:
    subscription = Subscription(start=NOTHING)
    for number in range(QUEUE_LENGTH + 1):
        subscription.put(Change(place=Place(1, number), kind="bus", payload="{}"))

    assert subscription.is_closed
    assert subscription.queue.qsize() == QUEUE_LENGTH
