"""What each route needs, read from the application; one that says nothing does not get into it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from cloud.api.actors import Needs, Open
from cloud.people.permissions import ALWAYS, GRANTS, PEOPLE, VISITOR, Permission

ROOT: Final = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRoute:
    """A route with all that it needs."""

    method: str
    path: str
    needs: frozenset[Permission]

    def is_for(self, granted: frozenset[Permission]) -> bool:
        """Whether somebody with these permissions gets in."""
        return self.needs - ALWAYS <= granted


def declared_routes(app: FastAPI) -> list[DeclaredRoute]:
    """All routes of the API, sorted by path.

    Raises:
        LookupError: one does not say what it needs.
    """
    found = [_declared(method, route) for route in _api_routes(app) for method in route.methods or ()]
    return sorted(found, key=lambda route: (route.path, route.method))


def _api_routes(app: FastAPI) -> Iterator[RouteContext]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and (route.path or "").startswith(ROOT):
            yield route


def _declared(method: str, route: RouteContext) -> DeclaredRoute:
    path = route.path or ""
    needed = frozenset(_permissions(route.dependant))
    if not needed:
        raise LookupError(f"{method} {path} does not say what it needs: add dependencies=[needs(Permission.…)]")
    return DeclaredRoute(method=method, path=path, needs=needed)


def _permissions(dependant: Dependant) -> Iterable[Permission]:
    for part in dependant.dependencies:
        if isinstance(part.call, Needs | Open):
            yield part.call.permission


def table(routes: Iterable[DeclaredRoute]) -> list[str]:
    """The routes and roles as a table of Markdown."""
    columns = {"visitor": VISITOR} | {role.value: GRANTS[role] for role in PEOPLE}
    lines = [f"| route | needs | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for route in routes:
        cells = [_cell(route, granted) for granted in columns.values()]
        lines.append(f"| {route.method} {route.path} | {', '.join(sorted(route.needs))} | {' | '.join(cells)} |")
    return lines


def _cell(route: DeclaredRoute, granted: frozenset[Permission]) -> str:
    if Permission.DEVICE in route.needs:
        return ""
    return "yes" if route.is_for(granted) else ""
