"""What is read of those who travel, with names unsealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.chain import TRAVELLERS
from cloud.errors import TravellerNotFoundError
from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.clock import Battery, TagClock, drift_ppm

Row = dict[str, Any]

_PEOPLE: Final = """
SELECT p.id, p.name, p.kind, p.added_at, p.area_lon, p.area_lat, p.area_radius_m, p.hours_from, p.hours_to,
    c.until_at AS consent_until, coalesce(c.covers, '{}') AS covers,
    (SELECT count(*) FROM travel_tags t WHERE t.traveller = p.id) AS tags,
    (SELECT max(t.last_heard_at) FROM travel_tags t WHERE t.traveller = p.id) AS last_heard_at
FROM travel_people p LEFT JOIN LATERAL (
    SELECT max(until_at) AS until_at, array_agg(DISTINCT cover ORDER BY cover) AS covers
    FROM travel_consents c, unnest(c.covers) cover
    WHERE c.traveller = p.id AND c.withdrawn_at IS NULL AND c.from_at <= %(at)s AND c.until_at > %(at)s
) c ON TRUE
WHERE (p.erased_at IS NULL OR %(guardian)s::text IS NOT NULL) -- who looked stays to be read by guardians
"""
_OF_GUARDIAN: Final = """
    AND EXISTS (SELECT FROM travel_guardians g WHERE g.traveller = p.id AND g.person = %(guardian)s)
"""
_ONE: Final = " AND p.id = %(id)s"
_CONSENTS: Final = """
SELECT id, given_by, covers, from_at, until_at, recorded_at, recorded_by, withdrawn_at FROM travel_consents
WHERE traveller = %(id)s ORDER BY recorded_at DESC
"""
_GUARDIANS: Final = """
SELECT g.person AS name, g.added_at, p.password_hash IS NOT NULL AS has_signed_in
FROM travel_guardians g JOIN people p ON p.name = g.person WHERE g.traveller = %(id)s ORDER BY g.person
"""
_TAGS: Final = """
SELECT id, kind, exponent, first_low_s, first_high_s, first_at, low_s, high_s, known_at, battery_changed_at,
    battery_days, added_at, last_heard_at FROM travel_tags WHERE traveller = %(id)s ORDER BY added_at
"""
_JOURNEYS: Final = """
SELECT id, name, lon, lat, radius_m, days, leave_at, arrive_by FROM travel_journeys
WHERE traveller = %(id)s AND ended_at IS NULL ORDER BY leave_at, id
"""
_EVENTS: Final = """
SELECT id, kind, at, journey, stop, seen, found_at, withdrawn_at FROM travel_events
WHERE traveller = %(id)s AND at > %(since)s ORDER BY at DESC, id DESC LIMIT 200
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Reads within the caller's transaction."""

    connection: Connection[Any]
    vault: Vault
    at: datetime

    def people(self, *, guardian: str | None = None) -> list[Row]:
        """Everybody, or those in somebody's care, by name."""
        rows = self._rows(_PEOPLE + (_OF_GUARDIAN if guardian is not None else ""), guardian=guardian)
        return sorted((self._named(row) for row in rows), key=lambda row: (row["name"], row["id"]))

    def person(self, traveller: UUID, *, guardian: str | None = None) -> Row:
        """One of them.

        Raises:
            TravellerNotFoundError: there is nobody, or not in this guardian's care.
        """
        scope = _OF_GUARDIAN if guardian is not None else ""
        rows = self._rows(_PEOPLE + scope + _ONE, id=traveller, guardian=guardian)
        if not rows:
            raise TravellerNotFoundError(f"there is nobody {traveller}")
        return self._named(rows[0])

    def consents(self, traveller: UUID) -> list[Row]:
        rows = self._rows(_CONSENTS, id=traveller)
        return [row | {"given_by": self.vault.unseal(row["given_by"])} for row in rows]

    def guardians(self, traveller: UUID) -> list[Row]:
        return self._rows(_GUARDIANS, id=traveller)

    def tags(self, traveller: UUID) -> list[Row]:
        """Tags with the estimates of their battery and their clock."""
        return [row | self._estimates(row) for row in self._rows(_TAGS, id=traveller)]

    def journeys(self, traveller: UUID) -> list[Row]:
        return [self._named(row) for row in self._rows(_JOURNEYS, id=traveller)]

    def events(self, traveller: UUID, *, since: datetime) -> list[Row]:
        """What was concluded, newest first; what late news took back is marked."""
        return self._rows(_EVENTS, id=traveller, since=since)

    def history(self, traveller: UUID) -> list[Row]:
        """Who did what, newest first."""
        lines = TRAVELLERS.read(self.connection, traveller)
        return [
            {
                "at": line.at,
                "actor": line.actor,
                "deed": line.action,
                "purpose": line.reason.zh,
                "details": line.details,
            }
            for line, _ in reversed(lines)
        ]

    def _rows(self, statement: LiteralString, **values: object) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, {"at": self.at, "guardian": None, **values}).fetchall()

    def _named(self, row: Row) -> Row:
        return row | {"name": self.vault.unseal(row["name"])}

    def _estimates(self, row: Row) -> Row:
        battery = Battery(changed_at=row["battery_changed_at"], rated_days=row["battery_days"])
        drift: Sequence[float] | None = None
        if row["kind"] == "eid":
            first = TagClock(low_s=row["first_low_s"], high_s=row["first_high_s"], known_at=row["first_at"])
            drift = drift_ppm(first, TagClock(low_s=row["low_s"], high_s=row["high_s"], known_at=row["known_at"]))
        return {"battery_left": battery.left(self.at), "drift_ppm": drift}
