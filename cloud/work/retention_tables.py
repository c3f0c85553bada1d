"""Which rows of a class are old, done with and held: constant text of SQL."""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import sql

PICTURES: Final = "pictures"
PARTITIONED: Final = (
    "observations",
    "coverages",
    "track_points",
    "health_reports",
    "tag_sightings",
    "measurements",
    "driving_events",
)

# A hold names a device and a time.
_HELD_BY_LAW: Final = """
EXISTS (SELECT FROM legal_holds h WHERE h.lifted_at IS NULL AND h.city = t.city AND h.device = t.device
    AND {at} BETWEEN h.from_at AND h.to_at)
"""
# A picture is also held by what it shows: a case that is not closed.
_PICTURE_OF_OPEN_CASE: Final = """
EXISTS (SELECT FROM finding_observations l JOIN findings f ON f.id = l.finding_id
    JOIN findings g ON coalesce(g.merged_into, g.id) = coalesce(f.merged_into, f.id)
    JOIN cases c ON c.finding_id = g.id
    WHERE l.picture_sha256 = t.sha256 AND NOT is_ended(c.state))
OR EXISTS (SELECT FROM case_photos p JOIN cases c ON c.id = p.case_id
    WHERE p.sha256 = t.sha256 AND NOT is_ended(c.state))
"""
_OBSERVATION_OF_OPEN_CASE: Final = """
EXISTS (SELECT FROM case_sightings s JOIN cases c ON c.id = s.case_id
    WHERE s.observation_id = t.id AND s.city = t.city AND s.device = t.device
        AND NOT is_ended(c.state))
"""
# What the worker has still to take into account is not done with, however old it is.
_IS_FUSED: Final = """
NOT EXISTS (SELECT FROM fusion_queue q WHERE q.id = t.id AND q.city = t.city AND q.device = t.device)
"""
_IS_PLACED: Final = """
NOT EXISTS (SELECT FROM condition_queue q
    WHERE q.kind = 'coverage' AND q.id = t.id AND q.city = t.city AND q.device = t.device)
"""
# A picture that was announced may come when a bus that was laid up drives again.
_IS_WAITED_FOR_NO_LONGER: Final = """
t.received_at IS NOT NULL OR t.erased_at IS NOT NULL OR t.announced_at < now() - interval '90 days'
"""
_IS_CLOSED: Final = "t.closed_at IS NOT NULL"
# A stream in which a number is missing stays: somebody has to see it.
_HAS_NO_HOLES: Final = """
(SELECT count(*) = 1 AND min(lower(r)) = 1 FROM unnest(t.stored + t.given_up) r)
"""


@dataclass(frozen=True, slots=True)
class Table:
    """How one class is asked for."""

    name: LiteralString
    key: LiteralString
    at: LiteralString
    is_done: LiteralString = "TRUE"
    also_held: LiteralString = "FALSE"
    is_of_device: bool = True

    def say(self, statement: LiteralString, *, table: sql.Identifier | None = None) -> sql.Composed:
        """Put the names into a statement; `table` may be one of its parts."""
        by_law = sql.SQL(_HELD_BY_LAW).format(at=sql.SQL(self.at)) if self.is_of_device else sql.SQL("FALSE")
        return sql.SQL(statement).format(
            table=table or sql.Identifier(self.name),
            key=sql.SQL(self.key),
            at=sql.SQL(self.at),
            is_done=sql.SQL("({})").format(sql.SQL(self.is_done)),
            is_held=sql.SQL("({} OR {})").format(by_law, sql.SQL(self.also_held)),
        )


_ROW: Final = "t.id_at, t.city, t.device, t.id"
TABLES: Final = (
    Table("observations", _ROW, "t.id_at", is_done=_IS_FUSED, also_held=_OBSERVATION_OF_OPEN_CASE),
    Table("coverages", _ROW, "t.id_at", is_done=_IS_FUSED + "AND" + _IS_PLACED),
    Table("track_points", _ROW, "t.id_at"),
    Table("health_reports", _ROW, "t.id_at"),
    Table("tag_sightings", _ROW, "t.id_at"),
    Table("measurements", _ROW, "t.id_at"),
    Table("driving_events", _ROW, "t.id_at"),
    Table("driving_incidents", "t.id", "t.from_at"),
    Table("driver_shifts", "t.id", "t.to_at"),
    Table("driver_looks", "t.id", "t.closed_at", is_done=_IS_CLOSED, is_of_device=False),
    Table("jt808_raw", "t.id", "t.received_at"),
    Table("jt808_attachments", "t.city, t.device, t.identity, t.name", "t.received_at"),
    Table("driving_exposure", "t.city, t.device, t.hour", "t.hour", is_of_device=False),
    Table("quarantine", "t.id", "t.received_at", is_done="t.replayed_at IS NOT NULL"),
    Table("set_aside", "t.id", "t.at", is_done="t.returned_at IS NOT NULL", is_of_device=False),
    Table("device_commands", "t.id", "t.asked_at"),
    Table("device_streams", "t.city, t.device, t.stream", "t.last_seen_at", is_done=_HAS_NO_HOLES),
    Table("heard_days", "t.city, t.day, t.device, t.way", "t.day", is_of_device=False),
    Table("sessions", "t.id", "t.expires_at", is_of_device=False),
    Table(
        "data_request_persons",
        "t.request_id",
        "t.closed_at",
        is_done=_IS_CLOSED,
        is_of_device=False,
    ),
    Table("travel_heard", "t.traveller, t.city, t.device, t.id, t.number", "t.from_at"),
    Table("travel_events", "t.id", "t.at", is_of_device=False),
    Table("travel_looks", "t.id", "t.closed_at", is_done=_IS_CLOSED, is_of_device=False),
    Table("travel_watch", "t.city, t.device, t.from_at", "t.to_at"),
    Table("segment_history", "t.segment_id, t.day", "t.day", is_of_device=False),
    Table(
        "finding_history",
        "t.finding_id, t.from_at",
        "t.until_at",
        is_done="t.until_at < 'infinity'",
        is_of_device=False,
    ),
    Table(
        PICTURES,
        "t.sha256",
        "t.announced_at",
        is_done=_IS_WAITED_FOR_NO_LONGER,
        also_held=_PICTURE_OF_OPEN_CASE,
    ),
)
