import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.api.live import QUEUE_LENGTH, Change, Cursor, Subscription


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**18 - 1))
def test_cursor_is_read_as_it_was_written(xid: int, number: int) -> None:
    assert Cursor.parse(str(Cursor(xid, number))) == Cursor(xid, number)


@pytest.mark.parametrize("text", ["", "1", "-", "1-", "a-b", "1-2-3", f"{2**63}-1", "1-" + "9" * 19, " 1-2"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a cursor such as"):
        Cursor.parse(text)


def test_viewer_that_does_not_keep_up_is_sent_away() -> None:
    subscription = Subscription(start=Cursor(0, 0))
    for number in range(QUEUE_LENGTH + 1):
        subscription.put(Change(cursor=Cursor(1, number), kind="bus", payload="{}"))

    assert subscription.is_closed
    assert subscription.queue.qsize() == QUEUE_LENGTH
