from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloud.cases.model import FIRST_HASH, Action, CaseState, HistoryLine, Reason, case_number, first_broken_line

FIRST = HistoryLine(
    case_id="01a20d6d-5a00-7b6f-8bad-cce966e8e23a",
    serial=1,
    at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    actor="system:fusion",
    action=Action.OPEN,
    reason=Reason(zh="两次经过看到", en="seen by 2 passes"),
    from_state=None,
    to_state=CaseState.REPORTED,
    previous_hash=FIRST_HASH,
)


def chain(length: int) -> list[tuple[HistoryLine, bytes]]:
    lines = [(FIRST, FIRST.hash)]
    for serial in range(2, length + 1):
        line = replace(lines[-1][0], serial=serial, action=Action.ADD_SIGHTING, previous_hash=lines[-1][1])
        lines.append((line, line.hash))
    return lines


def test_whole_chain_is_whole() -> None:
    assert first_broken_line(chain(5)) is None
    assert first_broken_line([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody"},
        {"reason": Reason(zh="", en="")},
        {"at": datetime(2026, 11, 24, 13, tzinfo=UTC)},
        {"to_state": CaseState.FILED},
        {"action": Action.FILE},
    ],
    ids=["who", "why", "when", "state", "what"],
)
def test_changed_line_shows(change: dict[str, object]) -> None:
    lines = chain(4)
    line, stored = lines[2]
    lines[2] = (replace(line, **change), stored)  # pyright: ignore[reportArgumentType]

    assert first_broken_line(lines) == 3


def test_line_that_was_changed_with_its_hash_breaks_the_next() -> None:
    lines = chain(4)
    forged = replace(lines[1][0], actor="somebody")
    lines[1] = (forged, forged.hash)

    assert first_broken_line(lines) == 3


def test_line_that_was_taken_out_shows() -> None:
    lines = chain(4)
    del lines[1]

    assert first_broken_line(lines) == 2


def test_hash_does_not_depend_on_the_zone_of_the_clock() -> None:
    china = timezone(timedelta(hours=8))

    assert replace(FIRST, at=FIRST.at.astimezone(china)).hash == FIRST.hash


def test_hash_never_changes_its_form() -> None:
    """Chains that were written must be readable for ever."""
    assert FIRST.hash.hex() == "5a7ee62759b0ba81776c6f5eee87383eda2c9f19a11cf777409a243696b7261c"


def test_number_is_for_people() -> None:
    assert case_number(city="taishun", year=2026, serial=42) == "taishun-2026-000042"
