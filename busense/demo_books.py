"""Was anything lost, did anything count twice: asked of the tables themselves, not of what the cloud says of itself."""

from dataclasses import dataclass
from typing import Final

import psycopg

# A track or a sighting is several rows, numbered within their message.
_BOOKS: Final = """
WITH rows AS (
    SELECT stream, sequence, 0 AS number FROM observations
    UNION ALL SELECT stream, sequence, 0 FROM coverages
    UNION ALL SELECT stream, sequence, number FROM track_points
    UNION ALL SELECT stream, sequence, 0 FROM driving_events
    UNION ALL SELECT stream, sequence, number FROM tag_sightings
    UNION ALL SELECT stream, sequence, 0 FROM health_reports
    UNION ALL SELECT stream, sequence, 0 FROM quarantine WHERE stream IS NOT NULL AND replayed_at IS NULL
)
SELECT count(DISTINCT (stream, sequence)), count(*) - count(DISTINCT (stream, sequence, number)) FROM rows
"""
_STREAMS: Final = """
SELECT coalesce(sum(redelivered), 0)::bigint,
    coalesce(sum((SELECT sum(upper(r) - lower(r)) FROM unnest(given_up) AS r)), 0)::bigint
FROM device_streams
"""
_CASES: Final = "SELECT count(*) FROM cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Messages in the database."""

    stored: int  # distinct ones, also those in quarantine
    duplicates: int  # rows too many
    redelivered: int  # came again and were ignored
    given_up: int  # by full outboxes
    cases: int


def read_books(database_url: str) -> Books:
    """Count."""
    with psycopg.connect(database_url) as connection:
        stored, duplicates = connection.execute(_BOOKS).fetchone() or (0, 0)
        redelivered, given_up = connection.execute(_STREAMS).fetchone() or (0, 0)
        (cases,) = connection.execute(_CASES).fetchone() or (0,)
    return Books(stored=stored, duplicates=duplicates, redelivered=redelivered, given_up=given_up, cases=cases)
