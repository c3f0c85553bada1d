"""Which cases there are for somebody; a case out of scope is as if it did not exist."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from shapely.geometry import Polygon

from cloud.cases.handling import Handling
from cloud.errors import CaseNotFoundError, PersonError
from cloud.findings.catalogue import Catalogue
from cloud.people.accounts import Wish
from cloud.people.model import Actor, Role
from cloud.people.permissions import GRANTS, Permission
from cloud.people.scope import EVERYTHING, Scope

_PLACE: Final = """
SELECT c.unit, f.lon, f.lat FROM cases c JOIN findings f ON f.id = c.finding_id WHERE c.id = %s
"""


def scope_of(actor: Actor, handling: Handling) -> Scope:
    """The rows that there are for somebody; an area that the county took out of its file holds nothing."""
    if actor.role in {Role.SYSTEM, Role.ADMIN}:
        return EVERYTHING
    known = _areas_of(handling)
    areas = tuple(known[key] for key in actor.areas if key in known) if actor.areas else None
    return Scope(sees_cases=Permission.SEE_CASES in GRANTS[actor.role], unit=actor.unit, areas=areas)


def require_known(wish: Wish, *, catalogue: Catalogue, handling: Handling) -> None:
    """Check an account's unit, crew and areas against what the county has.

    Raises:
        PersonError: there is no such unit, crew or area.
    """
    if wish.unit is not None and wish.unit not in catalogue.units:
        raise PersonError(f"there is no unit {wish.unit}")
    crew = handling.crews.get(wish.crew) if wish.crew is not None else None
    if wish.crew is not None and (crew is None or crew.unit != wish.unit):
        raise PersonError(f"there is no crew {wish.crew} of unit {wish.unit}")
    if unknown := set(wish.areas) - _areas_of(handling).keys():
        raise PersonError(f"there is no area {', '.join(sorted(unknown))}")


def require_in_scope(connection: Connection[Any], case_id: UUID, *, actor: Actor, handling: Handling) -> None:
    """Refuse a case that is not there for this actor.

    Raises:
        CaseNotFoundError: with the words for a case that does not exist.
    """
    scope = scope_of(actor, handling)
    if scope.is_everything:
        return
    row = connection.execute(_PLACE, (case_id,)).fetchone()
    if row is None or not scope.has_case(unit=row[0], lon=row[1], lat=row[2]):
        raise CaseNotFoundError(f"there is no case {case_id}")


def _areas_of(handling: Handling) -> Mapping[str, Polygon]:
    return {area.key: area.shape for area in handling.areas if area.key is not None}
