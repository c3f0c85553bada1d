import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cases.diagram import DOCUMENT, diagram_text
from cloud.cases.lifecycle import ENDED, RULES, allowed_actions, is_allowed, next_state
from cloud.cases.model import Action, CaseState, Role
from cloud.errors import ActionForbiddenError, ActionNotAllowedError

STATES = st.sampled_from([None, *CaseState])
ROLES = st.sampled_from(list(Role))
ACTIONS = st.sampled_from(list(Action))


@pytest.mark.parametrize(
    ("state", "action", "role", "expected"),
    [
        (None, Action.OPEN, Role.SYSTEM, CaseState.REPORTED),
        (CaseState.REPORTED, Action.FILE, Role.SYSTEM, CaseState.FILED),
        (CaseState.REPORTED, Action.FILE, Role.OPERATOR, CaseState.FILED),
        (CaseState.REPORTED, Action.ADD_SIGHTING, Role.SYSTEM, CaseState.REPORTED),
        (CaseState.FILED, Action.WITHDRAW, Role.SYSTEM, CaseState.REJECTED),
        (CaseState.FILED, Action.DISPATCH, Role.OPERATOR, CaseState.DISPATCHED),
        (CaseState.DISPATCHED, Action.ACCEPT, Role.CREW, CaseState.ACCEPTED),
        (CaseState.ACCEPTED, Action.ARRIVE, Role.CREW, CaseState.ACCEPTED),
        (CaseState.ACCEPTED, Action.DONE, Role.CREW, CaseState.DONE),
        (CaseState.DONE, Action.VERIFY, Role.SYSTEM, CaseState.VERIFIED),
        (CaseState.DONE, Action.REOPEN, Role.SYSTEM, CaseState.REOPENED),
        (CaseState.VERIFIED, Action.CLOSE, Role.SYSTEM, CaseState.CLOSED),
        (CaseState.REJECTED, Action.REOPEN, Role.SYSTEM, CaseState.REOPENED),
        (CaseState.ACCEPTED, Action.SUSPEND, Role.OPERATOR, CaseState.SUSPENDED),
        (CaseState.SUSPENDED, Action.RESUME, Role.SYSTEM, CaseState.DISPATCHED),
        (CaseState.MERGED, Action.SEPARATE, Role.OPERATOR, CaseState.REPORTED),
    ],
)
def test_action_leads_to_its_state(state: CaseState | None, action: Action, role: Role, expected: CaseState) -> None:
    assert next_state(state, action, role) is expected


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (CaseState.FILED, Action.OPEN),
        (None, Action.FILE),
        (CaseState.REJECTED, Action.ADD_SIGHTING),
        (CaseState.CLOSED, Action.WITHDRAW),
        (CaseState.FILED, Action.REOPEN),
        (CaseState.DISPATCHED, Action.DONE),
        (CaseState.SUSPENDED, Action.DONE),
    ],
)
def test_action_that_has_no_place_is_refused(state: CaseState | None, action: Action) -> None:
    with pytest.raises(ActionNotAllowedError, match=f"{action.value} .* {state or 'not there yet'}$"):
        next_state(state, action, Role.OPERATOR)


@pytest.mark.parametrize(
    ("state", "action", "role"),
    [
        (CaseState.REPORTED, Action.FILE, Role.CREW),
        (CaseState.ACCEPTED, Action.SUSPEND, Role.CREW),
        (CaseState.ACCEPTED, Action.DONE, Role.OPERATOR),
        (CaseState.CLOSED, Action.REOPEN, Role.SYSTEM),
        (CaseState.REPORTED, Action.COMMENT, Role.VIEWER),
    ],
)
def test_action_of_another_role_is_forbidden(state: CaseState, action: Action, role: Role) -> None:
    with pytest.raises(ActionForbiddenError, match=role.value):
        next_state(state, action, role)


@given(state=STATES, action=ACTIONS, role=ROLES)
def test_allowed_is_what_does_not_raise(state: CaseState | None, action: Action, role: Role) -> None:
    try:
        next_state(state, action, role)
        is_taken = True
    except (ActionNotAllowedError, ActionForbiddenError):
        is_taken = False

    assert is_allowed(state, action, role) is is_taken
    assert (action in allowed_actions(state, role)) is is_taken


@given(state=STATES, action=ACTIONS)
def test_administrator_may_what_an_operator_may(state: CaseState | None, action: Action) -> None:
    assert is_allowed(state, action, Role.ADMIN) is is_allowed(state, action, Role.OPERATOR)


@given(state=STATES)
def test_viewer_changes_nothing(state: CaseState | None) -> None:
    assert allowed_actions(state, Role.VIEWER) == []


def test_no_two_rules_speak_of_the_same_step() -> None:
    steps = [(state, rule.action) for rule in RULES for state in rule.from_states]

    assert len(steps) == len(set(steps))


def test_every_state_can_be_reached_and_left() -> None:
    reached = {rule.to_state for rule in RULES if rule.to_state is not None}
    left = {state for rule in RULES for state in rule.from_states if rule.to_state not in {None, state}}

    assert reached == set(CaseState)
    assert left > set(CaseState)
    assert set(ENDED) < reached


def test_nobody_but_the_desk_takes_up_a_closed_case() -> None:
    assert is_allowed(CaseState.CLOSED, Action.REOPEN, Role.OPERATOR)
    assert not is_allowed(CaseState.CLOSED, Action.REOPEN, Role.SYSTEM)


def test_diagram_is_fresh() -> None:
    assert DOCUMENT.read_text() == diagram_text(), "run `make schemas` and commit docs/case-states.md"
