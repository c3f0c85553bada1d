"""Was anything lost, did anything count twice: asked of the tables themselves, not of what the cloud says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import dict_row

from cloud.db.value import fetch_value

# A track or a sighting is several rows, numbered within their message.
_BOOKS: Final = """
WITH rows AS (
    SELECT stream, sequence, 0 AS number, device FROM observations
    UNION ALL SELECT stream, sequence, 0, device FROM coverages
    UNION ALL SELECT stream, sequence, number, device FROM track_points
    UNION ALL SELECT stream, sequence, 0, device FROM driving_events
    UNION ALL SELECT stream, sequence, number, device FROM tag_sightings
    UNION ALL SELECT stream, sequence, 0, device FROM health_reports
    UNION ALL SELECT stream, sequence, number, device FROM measurements
    UNION ALL SELECT stream, sequence, 0, device FROM quarantine WHERE stream IS NOT NULL AND replayed_at IS NULL
)
SELECT count(DISTINCT (stream, sequence)), count(*) - count(DISTINCT (stream, sequence, number)) FROM rows
WHERE device IS DISTINCT FROM %s
"""
_STREAMS: Final = """
SELECT coalesce(sum(redelivered), 0)::bigint,
    coalesce(sum((SELECT sum(upper(r) - lower(r)) FROM unnest(given_up) AS r)), 0)::bigint
FROM device_streams
"""
_STORED_OF: Final = """
SELECT coalesce(sum((SELECT sum(upper(r) - lower(r)) FROM unnest(stored + given_up) AS r)), 0)::bigint
FROM device_streams WHERE device = ANY(%s)
"""
_WAIT_OF: Final = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - id_at))::float8
FROM track_points WHERE device = ANY(%s) AND number = 0
"""
_CASES: Final = "SELECT count(*) FROM cases"
_STEPS: Final = """
SELECT count(*) FILTER (WHERE action = 'file') AS filed, count(*) FILTER (WHERE action = 'dispatch') AS dispatched,
    count(*) FILTER (WHERE action = 'accept') AS accepted, count(*) FILTER (WHERE action = 'done') AS repaired,
    count(*) FILTER (WHERE action = 'verify') AS verified,
    count(*) FILTER (WHERE action = 'reopen' AND from_state IN ('done', 'verified', 'closed')) AS reopened,
    count(*) FILTER (WHERE to_state = 'rejected' AND from_state <> to_state) AS rejected
FROM case_history
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Messages in the database."""

    stored: int  # distinct ones, also those in quarantine
    duplicates: int  # rows too many
    redelivered: int  # came again and were ignored
    given_up: int  # by full outboxes
    cases: int
    cases_by_step: dict[str, int]  # how often each step was taken


def read_books(database_url: str, *, but: str | None = None) -> Books:
    """Count; messages of one device are left out."""
    with psycopg.connect(database_url) as connection:
        stored, duplicates = connection.execute(_BOOKS, (but or "",)).fetchone() or (0, 0)
        redelivered, given_up = connection.execute(_STREAMS).fetchone() or (0, 0)
        cases = fetch_value(connection, _CASES)
        with connection.cursor(row_factory=dict_row) as cursor:
            steps = cursor.execute(_STEPS).fetchone() or {}
    return Books(
        stored=stored,
        duplicates=duplicates,
        redelivered=redelivered,
        given_up=given_up,
        cases=cases,
        cases_by_step=steps,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StopBooks:
    """What came by the stops."""

    stored: int
    median_wait_s: float | None  # from what a bus saw to the cloud's broker

    def as_json(self, *, buses: int, sent: int) -> dict[str, object]:
        """Together with what those buses numbered."""
        return {
            "buses_without_network": buses,
            "sent": sent,
            "stored": self.stored,
            "lost": sent - self.stored,
            "median_wait_s": self.median_wait_s,
        }


def read_stop_books(database_url: str, devices: Sequence[str]) -> StopBooks:
    """Count what buses without a network of their own brought."""
    with psycopg.connect(database_url) as connection:
        stored = fetch_value(connection, _STORED_OF, (list(devices),))
        wait_s = fetch_value(connection, _WAIT_OF, (list(devices),))
    return StopBooks(stored=stored, median_wait_s=None if wait_s is None else round(wait_s, 1))
