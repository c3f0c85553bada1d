from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cloud.errors import LookError
from cloud.looks.rules import (
    ASKED_FOR,
    Look,
    LookDeed,
    end_when_approved,
    how_it_ends,
    require_box,
    require_open,
)

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ASKED = Look(id=UUID(int=1), kind="any", purpose="missing", minutes=30, asked_at=AT, asked_by="chen")
OPEN = replace(ASKED, approved_at=AT, approved_by="liu", until_at=AT + timedelta(minutes=30))
CLOSED = replace(OPEN, closed_at=AT, closed_by="chen")


@pytest.mark.parametrize(
    ("look", "at", "state"),
    [
        pytest.param(ASKED, AT, "asked", id="asked"),
        pytest.param(ASKED, AT + ASKED_FOR, "closed", id="asked-too-long-ago"),
        pytest.param(OPEN, AT + timedelta(minutes=30) - SECOND, "open", id="open"),
        pytest.param(OPEN, AT + timedelta(minutes=30), "closed", id="time-is-over"),
        pytest.param(CLOSED, AT, "closed", id="closed"),
    ],
)
def test_time_ends_a_look_without_anybodys_doing(look: Look, at: datetime, state: str) -> None:
    assert look.state(at) == state


def test_another_person_opens_a_look_for_its_minutes() -> None:
    assert end_when_approved(ASKED, by="liu", at=AT + SECOND) == AT + SECOND + timedelta(minutes=30)
    with pytest.raises(LookError, match="another person"):
        end_when_approved(ASKED, by="chen", at=AT)
    for late in (ASKED, OPEN, CLOSED):
        with pytest.raises(LookError, match="does not wait"):
            end_when_approved(late, by="liu", at=AT + ASKED_FOR)


@pytest.mark.parametrize("look", [ASKED, CLOSED], ids=["asked", "closed"])
def test_nobody_looks_before_a_second_person_or_after_the_end(look: Look) -> None:
    require_open(OPEN, at=AT)
    with pytest.raises(LookError, match="not open"):
        require_open(look, at=AT)


def test_what_nobody_approved_is_refused_and_what_was_open_is_closed_once() -> None:
    assert (how_it_ends(ASKED), how_it_ends(OPEN)) == (LookDeed.REFUSE, LookDeed.CLOSE)
    with pytest.raises(LookError, match="over"):
        how_it_ends(CLOSED)


@pytest.mark.parametrize("minutes", [-1, 0, 61])
def test_a_look_has_an_end(minutes: int) -> None:
    require_box(minutes=60, longest_min=60)
    with pytest.raises(LookError, match="at most 60"):
        require_box(minutes=minutes, longest_min=60)
