"""What the fleet did by day: how many buses drove, and how much of the network they looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

# With TimescaleDB both come from sums that are kept; without it they are made of all rows of these days.
_DAYS: Final = """
WITH driven AS (
    SELECT date_trunc('day', hour, 'UTC') AS day, count(DISTINCT device) AS buses, sum(points)::bigint AS points,
        sum(moving)::float8 / sum(points)::float8 AS moving_share, sum(speed_sum_mps) / sum(points)::float8 AS speed_mps
    FROM fleet_hours(%(since)s, %(until)s) WHERE city = %(city)s GROUP BY 1
), looked AS (
    SELECT day, count(*) AS segments, sum(looks)::bigint AS looks FROM segment_days(%(since)s, %(until)s) GROUP BY day
)
SELECT day, coalesce(buses, 0) AS buses, coalesce(points, 0) AS points, moving_share, speed_mps,
    coalesce(segments, 0) AS segments, coalesce(looks, 0) AS looks
FROM driven FULL JOIN looked USING (day) ORDER BY day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day, UTC."""

    day: datetime
    buses: int
    points: int
    moving_share: float | None
    speed_mps: float | None  # on the average, with all stops
    segments: int  # that some bus looked at
    looks: int


def read_days(connection: Connection[Any], *, city: str, since: datetime, until: datetime) -> list[Day]:
    """Days with anything, in order; `since` and `until` are midnights in UTC, the latter is not included."""
    with connection.cursor(row_factory=class_row(Day)) as cursor:
        return cursor.execute(_DAYS, {"city": city, "since": since, "until": until}).fetchall()
