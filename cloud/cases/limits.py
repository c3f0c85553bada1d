"""Time limits of a case and what is to happen when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cloud.cases.handling import Handling
from cloud.cases.lifecycle import is_clock_running
from cloud.cases.model import CaseState
from cloud.cases.orders import CaseRow
from cloud.cases.working_time import add_working, working_between
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import Severity


class TimerKind(StrEnum):
    """What a timer does."""

    WARN = "warn"
    OVERDUE = "overdue"
    ESCALATE = "escalate"
    RESUME = "resume"
    CALL_PERSON = "call_person"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """What will happen when, unless the case changes before."""

    kind: TimerKind
    fire_at: datetime
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How time counts for cases of this county."""

    catalogue: Catalogue
    handling: Handling

    def due_after(self, at: datetime, *, class_code: str, severity: Severity) -> datetime | None:
        """When a case is due whose time begins now; never for a class that the county does not know any longer."""
        entry = self.catalogue.classes.get(class_code)
        if entry is None:
            return None
        allowed = timedelta(hours=entry.filing.time_limit_h[severity])
        return self.add(at, allowed, class_code=class_code, severity=severity)

    def add(self, at: datetime, duration: timedelta, *, class_code: str, severity: Severity) -> datetime:
        """Go on by so much of the time that counts for this class and severity."""
        if self._is_round_the_clock(class_code, severity):
            return at + duration
        return add_working(self.handling.working_calendar, at, duration)

    def between(self, from_at: datetime, to_at: datetime, *, class_code: str, severity: Severity) -> timedelta:
        """Time that counts between two moments; negative when they are in the wrong order."""
        if self._is_round_the_clock(class_code, severity):
            return to_at - from_at
        calendar = self.handling.working_calendar
        if to_at < from_at:
            return -working_between(calendar, to_at, from_at)
        return working_between(calendar, from_at, to_at)

    def timers_of(self, case: CaseRow) -> list[Timer]:
        """All that is to happen by itself with a case that stays as it is."""
        timers: list[Timer] = []
        if case.due_at is not None and is_clock_running(case.state):
            timers.extend(self._deadline_timers(case, case.due_at))
        if case.state is CaseState.SUSPENDED and case.suspended_until is not None:
            timers.append(Timer(kind=TimerKind.RESUME, fire_at=case.suspended_until))
        if case.state is CaseState.DONE and case.done_at is not None and not case.needs_person:
            timers.append(self._later(TimerKind.CALL_PERSON, case.done_at, self.handling.clock.person_after_h))
        if case.state is CaseState.VERIFIED and case.verified_at is not None:
            timers.append(self._later(TimerKind.CLOSE, case.verified_at, self.handling.clock.close_after_h))
        return timers

    def _deadline_timers(self, case: CaseRow, due_at: datetime) -> list[Timer]:
        """What was told of the limit that it has, or had before it was corrected, is not told again."""
        timers: list[Timer] = []
        if case.overdue_at is None:
            timers += [Timer(kind=TimerKind.OVERDUE, fire_at=due_at), *self._warnings(case, due_at)]
        for number, step in enumerate(self.handling.escalation, start=1):
            if number > case.escalation:
                at = self._later(TimerKind.ESCALATE, due_at, step.after_h)
                timers.append(Timer(kind=TimerKind.ESCALATE, fire_at=at.fire_at, step=number))
        return timers

    def _warnings(self, case: CaseRow, due_at: datetime) -> list[Timer]:
        """One, reckoned from the newest of filing and dispatch; none of a limit that was over before it began."""
        begun_at = max(filter(None, (case.filed_at, case.dispatched_at)), default=case.opened_at)
        if begun_at >= due_at:
            return []
        allowed = self.between(begun_at, due_at, class_code=case.class_code, severity=case.severity)
        warn_at = self.add(
            begun_at,
            allowed * self.handling.clock.warn_at_share,
            class_code=case.class_code,
            severity=case.severity,
        )
        return [Timer(kind=TimerKind.WARN, fire_at=warn_at)]

    def _later(self, kind: TimerKind, at: datetime, hours: float) -> Timer:
        fire_at = add_working(self.handling.working_calendar, at, timedelta(hours=hours))
        return Timer(kind=kind, fire_at=fire_at)

    def _is_round_the_clock(self, class_code: str, severity: Severity) -> bool:
        return severity in self.handling.clock.round_the_clock.get(class_code, [])
