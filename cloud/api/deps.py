"""What the routes need: the database, the catalogue, the live hub, and the common forms of questions and bodies."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, LiteralString, Protocol, cast

from fastapi import Depends, Request
from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cloud.api.live import Hub
from cloud.api.oidc import Provider
from cloud.cases.handling import Handling
from cloud.condition.rules import ConditionRules
from cloud.db.pool import Pool, Row
from cloud.driving.rules import DrivingRules
from cloud.findings.catalogue import Catalogue
from cloud.fleet.authority import Authority
from cloud.ingest.handler import Handler
from cloud.people.vault import Vault
from cloud.pictures.blur import Blur
from cloud.pictures.store import PictureStore
from cloud.scenarios.safe_travel.rules import TravelRules
from cloud.scenarios.street_furniture.kinds import Kinds
from cloud.work.retention_rules import RetentionRules

Database = AsyncConnection[Any]
Record = dict[str, Any]
UNDER_WAY: Final = "busense.under_way"
"""Where a request's scope names the transaction that all of it belongs to."""


class Connections(Protocol):
    """A pool, or a transaction that is under way."""

    def connection(self) -> AbstractContextManager[Connection[Row]]:
        """Give a connection; what was done with it is kept when nothing failed."""
        ...


class UnderWay(Connections, Protocol):
    """A transaction that is under way, and can be begun anew."""

    def aside(self) -> AbstractContextManager[None]:
        """Let go of the connection for a while."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What lives as long as the application."""

    city: str
    catalogue: Catalogue
    condition: ConditionRules
    handling: Handling
    driving: DrivingRules
    travel: TravelRules
    retention: RetentionRules
    kinds: Kinds
    contact: str | None
    """Who answers for what is collected about people."""
    origin: str
    """Where people reach the pages, without a slash at the end."""
    has_visitors: bool
    is_demo: bool
    oidc: Provider | None
    authority: Authority | None
    vault: Vault
    blur: Blur
    pool: Pool
    thread_pool: Connections
    hub: Hub
    pictures: PictureStore
    open_handler: Callable[[], AbstractAsyncContextManager[Handler]]
    """Opens what stores messages, for those that are given another try."""
    aside: Callable[[], AbstractContextManager[None]] = nullcontext
    """Where slow work is done between two connections: none is held meanwhile, and nothing written before is kept."""

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.origin.startswith("https://")


def resources(request: Request) -> Resources:
    """What the application holds, with one transaction for all of a request that must happen once."""
    held = cast("Resources", request.app.state.resources)
    under_way: UnderWay | None = request.scope.get(UNDER_WAY)
    return held if under_way is None else replace(held, thread_pool=under_way, aside=under_way.aside)


async def database(request: Request) -> AsyncGenerator[Database]:
    """A connection until the route has made its answer; who is slow to take that does not hold it."""
    async with resources(request).pool.connection() as connection:
        yield connection


ResourcesDep = Annotated[Resources, Depends(resources)]
DatabaseDep = Annotated[Database, Depends(database, scope="function")]


async def fetch_all(connection: Database, statement: LiteralString, values: Record | None = None) -> list[Record]:
    """Rows as dictionaries."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


async def fetch_one(connection: Database, statement: LiteralString, values: Record | None = None) -> Record | None:
    """The first row as a dictionary."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of longitudes and latitudes."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float


def parse_bbox(text: str) -> Box:
    """Read `minlon,minlat,maxlon,maxlat`.

    Raises:
        ValueError: saying what is expected.
    """
    try:
        min_lon, min_lat, max_lon, max_lat = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("four numbers minlon,minlat,maxlon,maxlat are expected") from None
    if not (-180 <= min_lon <= max_lon <= 180 and -90 <= min_lat <= max_lat <= 90):  # noqa: PLR2004
        raise ValueError("minlon,minlat,maxlon,maxlat in degrees, the smaller first, are expected")
    return Box(min_lon=min_lon, min_lat=min_lat, max_lon=max_lon, max_lat=max_lat)


def _checked(text: str) -> str:
    parse_bbox(text)
    return text


BoxText = Annotated[
    str,
    Field(max_length=200, description="minlon,minlat,maxlon,maxlat", examples=["120.3,27.4,120.5,27.6"]),
    AfterValidator(_checked),
]


class Question(BaseModel):
    """The parameters of a request; an unknown one is a mistake that must not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """What a request brings; an unknown member is a mistake that must not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretBody(Body):
    """What only its receiver may read: errors never repeat it."""

    model_config = ConfigDict(hide_input_in_errors=True)


class BoxQuestion(Question):
    """A question about a rectangle."""

    bbox: BoxText | None = None

    def box_values(self) -> Record:
        """The rectangle as values of a statement, all null without one."""
        box = parse_bbox(self.bbox) if self.bbox else None
        return {name: getattr(box, name, None) for name in Box.__slots__}
