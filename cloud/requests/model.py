"""What a person's request is, and which step may follow which."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from cloud.errors import ActionForbiddenError, ActionNotAllowedError
from cloud.people.model import Role


class RequestKind(StrEnum):
    """What somebody asks for."""

    INFORMATION = "information"
    ERASURE = "erasure"


class RequestState(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    IDENTITY_CHECKED = "identity_checked"
    ANSWERED = "answered"
    REFUSED = "refused"
    CLOSED = "closed"


class Step(StrEnum):
    """What is done with a request."""

    RECEIVE = "receive"
    CHECK_IDENTITY = "check_identity"
    EXPORT = "export"
    ERASE = "erase"
    ANSWER = "answer"
    REFUSE = "refuse"
    CLOSE = "close"
    WARN = "warn"
    OVERDUE = "overdue"


OPEN: Final = (RequestState.RECEIVED, RequestState.IDENTITY_CHECKED)
"""Here the clock runs."""
_DECIDED: Final = (RequestState.ANSWERED, RequestState.REFUSED)
_DESK: Final = (Role.OPERATOR, Role.ADMIN)
_SYSTEM: Final = (Role.SYSTEM,)
_BOTH: Final = tuple(RequestKind)


@dataclass(frozen=True, slots=True)
class Rule:
    """One step: from which states, to which (none: the state stays), by whom, for which kinds."""

    step: Step
    from_states: tuple[RequestState, ...]
    to_state: RequestState | None
    roles: tuple[Role, ...] = _DESK
    kinds: tuple[RequestKind, ...] = _BOTH


# Nothing is handed out or erased before it is known who asks.
RULES: Final = (
    Rule(Step.CHECK_IDENTITY, (RequestState.RECEIVED,), RequestState.IDENTITY_CHECKED),
    Rule(Step.EXPORT, (RequestState.IDENTITY_CHECKED,), None, kinds=(RequestKind.INFORMATION,)),
    Rule(Step.ERASE, (RequestState.IDENTITY_CHECKED,), None, kinds=(RequestKind.ERASURE,)),
    Rule(Step.ANSWER, (RequestState.IDENTITY_CHECKED,), RequestState.ANSWERED),
    Rule(Step.REFUSE, OPEN, RequestState.REFUSED),
    Rule(Step.CLOSE, _DECIDED, RequestState.CLOSED),
    Rule(Step.WARN, OPEN, None, roles=_SYSTEM),
    Rule(Step.OVERDUE, OPEN, None, roles=_SYSTEM),
)
_RULE: Final = {(state, rule.step): rule for rule in RULES for state in rule.from_states}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request without what its sender wrote."""

    id: UUID
    number: str
    kind: RequestKind
    state: RequestState
    version: int
    received_at: datetime
    warn_at: datetime
    due_at: datetime
    decided_at: datetime | None = None
    closed_at: datetime | None = None


def state_after(request: RequestRow, step: Step, role: Role) -> RequestState:
    """Where a request stands after a step.

    Raises:
        ActionNotAllowedError: the step has no place in this state, or for this kind.
        ActionForbiddenError: it has, but not for this role.
    """
    rule = _RULE.get((request.state, step))
    if rule is None or request.kind not in rule.kinds:
        raise ActionNotAllowedError(f"{step} is not allowed for a request for {request.kind} that is {request.state}")
    if role not in rule.roles:
        raise ActionForbiddenError(f"{step} of a request is not for {role}")
    return rule.to_state or request.state


def steps_in(state: RequestState, kind: RequestKind, role: Role) -> list[Step]:
    """What this role can do now, in the order of the rules."""
    return [rule.step for rule in RULES if state in rule.from_states and kind in rule.kinds and role in rule.roles]


def request_number(*, city: str, year: int, serial: int) -> str:
    """Number that people use, such as `demo-P2026-0042`."""
    return f"{city}-P{year}-{serial:04d}"
