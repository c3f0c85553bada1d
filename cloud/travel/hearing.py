"""Whose tags were heard: what waits is resolved once, and kept only of those who have consented."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.clock import TagClock
from cloud.scenarios.safe_travel.resolve import FixedTag, Resolver, RotatingTag

BATCH: Final = 2000

_TAKE: Final = """
WITH taken AS (
    DELETE FROM travel_queue q USING (
        SELECT id_at, city, device, id, number FROM travel_queue ORDER BY id_at LIMIT %s FOR UPDATE SKIP LOCKED
    ) n WHERE q.id_at = n.id_at AND q.city = n.city AND q.device = n.device AND q.id = n.id AND q.number = n.number
    RETURNING q.id_at, q.city, q.device, q.id, q.number
)
SELECT t.city, t.device, t.id, t.number, t.rotating_id, t.first_at, t.last_at, t.lon, t.lat, t.accuracy_m,
    t.rssi_max_dbm
FROM taken JOIN tag_sightings t USING (id_at, city, device, id, number) WHERE t.clock_mark IS NULL
"""
_TAGS: Final = """
SELECT t.id, t.traveller, t.kind, t.secret, t.exponent, t.low_s, t.high_s, t.known_at, t.battery_changed_at
FROM travel_tags t
WHERE EXISTS (SELECT FROM travel_consents c WHERE c.traveller = t.traveller AND c.withdrawn_at IS NULL
    AND c.from_at <= %(at)s AND c.until_at > %(at)s)
ORDER BY t.id
"""
_VERSION: Final = """
SELECT sum(hashtextextended(id::text || battery_changed_at::text, 0)),
    ARRAY(SELECT id FROM travel_consents WHERE withdrawn_at IS NULL AND from_at <= %(at)s AND until_at > %(at)s
        ORDER BY id)
FROM travel_tags
"""
_HEARD: Final = """
INSERT INTO travel_heard (traveller, city, device, id, number, tag, from_at, to_at, lon, lat, accuracy_m, rssi_dbm)
VALUES (%(traveller)s, %(city)s, %(device)s, %(id)s, %(number)s, %(tag)s, %(first_at)s, %(last_at)s, %(lon)s, %(lat)s,
    %(accuracy_m)s, %(rssi_max_dbm)s) ON CONFLICT DO NOTHING
"""
_CLOCK: Final = """
UPDATE travel_tags SET low_s = %(low_s)s, high_s = %(high_s)s, known_at = %(known_at)s,
    last_heard_at = greatest(last_heard_at, %(heard_at)s) WHERE id = %(id)s
"""
_FIXED_HEARD: Final = "UPDATE travel_tags SET last_heard_at = greatest(last_heard_at, %s) WHERE id = %s"
_LOOK: Final = """
UPDATE travel_people SET look_at = least(look_at, %(at)s),
    look_days = ARRAY(SELECT DISTINCT unnest(look_days || %(days)s::date[])) WHERE id = %(id)s
"""
_LOCK: Final = "SELECT id FROM travel_people WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
_HELD: Final = "SELECT id, added_at, battery_changed_at FROM travel_tags WHERE traveller = ANY(%s)"


@dataclass(slots=True)
class _Worn:
    """A tag as it was last read, and who wears it."""

    traveller: UUID
    battery_changed_at: datetime
    tag: RotatingTag | FixedTag


@dataclass(slots=True)
class Ears:
    """The tags as they were last read, with their tables of ids; read anew when one of them changes."""

    vault: Vault
    _version: object = None
    _resolver: Resolver = field(default_factory=lambda: Resolver(()))
    _worn: dict[UUID, _Worn] = field(default_factory=dict[UUID, _Worn])

    def hear(self, connection: Connection[Any], *, at: datetime, zone: ZoneInfo) -> int:
        """Resolve what waits, in the caller's transaction; returns how many sightings were taken."""
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_TAKE, (BATCH,)).fetchall()
        if rows:
            self._read_when_changed(connection, at)
            self._keep(connection, rows, at=at, zone=zone)
        return len(rows)

    def _read_when_changed(self, connection: Connection[Any], at: datetime) -> None:
        version = connection.execute(_VERSION, {"at": at}).fetchone()
        if version == self._version:
            return
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_TAGS, {"at": at}).fetchall()
        self._version = version
        self._worn = {row["id"]: _Worn(row["traveller"], row["battery_changed_at"], self._tag_of(row)) for row in rows}
        self._resolver = Resolver(worn.tag for worn in self._worn.values())

    def _tag_of(self, row: dict[str, Any]) -> RotatingTag | FixedTag:
        secret = self.vault.unseal(row["secret"])
        if row["kind"] == "ibeacon":
            return FixedTag(id=row["id"], fixed_id=secret)
        clock = TagClock(low_s=row["low_s"], high_s=row["high_s"], known_at=row["known_at"])
        return RotatingTag(id=row["id"], key=bytes.fromhex(secret), exponent=row["exponent"], clock=clock)

    def _keep(
        self, connection: Connection[Any], rows: Sequence[dict[str, Any]], *, at: datetime, zone: ZoneInfo
    ) -> None:
        found = [
            (row, match) for row in rows if (match := self._resolver.resolve(row["rotating_id"], at=row["first_at"]))
        ]
        held = self._hold(connection, {self._worn[match.tag].traveller for _, match in found})
        days: dict[UUID, set[Any]] = {}
        for row, match in found:
            worn, known = self._worn[match.tag], held.get(match.tag)
            if known is not None and row["first_at"] >= known["added_at"]:
                connection.execute(_HEARD, {**row, "traveller": worn.traveller, "tag": match.tag})
                is_same = known["battery_changed_at"] == worn.battery_changed_at
                self._narrow(connection, match.tag, match.step if is_same else None, at=row["first_at"])
                days.setdefault(worn.traveller, set()).add(row["first_at"].astimezone(zone).date())
        for traveller, own in days.items():
            connection.execute(_LOOK, {"id": traveller, "at": at, "days": sorted(own)})

    def _hold(self, connection: Connection[Any], travellers: set[UUID]) -> dict[UUID, dict[str, Any]]:
        """Their tags as they are now, which nobody changes until the end of the transaction.

        What was heard before a tag was given out is another's; what was taken back meanwhile is nobody's.
        """
        connection.execute(_LOCK, (sorted(travellers),))
        with connection.cursor(row_factory=dict_row) as cursor:
            return {row["id"]: row for row in cursor.execute(_HELD, (sorted(travellers),)).fetchall()}

    def _narrow(self, connection: Connection[Any], tag: UUID, step: int | None, *, at: datetime) -> None:
        """What was heard tells the tag's time better; the tables of ids stay good, they only hold too many."""
        worn = self._worn[tag]
        held = worn.tag
        if step is None or isinstance(held, FixedTag):
            connection.execute(_FIXED_HEARD, (at, tag))
            return
        clock = held.clock.narrowed(exponent=held.exponent, step=step, at=at)
        worn.tag = RotatingTag(id=tag, key=held.key, exponent=held.exponent, clock=clock)
        values = {"low_s": clock.low_s, "high_s": clock.high_s, "known_at": clock.known_at}
        connection.execute(_CLOCK, {"id": tag, "heard_at": at, **values})
