"""What each role may do: the one table that routes, tokens and the documentation go by."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cloud.people.model import Role


class Permission(StrEnum):
    """What a route needs."""

    OPEN = "open"
    """Nothing: it is for somebody who has not signed in yet, or for a probe."""
    DEVICE = "device"
    """The secret or certificate of a bus; people have none."""
    ACCOUNT = "account"
    """To be signed in on a page, with one's own account; no token has that."""
    SEE = "see"
    """Findings, roads and their condition, buses, what changes."""
    SEE_NETWORK = "see_network"
    """What each bus and stop tells, by which way and how late, and where nobody passes."""
    SEE_VEHICLES = "see_vehicles"
    """Where buses are, as a feed for other programs."""
    SEE_CASES = "see_cases"
    HANDLE_CASES = "handle_cases"
    DO_JOBS = "do_jobs"
    """A crew's list of jobs."""
    JUDGE_FINDINGS = "judge_findings"
    SEE_DELIVERIES = "see_deliveries"
    UPKEEP = "upkeep"
    """Messages of the quarantine as they came, and work set aside."""
    HANDLE_REQUESTS = "handle_requests"
    """What people ask about their own data, with who they are; no token has that."""
    CARE = "care"
    """People who travel with a tag; no token has that."""
    GUARD = "guard"
    """What is concluded of those in one's own care; no token has that."""
    SEE_DRIVING = "see_driving"
    """How buses are driven, and how well people drive; not who drove what when."""
    REVIEW_DRIVING = "review_driving"
    LOOK_AT_DRIVERS = "look_at_drivers"
    """Who drove what when and where: two persons, for a purpose and a time; no token has that."""
    DRIVE = "drive"
    """What is said of one's own driving; no token has that."""
    MANAGE_FLEET = "manage_fleet"
    MANAGE_PEOPLE = "manage_people"


_VIEWER: Final = frozenset({Permission.ACCOUNT, Permission.SEE, Permission.SEE_CASES})
_OPERATOR: Final = _VIEWER | {
    Permission.HANDLE_CASES,
    Permission.JUDGE_FINDINGS,
    Permission.SEE_DELIVERIES,
    Permission.SEE_NETWORK,
    Permission.HANDLE_REQUESTS,
}

VISITOR: Final = frozenset({Permission.SEE, Permission.SEE_CASES})
"""Where a county lets anybody look."""
GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.CREW: _VIEWER | {Permission.HANDLE_CASES, Permission.DO_JOBS},
    Role.SAFETY: _VIEWER | {Permission.SEE_DRIVING, Permission.REVIEW_DRIVING, Permission.LOOK_AT_DRIVERS},
    Role.CARE: frozenset({Permission.ACCOUNT, Permission.SEE, Permission.SEE_NETWORK, Permission.CARE}),
    Role.GUARDIAN: frozenset({Permission.ACCOUNT, Permission.GUARD}),
    Role.DRIVER: frozenset({Permission.ACCOUNT, Permission.DRIVE}),
    Role.FLEET: frozenset({Permission.ACCOUNT, Permission.SEE, Permission.SEE_NETWORK, Permission.UPKEEP})
    | {Permission.MANAGE_FLEET, Permission.SEE_VEHICLES},
    Role.ADMIN: _OPERATOR
    | {Permission.MANAGE_FLEET, Permission.MANAGE_PEOPLE, Permission.UPKEEP, Permission.SEE_VEHICLES}
    | {Permission.SEE_DRIVING, Permission.REVIEW_DRIVING},
    Role.SYSTEM: frozenset(),
}
PEOPLE: Final = tuple(role for role in Role if role is not Role.SYSTEM)
ALWAYS: Final = frozenset({Permission.OPEN, Permission.DEVICE})
"""Checked by the route itself, not by the role."""
FOR_TOKENS: Final = (
    frozenset(Permission)
    - ALWAYS
    - {Permission.ACCOUNT, Permission.MANAGE_PEOPLE, Permission.HANDLE_REQUESTS, Permission.CARE, Permission.GUARD}
    - {Permission.DRIVE, Permission.LOOK_AT_DRIVERS}
)
"""What a token can be for: whoever finds one must not make accounts or more tokens, nor see or erase who asks what."""


def token_permissions(role: Role, scopes: frozenset[Permission]) -> frozenset[Permission]:
    """What a token may do now: never more than its owner's role."""
    return scopes & FOR_TOKENS & GRANTS[role]
