"""What an open search shows: the last certain place, where the person may be now, and which buses will pass there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import h3
from psycopg import Connection
from psycopg.rows import class_row

from cloud.roads.plane import metres_per_degree
from cloud.scenarios.safe_travel.model import Heard, Watch
from cloud.scenarios.safe_travel.rules import TravelRules
from cloud.scenarios.safe_travel.search import (
    Chance,
    NextPass,
    Passing,
    Streets,
    next_passes,
    reach_on_foot_m,
    where_now,
)
from cloud.scenarios.safe_travel.search import cell_of as search_cell_of
from cloud.travel.watch import cell_of, cells_around, read_watch, readers_near

SHOWN: Final = 0.95  # of the probability
MOST_CELLS: Final = 600
LATEST: Final = timedelta(hours=12)  # after that nobody can say where somebody may be
PAST: Final = timedelta(days=7)
HORIZON: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_RING_M: Final = 300.0  # between two rings of cells of resolution 9

_LAST: Final = """
SELECT device AS reader, from_at, to_at, lon, lat, accuracy_m, rssi_dbm::int FROM travel_heard
WHERE traveller = %s AND from_at <= %s ORDER BY to_at DESC, rssi_dbm DESC LIMIT %s
"""
_ROADS: Final = """
SELECT line FROM roads WHERE box(point(min_lon, min_lat), point(max_lon, max_lat)) && box(point(%s, %s), point(%s, %s))
LIMIT 50000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of somebody who is looked for."""

    last: Heard | None
    trail: Sequence[Heard]
    chances: Sequence[Chance]
    passes: Sequence[NextPass]


def look_for(connection: Connection[Any], traveller: UUID, *, at: datetime, rules: TravelRules) -> Outlook:
    """Put together what is known now."""
    with connection.cursor(row_factory=class_row(Heard)) as cursor:
        trail = cursor.execute(_LAST, (traveller, at, 50)).fetchall()
    if not trail or at - trail[0].to_at > LATEST:
        return Outlook(last=trail[0] if trail else None, trail=trail, chances=(), passes=())
    last = trail[0]
    reach_m = reach_on_foot_m(max(at - last.to_at, _MINUTE), rules.search)
    watch = _watch_since(connection, last, reach_m=reach_m, at=at)
    streets = _streets_around(connection, last, watch, reach_m=reach_m)
    chances = _likeliest(where_now(last, at=at, streets=streets, watch=watch, rules=rules))
    passes = next_passes(_past(connection, chances, at=at), chances, at=at, horizon=HORIZON)
    return Outlook(last=last, trail=trail, chances=chances, passes=passes)


def _watch_since(connection: Connection[Any], last: Heard, *, reach_m: float, at: datetime) -> Watch:
    rings = min(int(reach_m / _RING_M) + 1, 18)
    cells = cells_around(lon=last.lon, lat=last.lat, rings=rings)
    begin = last.to_at - _MINUTE
    readers = {last.reader, *readers_near(connection, cells, from_at=begin, to_at=at)}
    return read_watch(connection, readers, from_at=begin, to_at=at)


def _streets_around(connection: Connection[Any], last: Heard, watch: Watch, *, reach_m: float) -> Streets:
    """Streets around the last place and along the ways of buses that could not hear."""
    deaf = [moment for moments in watch.values() for moment in moments if not moment.is_listening]
    lons, lats = [last.lon, *(one.lon for one in deaf)], [last.lat, *(one.lat for one in deaf)]
    east_m, north_m = metres_per_degree(last.lat)
    wide, high = reach_m / east_m, reach_m / north_m
    box = (min(lons) - wide, min(lats) - high, max(lons) + wide, max(lats) + high)
    return Streets(line for (line,) in connection.execute(_ROADS, box).fetchall())


def _likeliest(chances: Sequence[Chance]) -> list[Chance]:
    """The fewest cells that hold nearly all."""
    kept: list[Chance] = []
    whole = 0.0
    for chance in chances[:MOST_CELLS]:
        if whole >= SHOWN:
            break
        kept.append(chance)
        whole += chance.probability
    return kept


def _past(connection: Connection[Any], chances: Sequence[Chance], *, at: datetime) -> list[Passing]:
    """Where buses were on the days before, at the time that comes next."""
    places = [h3.cell_to_latlng(chance.cell) for chance in chances]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    cells = sorted({cell_of(lon=float(lon), lat=float(lat)) for lat, lon in places})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    found: list[Passing] = []
    for days in range(1, PAST.days + 1):
        begin = at - timedelta(days=days)
        readers = readers_near(connection, cells, from_at=begin, to_at=begin + HORIZON) if cells else []
        for reader, moments in read_watch(connection, readers, from_at=begin, to_at=begin + HORIZON).items():
            found += [Passing(reader, one.at, search_cell_of(lon=one.lon, lat=one.lat)) for one in moments]
    return found
