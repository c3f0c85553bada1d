from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud.cases.effects import Circumstances, effect_of
from cloud.cases.handling import shipped_handling
from cloud.cases.limits import Limits
from cloud.cases.model import Action, Actor, CaseState, Reason, Role
from cloud.cases.orders import CaseRow, Order
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import Severity
from tests.unit.cloud.cases.builders import WEDNESDAY, case_row

LIMITS = Limits(catalogue=load_catalogue(), handling=shipped_handling())
DESK = Actor(name="desk", role=Role.OPERATOR)


def after(case: CaseRow, action: Action, *, at: datetime, **changes: Any) -> CaseRow:  # noqa: ANN401 - of any type
    order = Order(action=action, reason=Reason.as_written("因为"), **changes)
    return effect_of(case, order, Circumstances(actor=DESK, at=at, limits=LIMITS)).case


@pytest.mark.parametrize("class_code", ["D00", "D40"], ids=["working hours", "round the clock"])
@pytest.mark.parametrize("days", [0, 2])
def test_time_in_which_a_case_was_suspended_is_not_counted_by_a_correction_either(class_code: str, days: int) -> None:
    due_at = LIMITS.due_after(WEDNESDAY, class_code=class_code, severity=Severity.HEAVY)
    case = case_row(class_code=class_code, severity=Severity.HEAVY, state=CaseState.ACCEPTED, due_at=due_at)
    if days:
        begun_at = WEDNESDAY + timedelta(hours=1)
        resumed_at = begun_at + timedelta(days=days)
        case = after(case, Action.SUSPEND, at=begun_at, until=resumed_at)
        case = after(case, Action.RESUME, at=resumed_at)
    case = after(case, Action.RETURN, at=WEDNESDAY + timedelta(days=days, hours=2))
    case = after(case, Action.CORRECT, at=WEDNESDAY + timedelta(days=days, hours=3), severity=Severity.MEDIUM)

    begun_at = WEDNESDAY + timedelta(days=days)
    assert case.due_at == LIMITS.due_after(begun_at, class_code=class_code, severity=Severity.MEDIUM)
