"""What a layer of the map is, and what it draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.condition.rules import ConditionRules
from cloud.findings.catalogue import LocalName
from cloud.findings.model import Severity
from cloud.people.model import Actor
from cloud.people.permissions import Permission
from cloud.people.scope import Scope
from cloud.scenarios.safe_travel.rules import TravelRules
from cloud.scenarios.street_furniture.kinds import Kinds

MOST: Final = 3000
"""Features of one layer in one answer."""
IN_BOX: Final = "<@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s))"

Record = dict[str, Any]
Shape = Literal["Point", "LineString", "Polygon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One look at a rectangle of the map, as of a time, by somebody."""

    connection: Connection[Any]
    city: str
    actor: Actor
    scope: Scope
    condition: ConditionRules
    kinds: Kinds
    travel: TravelRules
    zone: ZoneInfo
    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float
    zoom: float  # web map, tiles of 512 pixels
    at: datetime
    is_past: bool

    @property
    def box(self) -> dict[str, float]:
        return {
            "min_lon": self.min_lon,
            "min_lat": self.min_lat,
            "max_lon": self.max_lon,
            "max_lat": self.max_lat,
        }

    def rows(self, statement: LiteralString, **values: object) -> list[Record]:
        """Rows of a statement that may use the rectangle, the time, the city, the scope and `most`."""
        known = self.box | self.scope.values() | {"city": self.city, "at": self.at, "most": MOST + 1}
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, known | values).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One thing on the map: which of the layer's signs it gets, and what is said of it."""

    id: str
    shape: Shape
    coordinates: object  # as GeoJSON has them, lon first
    kind: str
    state: str | None = None
    severity: Severity | None = None  # none also of a time before it was written down
    title: LocalName | None = None  # what it is
    name: str | None = None  # which one it is
    at: datetime | None = None  # of the newest that is known of it
    is_stale: bool = False
    value: float | None = None
    count: int | None = None
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer: who may see it, how it is drawn, and how fresh it is."""

    id: str
    permission: Permission
    draw: Callable[[Glance], Sequence[Drawn]]
    newest: LiteralString  # statement for the time of the newest that it knows, of %(city)s and the scope
    fresh_for: timedelta
    from_zoom: float = 0.0  # from farther away it is not drawn: there would be too much in the rectangle
    has_past: bool = True
    is_only_while_known: bool = False
    """Without anything to draw it is not even named."""


def point(lon: float, lat: float) -> tuple[float, float]:
    """A place to a decimetre."""
    return round(lon, 6), round(lat, 6)
