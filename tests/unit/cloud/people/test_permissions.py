import pytest

from cloud.people.model import Role
from cloud.people.permissions import ALWAYS, FOR_TOKENS, GRANTS, PEOPLE, VISITOR, Permission, token_permissions


def test_every_role_has_its_grants() -> None:
    assert set(GRANTS) == set(Role)
    assert GRANTS[Role.SYSTEM] == frozenset()


@pytest.mark.parametrize("role", PEOPLE)
def test_a_token_has_never_more_than_its_owner(role: Role) -> None:
    assert token_permissions(role, frozenset(Permission)) == GRANTS[role] & FOR_TOKENS
    assert token_permissions(role, frozenset({Permission.SEE})) == {Permission.SEE} & GRANTS[role]


def test_a_token_makes_no_accounts_and_no_tokens() -> None:
    assert not FOR_TOKENS & {Permission.ACCOUNT, Permission.MANAGE_PEOPLE}


def test_visitors_change_nothing() -> None:
    assert {Permission.SEE, Permission.SEE_CASES} == VISITOR


def test_what_the_route_checks_itself_is_no_grant() -> None:
    assert not any(granted & ALWAYS for granted in GRANTS.values())
