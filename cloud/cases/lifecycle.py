"""Which action may follow in which state, who may take it, and where it leads."""

from dataclasses import dataclass
from typing import Final

from cloud.cases.model import Action, CaseState, Role
from cloud.errors import ActionForbiddenError, ActionNotAllowedError

_NOBODY_SENT: Final = (CaseState.REPORTED, CaseState.FILED, CaseState.REOPENED)
_WITH_CREW: Final = (CaseState.DISPATCHED, CaseState.ACCEPTED)
_CLOCK_RUNS: Final = (
    CaseState.FILED,
    CaseState.DISPATCHED,
    CaseState.ACCEPTED,
    CaseState.RETURNED,
    CaseState.REOPENED,
)
_TO_BE_JUDGED: Final = (*_NOBODY_SENT, CaseState.RETURNED)
ENDED: Final = (CaseState.CLOSED, CaseState.REJECTED, CaseState.MERGED)
_ALIVE: Final = tuple(state for state in CaseState if state not in ENDED)
_PEOPLE: Final = (Role.OPERATOR, Role.CREW)
_DESK: Final = (Role.OPERATOR,)
_CREW: Final = (Role.CREW,)
_SYSTEM: Final = (Role.SYSTEM,)
_DESK_OR_SYSTEM: Final = (Role.SYSTEM, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Rule:
    """One action: from which states, to which (none: the state stays), by whom."""

    action: Action
    from_states: tuple[CaseState | None, ...]
    to_state: CaseState | None
    roles: tuple[Role, ...]


RULES: Final = (
    Rule(Action.OPEN, (None,), CaseState.REPORTED, _DESK_OR_SYSTEM),
    Rule(Action.FILE, (CaseState.REPORTED, CaseState.REOPENED, CaseState.RETURNED), CaseState.FILED, _DESK_OR_SYSTEM),
    Rule(Action.REJECT, _TO_BE_JUDGED, CaseState.REJECTED, _DESK),
    Rule(Action.WITHDRAW, _NOBODY_SENT, CaseState.REJECTED, _SYSTEM),
    Rule(Action.CORRECT, _TO_BE_JUDGED, None, _DESK),
    Rule(
        Action.DISPATCH,
        (CaseState.FILED, CaseState.REOPENED, CaseState.RETURNED),
        CaseState.DISPATCHED,
        _DESK_OR_SYSTEM,
    ),
    Rule(Action.REASSIGN, _WITH_CREW, CaseState.DISPATCHED, _DESK),
    Rule(Action.ACCEPT, (CaseState.DISPATCHED,), CaseState.ACCEPTED, _CREW),
    Rule(Action.ARRIVE, (CaseState.ACCEPTED,), None, _CREW),
    Rule(Action.ADD_PHOTO, (*_WITH_CREW, CaseState.DONE), None, _PEOPLE),
    Rule(Action.RETURN, _WITH_CREW, CaseState.RETURNED, _PEOPLE),
    Rule(Action.ASK_SUSPENSION, _WITH_CREW, None, _CREW),
    Rule(Action.DECLINE_SUSPENSION, _WITH_CREW, None, _DESK),
    Rule(Action.SUSPEND, _WITH_CREW, CaseState.SUSPENDED, _DESK),
    Rule(Action.RESUME, (CaseState.SUSPENDED,), CaseState.DISPATCHED, _DESK_OR_SYSTEM),
    Rule(Action.DONE, (CaseState.ACCEPTED,), CaseState.DONE, _CREW),
    Rule(Action.CALL_PERSON, (CaseState.DONE,), None, _SYSTEM),
    Rule(Action.VERIFY, (CaseState.DONE,), CaseState.VERIFIED, _DESK_OR_SYSTEM),
    Rule(
        Action.REOPEN,
        (CaseState.DONE, CaseState.VERIFIED, CaseState.REJECTED),
        CaseState.REOPENED,
        _DESK_OR_SYSTEM,
    ),
    Rule(Action.REOPEN, (CaseState.CLOSED,), CaseState.REOPENED, _DESK),
    Rule(Action.CLOSE, (CaseState.VERIFIED,), CaseState.CLOSED, _DESK_OR_SYSTEM),
    Rule(Action.MERGE, (*_TO_BE_JUDGED, CaseState.DISPATCHED), CaseState.MERGED, _DESK_OR_SYSTEM),
    Rule(Action.SEPARATE, (CaseState.MERGED,), CaseState.REPORTED, _DESK_OR_SYSTEM),
    Rule(Action.ADD_SIGHTING, _ALIVE, None, _SYSTEM),
    Rule(Action.COMMENT, tuple(CaseState), None, _PEOPLE),
    Rule(Action.WARN, _CLOCK_RUNS, None, _SYSTEM),
    Rule(Action.OVERDUE, _CLOCK_RUNS, None, _SYSTEM),
    Rule(Action.ESCALATE, _CLOCK_RUNS, None, _SYSTEM),
)

_RULE: Final = {(state, rule.action): rule for rule in RULES for state in rule.from_states}


def next_state(state: CaseState | None, action: Action, role: Role) -> CaseState:
    """State after an action; a case that is yet to be opened has none.

    Raises:
        ActionNotAllowedError: the action has no place in this state.
        ActionForbiddenError: it has, but not for this role.
    """
    rule = _RULE.get((state, action))
    if rule is None:
        raise ActionNotAllowedError(f"{action} is not allowed for a case that is {state or 'not there yet'}")
    if not _may(role, rule):
        raise ActionForbiddenError(f"{action} of a case that is {state or 'not there yet'} is not for {role}")
    reached = rule.to_state or state
    if reached is None:
        raise ActionNotAllowedError(f"{action} leads nowhere")
    return reached


def is_allowed(state: CaseState | None, action: Action, role: Role) -> bool:
    """Whether an action has a place in this state and is for this role."""
    rule = _RULE.get((state, action))
    return rule is not None and _may(role, rule)


def allowed_actions(state: CaseState | None, role: Role) -> list[Action]:
    """What this role can do now, in the order of the actions."""
    return [action for action in Action if is_allowed(state, action, role)]


def is_clock_running(state: CaseState) -> bool:
    """Whether the time limit counts."""
    return state in _CLOCK_RUNS


def _may(role: Role, rule: Rule) -> bool:
    """An administrator may do what an operator may."""
    return (Role.OPERATOR if role is Role.ADMIN else role) in rule.roles
