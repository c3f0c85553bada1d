from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud.cases.effects import Circumstances, Pause, effect_of
from cloud.cases.handling import shipped_handling
from cloud.cases.limits import Limits
from cloud.cases.model import Action, Actor, CaseState, Reason, Role
from cloud.cases.orders import CaseRow, Order
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import Severity
from tests.unit.cloud.cases.builders import WEDNESDAY, case_row

LIMITS = Limits(catalogue=load_catalogue(), handling=shipped_handling())
DESK = Actor(name="desk", role=Role.OPERATOR)


CREW = Actor(name="crew", role=Role.CREW, unit="roads", crew="roads-1")


def after(
    case: CaseRow,
    action: Action,
    *,
    at: datetime,
    actor: Actor = DESK,
    pauses: Sequence[Pause] = (),
    **changes: Any,  # noqa: ANN401 - of any type
) -> CaseRow:
    order = Order(action=action, reason=Reason.as_written("因为"), **changes)
    return effect_of(case, order, Circumstances(actor=actor, at=at, limits=LIMITS, pauses=pauses)).case


@pytest.mark.parametrize("class_code", ["D00", "D40"], ids=["working hours", "round the clock"])
@pytest.mark.parametrize("days", [0, 2])
def test_time_in_which_a_case_was_suspended_is_not_counted_by_a_correction_either(class_code: str, days: int) -> None:
    due_at = LIMITS.due_after(WEDNESDAY, class_code=class_code, severity=Severity.HEAVY)
    case = case_row(class_code=class_code, severity=Severity.HEAVY, state=CaseState.ACCEPTED, due_at=due_at)
    pauses: list[Pause] = []
    if days:
        begun_at = WEDNESDAY + timedelta(hours=1)
        resumed_at = begun_at + timedelta(days=days)
        case = after(case, Action.SUSPEND, at=begun_at, until=resumed_at)
        case = after(case, Action.RESUME, at=resumed_at)
        pauses.append(Pause(from_at=begun_at, to_at=resumed_at))
    case = after(case, Action.RETURN, at=WEDNESDAY + timedelta(days=days, hours=2))
    at = WEDNESDAY + timedelta(days=days, hours=3)
    case = after(case, Action.CORRECT, at=at, pauses=pauses, severity=Severity.MEDIUM)

    begun_at = WEDNESDAY + timedelta(days=days)
    assert case.due_at == LIMITS.due_after(begun_at, class_code=class_code, severity=Severity.MEDIUM)


def test_a_suspension_counts_by_the_clock_of_the_class_to_which_a_case_is_corrected() -> None:
    """A weekend: no working hours, and two days of the clock itself."""
    weekend = Pause(from_at=WEDNESDAY + timedelta(days=3), to_at=WEDNESDAY + timedelta(days=4, hours=20))
    case = case_row(class_code="D00", severity=Severity.HEAVY, state=CaseState.RETURNED, due_at=WEDNESDAY)
    due_at = LIMITS.due_after(WEDNESDAY, class_code="D00", severity=Severity.MEDIUM)
    milder = after(case, Action.CORRECT, at=weekend.to_at, pauses=[weekend], severity=Severity.MEDIUM)
    pause = Pause(from_at=WEDNESDAY + timedelta(hours=1), to_at=weekend.to_at)
    pothole = after(case, Action.CORRECT, at=weekend.to_at, pauses=[pause], class_code="D40")

    assert milder.due_at == due_at
    assert pothole.due_at == WEDNESDAY + timedelta(hours=24) + (pause.to_at - pause.from_at)


def test_a_limit_that_was_longer_when_the_case_was_filed_is_no_suspension() -> None:
    longer = WEDNESDAY + timedelta(days=300)
    case = case_row(severity=Severity.HEAVY, state=CaseState.RETURNED, due_at=longer)
    corrected = after(case, Action.CORRECT, at=WEDNESDAY + timedelta(hours=1), severity=Severity.MEDIUM)

    assert corrected.due_at == LIMITS.due_after(WEDNESDAY, class_code="D00", severity=Severity.MEDIUM)


def accepted(**changes: Any) -> CaseRow:  # noqa: ANN401 - fields of any type
    return case_row(state=CaseState.ACCEPTED, unit="roads", crew="roads-1", accepted_at=WEDNESDAY, **changes)


def test_what_was_done_in_time_and_told_late_is_not_overdue() -> None:
    due_at = WEDNESDAY + timedelta(hours=5)
    case = accepted(due_at=due_at, overdue_at=due_at, escalation=1)
    told_at = due_at + timedelta(days=2)
    in_time = after(case, Action.DONE, at=told_at, actor=CREW, said_at=due_at - timedelta(minutes=1))
    late = after(case, Action.DONE, at=told_at, actor=CREW, said_at=due_at + timedelta(minutes=1))

    assert (in_time.overdue_at, in_time.escalation) == (None, 0)
    assert (late.overdue_at, late.escalation) == (due_at, 1)
