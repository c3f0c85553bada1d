"""Each message from the outbox's row to the table's row to the finding, each change of a case to who is told, by id."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import Connection

from busense.chaos.ledger import Kept, Key
from busense.demo_books import read_books
from cloud.cases.audit import verify
from cloud.db.value import fetch_value

_IDS_OF_TYPE: Final[Mapping[str, LiteralString]] = {
    "busense.detection.v1": "SELECT device, id FROM observations",
    "busense.coverage.v1": "SELECT device, id FROM coverages",
    "busense.track.v1": "SELECT DISTINCT device, id FROM track_points",
    "busense.driving.v1": "SELECT device, id FROM driving_events",
    "busense.measurement.v1": "SELECT DISTINCT device, id FROM measurements",
    "busense.sighting.v1": "SELECT DISTINCT device, id FROM tag_sightings",
    "busense.health.v1": "SELECT device, id FROM health_reports",
}
_IN_QUARANTINE: Final = "SELECT device, event_id FROM quarantine WHERE event_id IS NOT NULL AND replayed_at IS NULL"
_GIVEN_UP: Final = "SELECT device, stream, lower(r), upper(r) FROM device_streams, unnest(given_up) AS r"
_WITHOUT_FINDING: Final = """
SELECT count(*) FROM observations o WHERE NOT EXISTS (
    SELECT FROM public.finding_observations l
    WHERE (l.city, l.device, l.observation_id_at, l.observation_id) = (o.city, o.device, o.id_at, o.id))
AND NOT EXISTS (
    SELECT FROM inventory.finding_observations l
    WHERE (l.city, l.device, l.observation_id_at, l.observation_id) = (o.city, o.device, o.id_at, o.id))
"""
# Findings that became one are one thing: a case at which no crew is yet must have ended in the other one. Two crews
# that were at work before the findings turned out to be one both end their work.
_DOUBLED_CASES: Final = """
SELECT count(DISTINCT c.id) FROM cases c JOIN findings f ON f.id = c.finding_id
JOIN findings g ON coalesce(g.merged_into, g.id) = coalesce(f.merged_into, f.id)
JOIN cases other ON other.finding_id = g.id AND other.id <> c.id AND NOT is_ended(other.state)
WHERE c.state IN ('reported', 'filed', 'reopened', 'returned', 'dispatched')
    AND (other.id < c.id OR other.state IN ('accepted', 'suspended', 'done', 'verified'))
"""
_DELIVERIES: Final = """
SELECT h.case_id, h.serial, d.id FROM case_history h
LEFT JOIN deliveries d ON d.case_id = h.case_id AND d.serial = h.serial
"""
_WITHOUT_PICTURE: Final = "SELECT count(*) FROM pictures WHERE received_at IS NULL"
_SET_ASIDE: Final = "SELECT count(*) FROM set_aside WHERE returned_at IS NULL"
_REPEATED_POISON: Final = "SELECT count(*) FROM quarantine WHERE digest = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What became of everything."""

    messages: int
    in_quarantine: int  # of the buses' own messages: there should be none
    in_torn_files: int  # waited in a bus's file when a page of it was torn
    given_up: int  # of those: torn, and the bus said so
    torn_untold: int  # of those: torn, and with them what knew of them
    lost_messages: int  # in no table
    lost_observations: int  # in their table, in no finding
    lost_pictures: int  # announced, and never received
    lost_deliveries: int  # lines of case history that no receiver heard of
    lost_poison: int  # poison that is not in the quarantine
    doubled_messages: int
    doubled_deliveries: int  # lines told under two ids
    cases_doubled: int
    cases: int
    deliveries: int
    redelivered: int
    set_aside: int
    chain_faults: tuple[str, ...]

    @property
    def lost(self) -> int:
        messages = self.lost_messages + self.lost_observations
        return messages + self.lost_pictures + self.lost_deliveries + self.lost_poison

    @property
    def doubled(self) -> int:
        return self.doubled_messages + self.doubled_deliveries

    @property
    def is_good(self) -> bool:
        return not (
            self.lost or self.doubled or self.cases_doubled or self.in_quarantine or self.set_aside or self.chain_faults
        )


def audit(
    database_url: str, kept: Sequence[Kept], *, torn: AbstractSet[Key], heard: Iterable[UUID], poison: Sequence[bytes]
) -> Audit:
    """Compare.

    Args:
        database_url: of the cloud's database, when nothing is under way any longer.
        kept: all that buses had on their disks, each once.
        torn: messages that waited in a bus's file when a page of it was torn; only these may be given up or missing.
        heard: ids of the deliveries that the receiver of webhooks got.
        poison: digests of the messages that nobody can read, as the quarantine makes them.
    """
    books = read_books(database_url)
    with psycopg.connect(database_url) as connection:
        quarantined = _keys(connection, _IN_QUARANTINE)
        given_up = _read_given_up(connection)
        stored = {name: _keys(connection, statement) for name, statement in _IDS_OF_TYPE.items()}
        where = Counter(
            _fate(message, stored[message.type], quarantined=quarantined, given_up=given_up, torn=torn)
            for message in kept
        )
        lost_deliveries, doubled_deliveries, deliveries = _audit_deliveries(connection, set(heard))
        return Audit(
            messages=len(kept),
            in_quarantine=where["quarantine"],
            in_torn_files=len(torn),
            given_up=where["given up"],
            torn_untold=where["torn"],
            lost_messages=where["lost"],
            lost_observations=fetch_value(connection, _WITHOUT_FINDING),
            lost_pictures=fetch_value(connection, _WITHOUT_PICTURE),
            lost_deliveries=lost_deliveries,
            lost_poison=len(poison) - fetch_value(connection, _REPEATED_POISON, (list(poison),)),
            doubled_messages=books.duplicates,
            doubled_deliveries=doubled_deliveries,
            cases_doubled=fetch_value(connection, _DOUBLED_CASES),
            cases=books.cases,
            deliveries=deliveries,
            redelivered=books.redelivered,
            set_aside=fetch_value(connection, _SET_ASIDE),
            chain_faults=tuple(verify(connection, at=datetime.now(UTC)).faults),
        )


GivenUp = Mapping[tuple[str, str], Sequence[range]]  # of device and stream


def _fate(
    message: Kept, stored: AbstractSet[Key], *, quarantined: AbstractSet[Key], given_up: GivenUp, torn: AbstractSet[Key]
) -> str:
    if message.key in stored:
        return "stored"
    if message.key in quarantined:
        return "quarantine"
    if message.key not in torn:
        return "lost"
    is_told = any(message.sequence in numbers for numbers in given_up.get((message.device, message.stream), ()))
    return "given up" if is_told else "torn"


def _audit_deliveries(connection: Connection[Any], heard: set[UUID]) -> tuple[int, int, int]:
    """Lines of history that nobody heard of, lines that went out under two ids, and all of them."""
    ids_of_line: dict[tuple[UUID, int], set[UUID]] = {}
    for case_id, serial, delivery_id in connection.execute(_DELIVERIES):
        ids = ids_of_line.setdefault((case_id, serial), set())
        if delivery_id in heard:
            ids.add(delivery_id)
    lost = sum(not ids for ids in ids_of_line.values())
    doubled = sum(len(ids) > 1 for ids in ids_of_line.values())
    return lost, doubled, len(ids_of_line)


def _read_given_up(connection: Connection[Any]) -> GivenUp:
    found: dict[tuple[str, str], list[range]] = {}
    for device, stream, first, end in connection.execute(_GIVEN_UP):
        found.setdefault((device, str(stream)), []).append(range(first, end))
    return found


def _keys(connection: Connection[Any], statement: LiteralString) -> set[Key]:
    return {(device, str(event_id)) for device, event_id in connection.execute(statement)}
