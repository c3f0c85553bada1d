"""Which action may follow in which state, and where it leads."""

from typing import Final

from cloud.cases.model import Action, CaseState
from cloud.errors import ActionNotAllowedError

_UNDER_WAY: Final = (CaseState.REPORTED, CaseState.FILED, CaseState.REOPENED)

_NEXT: Final[dict[tuple[CaseState | None, Action], CaseState]] = {
    (None, Action.OPEN): CaseState.REPORTED,
    (CaseState.REPORTED, Action.FILE): CaseState.FILED,
    (CaseState.REOPENED, Action.FILE): CaseState.FILED,
    (CaseState.REJECTED, Action.REOPEN): CaseState.REOPENED,
    **{(state, Action.ADD_SIGHTING): state for state in _UNDER_WAY},
    **{(state, Action.WITHDRAW): CaseState.REJECTED for state in _UNDER_WAY},
}


def next_state(state: CaseState | None, action: Action) -> CaseState:
    """State after an action; a case that is yet to be opened has none.

    Raises:
        ActionNotAllowedError: the action has no place in this state.
    """
    if (state, action) not in _NEXT:
        raise ActionNotAllowedError(f"{action} is not allowed for a case that is {state or 'not there yet'}")
    return _NEXT[state, action]


def is_allowed(state: CaseState | None, action: Action) -> bool:
    """Whether an action has a place in this state."""
    return (state, action) in _NEXT
