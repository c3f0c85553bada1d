from datetime import timedelta

from cloud.cases.handling import shipped_handling
from cloud.cases.limits import Limits, TimerKind
from cloud.cases.model import CaseState
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import Severity
from tests.unit.cloud.cases.builders import WEDNESDAY, case_row

LIMITS = Limits(catalogue=load_catalogue(), handling=shipped_handling())


def kinds(**changes: object) -> list[TimerKind]:
    return sorted(timer.kind for timer in LIMITS.timers_of(case_row(**changes)))


def test_limit_counts_working_hours() -> None:
    due_at = LIMITS.due_after(WEDNESDAY, class_code="D00", severity=Severity.HEAVY)

    assert due_at is not None
    assert due_at - WEDNESDAY > timedelta(hours=168)


def test_limit_of_a_heavy_pothole_runs_through_the_night() -> None:
    due_at = LIMITS.due_after(WEDNESDAY, class_code="D40", severity=Severity.HEAVY)

    assert due_at == WEDNESDAY + timedelta(hours=24)


def test_class_that_the_county_does_not_know_is_never_due() -> None:
    assert LIMITS.due_after(WEDNESDAY, class_code="D99", severity=Severity.HEAVY) is None


def test_case_with_a_deadline_is_warned_of_before_and_escalated_after() -> None:
    due_at = LIMITS.due_after(WEDNESDAY, class_code="D00", severity=Severity.MEDIUM)
    timers = sorted(LIMITS.timers_of(case_row(due_at=due_at)), key=lambda timer: timer.fire_at)

    assert [timer.kind for timer in timers] == [
        TimerKind.WARN,
        TimerKind.OVERDUE,
        TimerKind.ESCALATE,
        TimerKind.ESCALATE,
    ]
    assert timers[0].fire_at > WEDNESDAY
    assert timers[1].fire_at == due_at
    assert [timer.step for timer in timers[2:]] == [1, 2]


def test_returned_case_that_is_filed_again_is_not_warned_of_before_its_new_limit_runs_out() -> None:
    filed_at = WEDNESDAY + timedelta(days=200)
    due_at = LIMITS.due_after(filed_at, class_code="D00", severity=Severity.HEAVY)
    timers = LIMITS.timers_of(case_row(dispatched_at=WEDNESDAY, filed_at=filed_at, due_at=due_at))
    (warning,) = (timer for timer in timers if timer.kind is TimerKind.WARN)
    assert warning.fire_at > filed_at


def test_what_was_told_of_an_overdue_case_is_not_told_again_when_its_limit_is_another() -> None:
    """Corrected to a limit that has passed, too, or resumed from a suspension."""
    due_at = WEDNESDAY + timedelta(days=9)
    timers = LIMITS.timers_of(case_row(due_at=due_at, overdue_at=WEDNESDAY, escalation=1))
    assert [(timer.kind, timer.step) for timer in timers] == [(TimerKind.ESCALATE, 2)]


def test_clock_stands_still_where_nobody_works_on_it() -> None:
    due_at = WEDNESDAY + timedelta(days=9)
    for state in (CaseState.REPORTED, CaseState.REJECTED, CaseState.CLOSED, CaseState.MERGED, CaseState.DONE):
        assert kinds(state=state, due_at=due_at) == []


def test_suspended_case_resumes_at_its_time() -> None:
    assert kinds(state=CaseState.SUSPENDED, suspended_until=WEDNESDAY) == [TimerKind.RESUME]


def test_done_case_goes_to_a_person_once() -> None:
    assert kinds(state=CaseState.DONE, done_at=WEDNESDAY) == [TimerKind.CALL_PERSON]
    assert kinds(state=CaseState.DONE, done_at=WEDNESDAY, needs_person=True) == []


def test_verified_case_is_closed_later() -> None:
    assert kinds(state=CaseState.VERIFIED, verified_at=WEDNESDAY) == [TimerKind.CLOSE]


def test_time_between_is_negative_when_overdue() -> None:
    later = WEDNESDAY + timedelta(hours=2)

    assert LIMITS.between(later, WEDNESDAY, class_code="D00", severity=Severity.LIGHT) == timedelta(hours=-2)
