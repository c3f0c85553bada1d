import pytest

from cloud.cases.lifecycle import is_allowed, next_state
from cloud.cases.model import Action, CaseState
from cloud.errors import ActionNotAllowedError


@pytest.mark.parametrize(
    ("state", "action", "expected"),
    [
        (None, Action.OPEN, CaseState.REPORTED),
        (CaseState.REPORTED, Action.FILE, CaseState.FILED),
        (CaseState.REPORTED, Action.ADD_SIGHTING, CaseState.REPORTED),
        (CaseState.FILED, Action.ADD_SIGHTING, CaseState.FILED),
        (CaseState.FILED, Action.WITHDRAW, CaseState.REJECTED),
        (CaseState.REJECTED, Action.REOPEN, CaseState.REOPENED),
        (CaseState.REOPENED, Action.FILE, CaseState.FILED),
    ],
)
def test_action_leads_to_its_state(state: CaseState | None, action: Action, expected: CaseState) -> None:
    assert next_state(state, action) is expected


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (CaseState.FILED, Action.OPEN),
        (None, Action.FILE),
        (CaseState.REJECTED, Action.ADD_SIGHTING),
        (CaseState.CLOSED, Action.WITHDRAW),
        (CaseState.FILED, Action.REOPEN),
    ],
)
def test_action_that_has_no_place_is_refused(state: CaseState | None, action: Action) -> None:
    assert not is_allowed(state, action)
    with pytest.raises(ActionNotAllowedError, match=action.value):
        next_state(state, action)
