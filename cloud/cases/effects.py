"""What an action makes of a case: a pure function, checked against the life cycle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cloud.cases.lifecycle import next_state
from cloud.cases.limits import Limits
from cloud.cases.model import Action, Actor, Detail, Role
from cloud.cases.orders import CaseRow, Order, Repair, Whereabouts
from cloud.errors import OrderError
from cloud.findings.geometry import distance_m

CLOCK_ERROR: Final = timedelta(minutes=5)  # that a phone may be ahead
# These tell something about a case but decide nothing: they make nobody's view of it stale.
_QUIET: Final = frozenset(
    {Action.ADD_SIGHTING, Action.COMMENT, Action.ADD_PHOTO, Action.WARN, Action.OVERDUE, Action.ESCALATE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A suspension that has ended."""

    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Who acts when, by which rules."""

    actor: Actor
    at: datetime
    limits: Limits
    pauses: Sequence[Pause] = ()  # since the case was filed, in order: what a correction needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The case afterwards, and what the history keeps besides."""

    case: CaseRow
    details: dict[str, Detail]


def effect_of(case: CaseRow, order: Order, circumstances: Circumstances) -> Effect:
    """Tell what an action makes of a case.

    Raises:
        ActionNotAllowedError: not in this state.
        ActionForbiddenError: not for this role.
        OrderError: the order lacks something, or says something that cannot be.
    """
    state = next_state(case.state, order.action, circumstances.actor.role)
    happened_at, details = _happened(case, order, circumstances.at)
    change = _CHANGES.get(order.action)
    moment = replace(circumstances, at=happened_at)
    after = change(_Step(case, order, moment, details)) if change else case
    is_decision = order.action not in _QUIET
    return Effect(case=replace(after, state=state, version=case.version + is_decision), details=details)


def _happened(case: CaseRow, order: Order, at: datetime) -> tuple[datetime, dict[str, Detail]]:
    """When it happened: what a phone says, as far as it can be."""
    if order.said_at is None:
        return at, {}
    if order.said_at > at + CLOCK_ERROR:
        raise OrderError(f"at: {order.said_at.isoformat()} is in the future")
    happened_at = min(max(order.said_at, case.dispatched_at or case.opened_at), at)
    return happened_at, {"happened_at": happened_at.isoformat(), "said_at": order.said_at.isoformat()}


class _Step(NamedTuple):
    """What a change may need."""

    case: CaseRow
    order: Order
    now: Circumstances
    details: dict[str, Detail]  # to which it adds


def _correct(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    class_code, severity = order.class_code or case.class_code, order.severity or case.severity
    if class_code not in now.limits.catalogue.classes:
        raise OrderError(f"class_code: {class_code!r} is not in the catalogue")
    if (class_code, severity) == (case.class_code, case.severity):
        raise OrderError("another class or another severity is expected")
    details |= {
        "class_before": case.class_code,
        "class": class_code,
        "severity_before": case.severity,
        "severity": severity,
    }
    corrected = replace(case, class_code=class_code, severity=severity)
    if case.filed_at is None:
        return corrected
    limited = _with_new_limit(corrected, replace(now, at=case.filed_at), details)
    if limited.due_at is None:
        return replace(limited, overdue_at=None, escalation=0)
    due_at = _after_pauses(limited, limited.due_at, now)
    details |= {"due_at": due_at.isoformat()}
    limited = replace(limited, due_at=due_at)
    return replace(limited, overdue_at=None, escalation=0) if due_at > now.at else limited


def _after_pauses(case: CaseRow, due_at: datetime, now: Circumstances) -> datetime:
    """Later by what would have counted, for this class and severity, while the case was suspended."""
    for pause in now.pauses:
        if pause.from_at < due_at:
            paused = now.limits.between(pause.from_at, pause.to_at, class_code=case.class_code, severity=case.severity)
            due_at = now.limits.add(due_at, paused, class_code=case.class_code, severity=case.severity)
    return due_at


def _dispatch(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    unit, crew = _assignment(order, now)
    details |= {"unit": unit, "crew": crew}
    sent = replace(
        case,
        unit=unit,
        crew=crew,
        dispatched_at=now.at,
        accepted_at=None,
        arrived_at=None,
        arrived_distance_m=None,
        suspension_asked_at=None,
    )
    return sent if sent.due_at is not None else _with_new_limit(sent, now, details)


def _assignment(order: Order, now: Circumstances) -> tuple[str, str | None]:
    crews = now.limits.handling.crews
    if order.crew is not None and order.crew not in crews:
        raise OrderError(f"crew: {order.crew!r} is not one of {', '.join(crews)}")
    unit = crews[order.crew].unit if order.crew is not None else order.unit
    if unit is None or unit not in now.limits.catalogue.units:
        raise OrderError(f"unit: {unit!r} is not one of {', '.join(now.limits.catalogue.units)}")
    if order.unit not in (None, unit):
        raise OrderError(f"crew: {order.crew} belongs to {unit}, not to {order.unit}")
    return unit, order.crew


def _accept(case: CaseRow, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    crew = case.crew or now.actor.crew
    details |= {"crew": crew}
    return replace(case, crew=crew, accepted_at=now.at)


def _arrive(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    if order.where is None:
        raise OrderError("where: a position is expected")
    away_m = distance_of(case, order.where)
    reach_m = now.limits.handling.verification.on_site_m + (order.where.accuracy_m or 0.0)
    details |= {
        "lon": order.where.lon,
        "lat": order.where.lat,
        "distance_m": round(away_m, 1),
        "is_on_site": away_m <= reach_m,
    }
    return replace(case, arrived_at=now.at, arrived_distance_m=round(away_m, 1))


def distance_of(case: CaseRow, where: Whereabouts) -> float:
    """Metres from a case to a place."""
    return distance_m(lon=where.lon, lat=where.lat, other_lon=case.lon, other_lat=case.lat)


def _add_photo(case: CaseRow, order: Order, details: dict[str, Detail]) -> CaseRow:
    details |= {"photo_sha256": order.photo_sha256}
    return case


def _return(case: CaseRow, details: dict[str, Detail]) -> CaseRow:
    details |= {"unit": case.unit, "crew": case.crew}
    return replace(case, crew=None, suspension_asked_at=None)


def _ask_suspension(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    if order.until is not None:
        details |= {"until": order.until.isoformat()}
    return replace(case, suspension_asked_at=now.at)


def _decline_suspension(case: CaseRow) -> CaseRow:
    if case.suspension_asked_at is None:
        raise OrderError("nobody asked for a suspension")
    return replace(case, suspension_asked_at=None)


def _suspend(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    if order.until is None or order.until <= now.at:
        raise OrderError("until: a time to come is expected")
    remaining_s = None
    if case.due_at is not None:
        left = now.limits.between(now.at, case.due_at, class_code=case.class_code, severity=case.severity)
        remaining_s = left.total_seconds()
    details |= {"until": order.until.isoformat(), "remaining_s": remaining_s}
    return replace(case, suspended_until=order.until, remaining_s=remaining_s, due_at=None, suspension_asked_at=None)


def _resume(case: CaseRow, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    due_at = None
    if case.remaining_s is not None:
        left = timedelta(seconds=max(0.0, case.remaining_s))
        due_at = now.limits.add(now.at, left, class_code=case.class_code, severity=case.severity)
        details |= {"due_at": due_at.isoformat()}
    return replace(case, suspended_until=None, remaining_s=None, due_at=due_at, dispatched_at=now.at, accepted_at=None)


def _done(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    repair = order.repair or Repair()
    details |= {"materials": [f"{item.name} {item.amount:g} {item.unit}" for item in repair.materials]}
    details |= {
        name: size for name in ("length_m", "width_m", "area_m2") if (size := getattr(repair, name)) is not None
    }
    is_late = case.due_at is not None and now.at > case.due_at
    details |= {"is_late": is_late}
    if not is_late:  # told late, by a phone without a network
        case = replace(case, overdue_at=None, escalation=0)
    return replace(case, done_at=now.at, repair=repair, suspension_asked_at=None, needs_person=False)


def _reopen(case: CaseRow, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    again = replace(
        case,
        filed_at=now.at,
        dispatched_at=None,
        accepted_at=None,
        arrived_at=None,
        arrived_distance_m=None,
        verified_at=None,
        closed_at=None,
        overdue_at=None,
        escalation=0,
        needs_person=False,
        is_false_alarm=False,
        reopened=case.reopened + 1,
    )
    return _with_new_limit(again, now, details)


def _merge(case: CaseRow, order: Order, details: dict[str, Detail]) -> CaseRow:
    if order.into is None or order.into == case.id:
        raise OrderError("into: another case is expected")
    details |= {"into": str(order.into)}
    return replace(case, merged_into=order.into, due_at=None)


def _separate(case: CaseRow, details: dict[str, Detail]) -> CaseRow:
    details |= {"from": str(case.merged_into)}
    return replace(
        case,
        merged_into=None,
        crew=None,
        filed_at=None,
        dispatched_at=None,
        accepted_at=None,
        overdue_at=None,
        escalation=0,
    )


def _escalate(case: CaseRow, order: Order, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    steps = now.limits.handling.escalation
    if 1 <= order.step <= len(steps):
        details |= {"step": order.step, "to": steps[order.step - 1].to}
    return replace(case, escalation=max(case.escalation, order.step))


def _with_new_limit(case: CaseRow, now: Circumstances, details: dict[str, Detail]) -> CaseRow:
    due_at = now.limits.due_after(now.at, class_code=case.class_code, severity=case.severity)
    details |= {"due_at": due_at.isoformat() if due_at else None}
    return replace(case, due_at=due_at)


_CHANGES: Final[dict[Action, Callable[[_Step], CaseRow]]] = {
    Action.FILE: lambda it: _with_new_limit(
        replace(it.case, filed_at=it.now.at, overdue_at=None, escalation=0), it.now, it.details
    ),
    Action.REJECT: lambda it: replace(it.case, is_false_alarm=True, due_at=None),
    Action.WITHDRAW: lambda it: replace(it.case, due_at=None),
    Action.CORRECT: lambda it: _correct(it.case, it.order, it.now, it.details),
    Action.DISPATCH: lambda it: _dispatch(it.case, it.order, it.now, it.details),
    Action.REASSIGN: lambda it: _dispatch(it.case, it.order, it.now, it.details),
    Action.ACCEPT: lambda it: _accept(it.case, it.now, it.details),
    Action.ARRIVE: lambda it: _arrive(it.case, it.order, it.now, it.details),
    Action.ADD_PHOTO: lambda it: _add_photo(it.case, it.order, it.details),
    Action.RETURN: lambda it: _return(it.case, it.details),
    Action.ASK_SUSPENSION: lambda it: _ask_suspension(it.case, it.order, it.now, it.details),
    Action.DECLINE_SUSPENSION: lambda it: _decline_suspension(it.case),
    Action.SUSPEND: lambda it: _suspend(it.case, it.order, it.now, it.details),
    Action.RESUME: lambda it: _resume(it.case, it.now, it.details),
    Action.DONE: lambda it: _done(it.case, it.order, it.now, it.details),
    Action.CALL_PERSON: lambda it: replace(it.case, needs_person=True),
    Action.VERIFY: lambda it: replace(it.case, verified_at=it.now.at, needs_person=False),
    Action.REOPEN: lambda it: _reopen(it.case, it.now, it.details),
    Action.CLOSE: lambda it: replace(it.case, closed_at=it.now.at),
    Action.MERGE: lambda it: _merge(it.case, it.order, it.details),
    Action.SEPARATE: lambda it: _separate(it.case, it.details),
    Action.OVERDUE: lambda it: replace(it.case, overdue_at=it.now.at),
    Action.ESCALATE: lambda it: _escalate(it.case, it.order, it.now, it.details),
}


def is_with(actor: Actor, *, unit: str | None, crew: str | None) -> bool:
    """Whether a case is this crew's: its own, or its unit's that no crew has yet. Everybody else sees to any case."""
    if actor.role is not Role.CREW:
        return True
    return crew == actor.crew if crew is not None else unit == actor.unit
