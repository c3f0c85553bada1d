"""What the buses and stops of a city hear and tell, and who is silent or comes by stops alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from cloud.db.value import fetch_value_async

SILENT_BUS: Final = timedelta(days=1)
"""A bus stands for the night; after a day it should have told something."""
SILENT_STOP: Final = timedelta(minutes=10)
"""A stop says each minute that it is there."""

DEVICES: Final = """
SELECT d.device, d.is_relay, s.name, d.presence, d.last_seen_at, coalesce(d.lon, s.lon) AS lon,
    coalesce(d.lat, s.lat) AS lat, d.carrying, d.carrying_at
FROM devices d LEFT JOIN travel_stops s ON s.id = d.device
WHERE d.city = %(city)s AND d.revoked_at IS NULL ORDER BY d.is_relay DESC, d.device
"""
WAYS: Final = """
SELECT device, way, sum(messages)::bigint AS messages, sum(tags)::bigint AS tags, max(last_at) AS last_at,
    ARRAY[sum(late[1]), sum(late[2]), sum(late[3]), sum(late[4]), sum(late[5]), sum(late[6])]::bigint[] AS late
FROM heard_days WHERE city = %(city)s AND day >= %(since)s GROUP BY device, way ORDER BY device, messages DESC, way
"""
HOURS: Final = """
SELECT (d.day + make_interval(hours => hour)) AT TIME ZONE 'UTC' AS at, count(*)::int AS devices
FROM (
    SELECT day, device, bit_or(hours) AS hours FROM heard_days
    WHERE city = %(city)s AND day >= %(since)s GROUP BY day, device
) d CROSS JOIN generate_series(0, 23) AS hour
WHERE d.hours & (1 << hour) <> 0 GROUP BY d.day, hour ORDER BY 1
"""
_FIRST: Final = """
SELECT (day + make_interval(hours => hour)) AT TIME ZONE 'UTC'
FROM heard_days CROSS JOIN generate_series(0, 23) AS hour
WHERE city = %(city)s AND day = (SELECT min(day) FROM heard_days WHERE city = %(city)s) AND hours & (1 << hour) <> 0
ORDER BY hour LIMIT 1
"""


class Gap(StrEnum):
    """What is missing of a device."""

    NEVER = "never"
    """Nothing was ever heard of it."""
    SILENT = "silent"
    ONLY_BY_STOPS = "only_by_stops"
    """Its own network has brought nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What came by one way; `late` counts messages by how late they came."""

    stop: str | None  # that carried it; none: by the device's own network
    messages: int
    last_at: datetime
    late: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a stop brought of buses, as it arrived, and what it said last of its queue."""

    messages: int
    buses: int
    last_at: datetime | None
    waiting: int | None
    oldest_s: float | None
    refused: int | None
    said_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One bus or stop."""

    device: str
    is_relay: bool
    name: str | None
    presence: str | None
    last_seen_at: datetime | None
    lon: float | None
    lat: float | None
    ways: list[Way]
    tags: int  # windows in which it heard one
    carried: Carried | None  # of a stop
    gap: Gap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourHeard:
    """How many buses and stops were heard in an hour; an hour in which there is nobody is not in the list."""

    at: datetime
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    device: str
    way: str
    messages: int
    tags: int
    last_at: datetime
    late: list[int]


def gap_of(*, is_relay: bool, last_seen_at: datetime | None, ways: Sequence[Way], at: datetime) -> Gap | None:
    """Tell what is missing of a device, the worst first."""
    if last_seen_at is None:
        return Gap.NEVER
    if at - last_seen_at > (SILENT_STOP if is_relay else SILENT_BUS):
        return Gap.SILENT
    return Gap.ONLY_BY_STOPS if ways and all(way.stop is not None for way in ways) else None


async def read_stations(connection: AsyncConnection[Any], *, city: str, since: date, at: datetime) -> list[Station]:
    """Every bus and stop that is let in with what came of it since a day, stops first."""
    values = {"city": city, "since": since}
    async with connection.cursor(row_factory=class_row(_Came)) as cursor:
        came = await (await cursor.execute(WAYS, values)).fetchall()
    async with connection.cursor(row_factory=dict_row) as cursor:
        devices = await (await cursor.execute(DEVICES, values)).fetchall()
    of_device, of_stop = defaultdict[str, list[_Came]](list), defaultdict[str, list[_Came]](list)
    for each in came:
        of_device[each.device].append(each)
        of_stop[each.way].append(each)
    return [_station(row, of_device[row["device"]], of_stop[row["device"]], at=at) for row in devices]


async def read_hours(connection: AsyncConnection[Any], *, city: str, since: date) -> list[HourHeard]:
    """How many were heard in each hour since a day, in order."""
    async with connection.cursor(row_factory=class_row(HourHeard)) as cursor:
        return await (await cursor.execute(HOURS, {"city": city, "since": since})).fetchall()


async def read_first_hour(connection: AsyncConnection[Any], *, city: str) -> datetime | None:
    """The first hour in which anybody was heard: nothing is missing before it."""
    return await fetch_value_async(connection, _FIRST, {"city": city})


def _station(row: dict[str, Any], came: Sequence[_Came], carried: Sequence[_Came], *, at: datetime) -> Station:
    ways = [Way(stop=each.way or None, messages=each.messages, last_at=each.last_at, late=each.late) for each in came]
    return Station(
        **{name: row[name] for name in ("device", "is_relay", "name", "presence", "last_seen_at", "lon", "lat")},
        ways=ways,
        tags=sum(each.tags for each in came),
        carried=_carried(row, carried) if row["is_relay"] else None,
        gap=gap_of(is_relay=row["is_relay"], last_seen_at=row["last_seen_at"], ways=ways, at=at),
    )


def _carried(row: dict[str, Any], came: Sequence[_Came]) -> Carried:
    said: dict[str, Any] = row["carrying"] or {}
    return Carried(
        messages=sum(each.messages for each in came),
        buses=len(came),
        last_at=max((each.last_at for each in came), default=None),
        waiting=said.get("waiting"),
        oldest_s=said.get("oldest_s"),
        refused=said.get("refused"),
        said_at=row["carrying_at"],
    )
