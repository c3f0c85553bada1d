"""Who is sent: the unit by place and class, the crew by distance and load. Pure but for reading the loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from shapely.geometry import Point

from cloud.cases.handling import Crew, Handling
from cloud.cases.orders import CaseRow
from cloud.findings.catalogue import Catalogue
from cloud.findings.geometry import distance_m

# A place on a border belongs to the area that stands first in the file.
_LOADS: Final = """
SELECT crew, count(*) FROM cases WHERE crew IS NOT NULL AND state IN ('dispatched', 'accepted') GROUP BY crew
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """To whom a case goes; without a crew the unit's crews choose."""

    unit: str | None
    crew: str | None


def assign(case: CaseRow, *, catalogue: Catalogue, handling: Handling, loads: Mapping[str, int]) -> Assignment:
    """Choose a unit and the crew of it that can be there first, its other jobs done before."""
    unit = unit_for(case, catalogue=catalogue, handling=handling)
    fitting = {
        key: crew
        for key, crew in handling.crews.items()
        if crew.unit == unit and (not crew.classes or case.class_code in crew.classes)
    }
    if not fitting:
        return Assignment(unit=unit, crew=None)
    chosen = min(fitting, key=lambda key: (_minutes(case, fitting[key], handling, loads.get(key, 0)), key))
    return Assignment(unit=unit, crew=chosen)


def unit_for(case: CaseRow, *, catalogue: Catalogue, handling: Handling) -> str | None:
    """Unit of the first area that holds the place and takes the class, else that of the class."""
    place = Point(case.lon, case.lat)
    for area in handling.areas:
        if (not area.classes or case.class_code in area.classes) and area.shape.covers(place):
            return area.unit
    entry = catalogue.classes.get(case.class_code)
    return entry.unit if entry else None


def read_loads(connection: Connection[Any]) -> dict[str, int]:
    """How many jobs each crew has."""
    return dict(connection.execute(_LOADS).fetchall())


def _minutes(case: CaseRow, crew: Crew, handling: Handling, jobs: int) -> float:
    """Until the crew could be there."""
    away_m = distance_m(lon=case.lon, lat=case.lat, other_lon=crew.lon, other_lat=crew.lat)
    driving = away_m / 1000 / handling.dispatch.speed_kmh * 60
    return jobs * handling.dispatch.minutes_per_job + driving
