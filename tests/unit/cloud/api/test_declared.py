"""A route says what it needs, or it does not get in; and the table in docs/ is of today's routes."""

import pytest
from fastapi import APIRouter, FastAPI

from cloud.api.actors import needs
from cloud.api.declared import declared_routes
from cloud.api.permissions_table import DOCUMENT, document_text
from cloud.people.permissions import Permission


def app_with(router: APIRouter) -> FastAPI:
    app, api = FastAPI(), APIRouter(prefix="/api/v1")
    api.include_router(router)
    app.include_router(api)
    return app


def test_a_route_that_says_nothing_is_refused_by_name() -> None:
    router = APIRouter()
    router.add_api_route("/secrets", lambda: None, methods=["DELETE"])
    with pytest.raises(LookupError, match="DELETE /api/v1/secrets"):
        declared_routes(app_with(router))


def test_needs_of_router_and_route_add_up() -> None:
    router = APIRouter(dependencies=[needs(Permission.SEE)])
    router.add_api_route("/x", lambda: None, methods=["GET"], dependencies=[needs(Permission.MANAGE_FLEET)])
    (route,) = declared_routes(app_with(router))
    assert route.needs == {Permission.SEE, Permission.MANAGE_FLEET}
    assert not route.is_for(frozenset({Permission.SEE}))


def test_the_table_in_docs_is_fresh() -> None:
    assert DOCUMENT.read_text() == document_text(), "run `make schemas`"
