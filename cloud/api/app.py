"""The web application."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Final

import psycopg
from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from psycopg_pool import PoolTimeout
from starlette.middleware.exceptions import ExceptionMiddleware

from cloud.api.counting import Counting
from cloud.api.declared import ROOT, declared_routes
from cloud.api.deps import Resources
from cloud.api.guard import Guard
from cloud.api.live import Hub
from cloud.api.oidc import Provider
from cloud.api.once import Once
from cloud.api.pages import BUILT, NOT_BUILT, Pages
from cloud.api.problems import add_problem_answers
from cloud.api.routes import (
    account,
    account_notices,
    bus,
    case_actions,
    cases,
    catalogue,
    condition,
    condition_export,
    crew,
    data_requests,
    deliveries,
    device_answers,
    device_packages,
    driver_looks,
    driving,
    enrolment,
    events,
    finding_decisions,
    findings,
    fleet,
    furniture,
    gtfs_realtime,
    guardian,
    health,
    map_layers,
    map_view,
    network,
    notice,
    observations,
    people,
    pictures,
    roads,
    roll_outs,
    session,
    stops,
    summary,
    travel,
    travel_looks,
    upkeep,
)
from cloud.cases.handling import load_handling
from cloud.condition.rules import load_rules
from cloud.config import CloudConfig
from cloud.db.pool import ThreadPool, open_pool, open_thread_pool
from cloud.driving.rules import load_driving_rules
from cloud.findings.catalogue import load_catalogue
from cloud.fleet.authority import Authority
from cloud.ingest.handler import open_handler
from cloud.people.vault import Vault
from cloud.pictures.blur import Blur
from cloud.pictures.store import open_store
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.scenarios.street_furniture.kinds import load_kinds
from cloud.work.retention_rules import load_retention
from telemetry.server import Needs

POOL_SIZE: Final = 8
SEAL_AGAIN_AFTER_S: Final = 5.0
_ROUTES: Final = (
    findings,
    map_layers,
    map_view,
    network,
    stops,
    gtfs_realtime,
    finding_decisions,
    furniture,
    cases,
    case_actions,
    crew,
    data_requests,
    deliveries,
    fleet,
    bus,
    roll_outs,
    enrolment,
    device_packages,
    device_answers,
    observations,
    roads,
    summary,
    catalogue,
    events,
    pictures,
    driver_looks,
    driving,
    condition,
    condition_export,
    session,
    account,
    account_notices,
    people,
    travel,
    travel_looks,
    guardian,
    upkeep,
    notice,
    health,
)

_log = logging.getLogger(__name__)


def create_app(config: CloudConfig, *, pages: Path = BUILT, needs: Needs | None = None) -> FastAPI:
    """Make the application; it opens what it needs when it starts, and tells `needs` what is missing."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with hold_resources(config, needs or Needs()) as held:
            app.state.resources = held
            yield

    app = FastAPI(
        title="busense",
        version="1",
        summary="Buses as the moving sensors of a county: findings, cases, fleet, live updates.",
        lifespan=lifespan,
        routes=_api().routes,
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
    )
    declared_routes(app)  # a route that does not say what it needs does not get in
    _add_pages(app, pages)
    add_problem_answers(app)
    app.add_middleware(Once)
    handlers = {error: handler for error, handler in app.exception_handlers.items() if error is not Exception}
    app.add_middleware(ExceptionMiddleware, handlers=handlers)  # of what the layers below refuse
    app.add_middleware(Guard, max_body_bytes=config.pictures.max_bytes, origin=config.serve.public_url)
    app.add_middleware(Counting)  # around all else: what is refused counts too
    return app


@cache
def _api() -> APIRouter:
    """All routes of the API, which hold nothing of an application: what they ask for is worked out once."""
    api = APIRouter()
    for router in (*(module.router for module in _ROUTES), data_requests.public, furniture.judging):
        api.include_router(router, prefix=ROOT)
    return api


@asynccontextmanager
async def hold_resources(config: CloudConfig, needs: Needs) -> AsyncGenerator[Resources]:
    """Open the database pool and the live hub, and close them in the end."""
    held_catalogue = load_catalogue(config.work.catalogue)
    url = config.database.read_url()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(url, max_size=POOL_SIZE, plans_anew=True))
        listener = await stack.enter_async_context(open_pool(url, max_size=1))
        thread_pool = stack.enter_context(open_thread_pool(url, max_size=POOL_SIZE))
        vault = Vault.open(config.serve.vault_file)
        hub = Hub(pool, listener=listener, needs=needs)
        tasks = [asyncio.create_task(hub.run()), asyncio.create_task(_seal_all(thread_pool, vault))]
        try:
            yield Resources(
                city=config.city,
                catalogue=held_catalogue,
                condition=load_rules(config.work.condition),
                handling=load_handling(config.work.handling),
                driving=load_driving_rules(config.work.driving),
                travel=load_travel_rules(config.work.travel),
                retention=load_retention(config.work.retention),
                kinds=load_kinds(config.work.furniture),
                contact=config.serve.contact,
                origin=config.serve.origin,
                has_visitors=config.serve.visitors,
                is_demo=config.serve.demo,
                oidc=Provider(config.serve.oidc, origin=config.serve.origin) if config.serve.oidc else None,
                authority=Authority.load(config.fleet.authority) if config.fleet.authority else None,
                vault=vault,
                blur=Blur(config.serve.blur_command),
                pool=pool,
                thread_pool=thread_pool,
                hub=hub,
                pictures=open_store(config.pictures),
                open_handler=partial(open_handler, url),
            )
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _seal_all(thread_pool: ThreadPool, vault: Vault) -> None:
    """Seal second factors that were kept before there was a key; a database that is away is waited for."""

    def seal() -> None:
        with thread_pool.connection() as connection:
            vault.seal_all(connection)

    is_done = not vault.has_key
    while not is_done:
        try:
            await asyncio.to_thread(seal)
            is_done = True
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("sealing_waits error=%s", type(error).__name__)
            await asyncio.sleep(SEAL_AGAIN_AFTER_S)


def _add_pages(app: FastAPI, folder: Path) -> None:
    if (folder / "index.html").is_file():
        app.mount("/", Pages(directory=folder, html=True))
    else:
        app.add_api_route("/", lambda: HTMLResponse(NOT_BUILT), include_in_schema=False)
