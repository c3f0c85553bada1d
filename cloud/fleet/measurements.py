"""What the sensors of a stop measured, thinned out for a chart."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

MOST_POINTS: Final = 400
# Means of levels of sound are of their energy (ISO 1996-1).
SERIES: Final = """
SELECT sensor, quantity, to_timestamp(floor(extract(epoch FROM at) / %(bin_s)s) * %(bin_s)s) AS at,
    min(value) AS low, max(value) AS high,
    CASE WHEN quantity = 'sound_level_dba' THEN 10 * log(sum(readings * power(10, value / 10)) / sum(readings))
        ELSE sum(readings * value) / sum(readings) END AS mean
FROM measurements
WHERE city = %(city)s AND device = %(device)s AND id_at >= %(since)s AND clock_mark IS NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
NEWEST: Final = """
SELECT m.sensor, m.quantity, m.at, m.value, g.is_flooded FROM (
    SELECT DISTINCT ON (sensor, quantity) sensor, quantity, at, value FROM measurements
    WHERE city = %(city)s AND device = %(device)s AND id_at >= %(since)s AND clock_mark IS NULL
    ORDER BY sensor, quantity, at DESC
) m LEFT JOIN water_gauges g ON g.city = %(city)s AND g.device = %(device)s AND g.sensor = m.sensor
    AND m.quantity = 'water_level_m'
ORDER BY m.sensor, m.quantity
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step of a chart: the mean and what it lies between."""

    sensor: str
    quantity: str
    at: datetime
    low: float
    high: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The last value of a sensor; of a gauge also whether it is flooded."""

    sensor: str
    quantity: str
    at: datetime
    value: float
    is_flooded: bool | None


async def read_series(
    connection: AsyncConnection[Any], *, city: str, device: str, since: datetime, span: timedelta
) -> list[Point]:
    """Every sensor of a stop in steps, by sensor, quantity and time."""
    values = {"city": city, "device": device, "since": since, "bin_s": max(1.0, span.total_seconds() / MOST_POINTS)}
    async with connection.cursor(row_factory=class_row(Point)) as cursor:
        return await (await cursor.execute(SERIES, values)).fetchall()


async def read_newest(connection: AsyncConnection[Any], *, city: str, device: str, since: datetime) -> list[Newest]:
    """The last value of each sensor since a time."""
    async with connection.cursor(row_factory=class_row(Newest)) as cursor:
        return await (await cursor.execute(NEWEST, {"city": city, "device": device, "since": since})).fetchall()
