"""Which step of a request may follow which, for whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cloud.errors import ActionForbiddenError, ActionNotAllowedError
from cloud.people.model import Role
from cloud.requests.model import (
    RequestKind,
    RequestRow,
    RequestState,
    Step,
    request_number,
    state_after,
    steps_in,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
REQUEST = RequestRow(
    id=UUID(int=1),
    number="demo-P2026-0001",
    kind=RequestKind.ERASURE,
    state=RequestState.RECEIVED,
    version=1,
    received_at=AT,
    warn_at=AT + timedelta(days=12),
    due_at=AT + timedelta(days=15),
)
WAYS: list[tuple[RequestState, list[Step]]] = [
    (RequestState.RECEIVED, [Step.CHECK_IDENTITY, Step.REFUSE]),
    (RequestState.IDENTITY_CHECKED, [Step.ERASE, Step.ANSWER, Step.REFUSE]),
    (RequestState.ANSWERED, [Step.CLOSE]),
    (RequestState.REFUSED, [Step.CLOSE]),
    (RequestState.CLOSED, []),
]


@pytest.mark.parametrize(("state", "steps"), WAYS, ids=[state.value for state, _ in WAYS])
def test_the_office_can_do_these_steps_and_no_others(state: RequestState, steps: list[Step]) -> None:
    assert steps_in(state, RequestKind.ERASURE, Role.OPERATOR) == steps
    for step in set(Step) - set(steps):
        with pytest.raises((ActionNotAllowedError, ActionForbiddenError)):
            state_after(replace(REQUEST, state=state), step, Role.OPERATOR)


def test_nothing_is_handed_out_or_erased_before_it_is_known_who_asks() -> None:
    for kind, step in ((RequestKind.INFORMATION, Step.EXPORT), (RequestKind.ERASURE, Step.ERASE)):
        request = replace(REQUEST, kind=kind)
        with pytest.raises(ActionNotAllowedError):
            state_after(request, step, Role.ADMIN)
        known = replace(request, state=RequestState.IDENTITY_CHECKED)
        assert state_after(known, step, Role.ADMIN) is RequestState.IDENTITY_CHECKED


def test_pictures_are_erased_only_for_who_asked_for_it() -> None:
    asks_for_information = replace(REQUEST, kind=RequestKind.INFORMATION, state=RequestState.IDENTITY_CHECKED)
    with pytest.raises(ActionNotAllowedError):
        state_after(asks_for_information, Step.ERASE, Role.ADMIN)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPERATOR, Role.ADMIN}))
def test_requests_are_for_the_office_alone(role: Role) -> None:
    with pytest.raises(ActionForbiddenError):
        state_after(REQUEST, Step.REFUSE, role)


def test_the_clock_is_the_systems_and_runs_until_the_answer() -> None:
    assert state_after(REQUEST, Step.OVERDUE, Role.SYSTEM) is RequestState.RECEIVED
    with pytest.raises(ActionForbiddenError):
        state_after(REQUEST, Step.OVERDUE, Role.ADMIN)
    with pytest.raises(ActionNotAllowedError):
        state_after(replace(REQUEST, state=RequestState.ANSWERED), Step.WARN, Role.SYSTEM)


def test_the_number_tells_the_year() -> None:
    assert request_number(city="demo", year=2026, serial=42) == "demo-P2026-0042"
