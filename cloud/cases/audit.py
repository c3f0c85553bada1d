"""Sealing the histories of all chains, and checking that nobody changed them nor what they tell of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.chain import CHAINS, DECISIONS, Chain, line_of
from cloud.cases.model import first_broken_line
from cloud.cases.seals import Head, Seal, SealedLine, content_hash_of, faults_of_chain, next_seal
from cloud.db.value import fetch_value

BATCH: Final = 10_000
UNSEALED_FOR: Final = timedelta(minutes=10)  # a worker seals within seconds; longer means that none runs
_LOCK: Final = 0x7365616C  # "seal": one at a time

_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(%s)"
_HEAD: Final = "SELECT number, hash FROM audit_seals ORDER BY number DESC LIMIT 1"
_HASHES: Final = "SELECT seal, {subject} AS case_id, serial, hash FROM {table}"
_UNSEALED_LINES: Final = " UNION ALL ".join(chain.of(_HASHES + " WHERE seal IS NULL") for chain in CHAINS)
_UNSEALED: Final = _UNSEALED_LINES + " ORDER BY case_id, serial LIMIT %s"
_MARK: Final = """
UPDATE {table} h SET seal = %(number)s
FROM unnest(%(cases)s::uuid[], %(serials)s::integer[]) AS n(case_id, serial)
WHERE h.{subject} = n.case_id AND h.serial = n.serial
"""
_INSERT: Final = """
INSERT INTO audit_seals (number, at, lines, content_hash, previous_hash, hash) VALUES (%s, %s, %s, %s, %s, %s)
"""
_SEALS: Final = "SELECT number, at, lines, content_hash, previous_hash, hash FROM audit_seals ORDER BY number"
_SEALED: Final = " UNION ALL ".join(chain.of(_HASHES + " WHERE seal IS NOT NULL") for chain in CHAINS)
_SEALED_LINES: Final = _SEALED + " ORDER BY seal"
_WITHOUT_HISTORY: Final = """
SELECT c.number FROM cases c WHERE NOT EXISTS (SELECT FROM case_history h WHERE h.case_id = c.id) ORDER BY c.number
"""
_OTHER_STATE: Final = """
SELECT c.number, c.state, h.to_state FROM cases c JOIN LATERAL (
    SELECT to_state FROM case_history WHERE case_id = c.id ORDER BY serial DESC LIMIT 1
) h ON h.to_state <> c.state ORDER BY c.number
"""
_MISSING_NUMBERS: Final = """
SELECT n.city, n.year, n.last, count(c.id) FROM case_numbers n
LEFT JOIN cases c ON c.city = n.city AND c.number LIKE n.city || '-' || n.year || '-%%'
GROUP BY n.city, n.year, n.last HAVING count(c.id) <> n.last
"""
_OTHER_STATE_OF_REQUEST: Final = """
SELECT r.number, r.state, coalesce(h.to_state, 'not in any history') FROM data_requests r LEFT JOIN LATERAL (
    SELECT to_state FROM data_request_history WHERE request_id = r.id ORDER BY serial DESC LIMIT 1
) h ON TRUE WHERE h.to_state IS DISTINCT FROM r.state ORDER BY r.number
"""
_MISSING_REQUESTS: Final = """
SELECT n.city, n.year, n.last, count(r.id) FROM data_request_numbers n
LEFT JOIN data_requests r ON r.city = n.city AND r.number LIKE n.city || '-P' || n.year || '-%%'
GROUP BY n.city, n.year, n.last HAVING count(r.id) <> n.last
"""
_OTHER_DECISION: Final = """
SELECT coalesce(d.id, h.decision), CASE
    WHEN d.id IS NULL THEN 'is in its history, but was taken out'
    WHEN h.decision IS NULL THEN 'has no history'
    ELSE 'is not what its history says' END
FROM finding_decisions d
FULL JOIN (SELECT * FROM finding_decision_history WHERE serial = 1) h ON h.decision = d.id
LEFT JOIN finding_decision_history u ON u.decision = d.id AND u.serial = 2
WHERE (d.kind, d.actor, d.at, d.reason, d.undone_by, d.undone_at, d.undone_reason)
    IS DISTINCT FROM (h.action, h.actor, h.at, h.reason ->> 'zh', u.actor, u.at, u.reason ->> 'zh')
    OR h.details <> jsonb_build_object('city', d.city, 'cell', d.cell, 'first', d.first_finding,
        'second', d.second_finding, 'first_observations', d.first_observations,
        'second_observations', d.second_observations)
ORDER BY 1
"""
# What a person said of a finding in its case is there twice: in the case's history, and for the detector to learn from.
_OTHER_VERDICT: Final = """
SELECT c.number FROM case_verdicts v JOIN cases c ON c.id = v.case_id
LEFT JOIN case_history h ON h.case_id = v.case_id AND h.serial = v.serial
WHERE (h.actor, h.at) IS DISTINCT FROM (v.actor, v.at) OR v.finding_id <> c.finding_id OR NOT CASE v.verdict
    WHEN 'false_alarm' THEN h.action = 'reject'
    WHEN 'other_class' THEN h.action = 'correct'
        AND (h.details ->> 'class_before', h.details ->> 'class') = (v.said_class, v.true_class)
    ELSE h.action IN ('file', 'done', 'reopen') AND v.said_class = v.true_class END
UNION
SELECT c.number FROM case_history h JOIN cases c ON c.id = h.case_id
WHERE NOT starts_with(h.actor, 'system:')
    AND (h.action = 'reject' OR h.action = 'correct' AND h.details ->> 'class_before' <> h.details ->> 'class')
    AND NOT EXISTS (SELECT FROM case_verdicts v WHERE v.case_id = h.case_id AND v.serial = h.serial)
ORDER BY 1
"""
# Which things are removed, by whom, when and why, and the chains that end so.
_OTHER_REMOVAL: Final = """
SELECT coalesce(t.id::text, h.details ->> 'thing'), CASE
    WHEN h.removal IS NULL THEN 'is removed, but no history says so'
    WHEN t.id IS NULL THEN 'is not removed, but its history says so'
    ELSE 'is not removed as its history says' END
FROM (SELECT * FROM inventory.things WHERE state = 'removed' OR removal IS NOT NULL) t
FULL JOIN (
    SELECT s.removal, s.actor, s.at, s.reason, l.details FROM inventory.removal_history s CROSS JOIN LATERAL (
        SELECT to_state, details FROM inventory.removal_history WHERE removal = s.removal ORDER BY serial DESC LIMIT 1
    ) l WHERE s.serial = 1 AND l.to_state = 'removed'
) h ON h.removal = t.removal
WHERE (t.state, t.id::text, t.removed_by, t.removed_at, t.removed_reason)
    IS DISTINCT FROM ('removed', h.details ->> 'thing', h.actor, h.at, h.reason ->> 'zh')
ORDER BY 1
"""
_LEFT_OPEN: Final = "SELECT count(*) FROM {table} WHERE seal IS NULL AND at < %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found; nothing wrong, no faults."""

    lines: int
    seals: int
    head: Head | None
    faults: tuple[str, ...]


def seal(connection: Connection[Any], *, at: datetime) -> int:
    """Seal what was committed since the last time, within the caller's transaction; returns how many lines.

    The reading of lines and their marking see the same lines: a line never changes, and only one process seals.
    """
    if not fetch_value(connection, _TRY_LOCK, (_LOCK,)):
        return 0
    found = connection.execute(_UNSEALED, (BATCH,)).fetchall()
    if not found:
        return 0
    lines = [
        SealedLine(case_id=str(case_id), serial=serial, hash=bytes(line_hash))
        for _, case_id, serial, line_hash in found
    ]
    made = next_seal(read_head(connection), lines, at=at)
    values = {
        "number": made.number,
        "cases": [case_id for _, case_id, _, _ in found],
        "serials": [serial for _, _, serial, _ in found],
    }
    for chain in CHAINS:
        connection.execute(chain.of(_MARK), values)
    connection.execute(_INSERT, (made.number, made.at, made.lines, made.content_hash, made.previous_hash, made.hash))
    return made.lines


def read_head(connection: Connection[Any]) -> Head | None:
    """Read the last seal."""
    row = connection.execute(_HEAD).fetchone()
    return Head(number=row[0], hash=bytes(row[1])) if row else None


def verify(connection: Connection[Any], *, at: datetime, expected: Head | None = None) -> Verdict:
    """Check every line, every seal, and that the cases are where their histories say.

    Args:
        connection: with one snapshot for all (repeatable read).
        at: now.
        expected: a head that was kept elsewhere; it must still stand in the chain.
    """
    seals = [(_seal_of(row), bytes(row["hash"])) for row in _rows(connection, _SEALS)]
    counter = _Counter()
    faults = [
        *(fault for chain in CHAINS for fault in _faults_of_lines(connection, counter, chain)),
        *faults_of_chain(seals),
        *_faults_of_contents(connection, seals),
        *_faults_of_cases(connection),
        *_faults_of_requests(connection),
        *_faults_of_decisions(connection),
        *(f"thing {thing_id} {fault}" for thing_id, fault in connection.execute(_OTHER_REMOVAL).fetchall()),
        *_left_open(connection, at),
    ]
    if expected is not None and not any(
        made.number == expected.number and stored == expected.hash for made, stored in seals
    ):
        faults.append(f"the seal {expected.number} that was kept is not in the chain")
    head = Head(number=seals[-1][0].number, hash=seals[-1][1]) if seals else None
    return Verdict(lines=counter.lines, seals=len(seals), head=head, faults=tuple(faults))


@dataclass(slots=True)
class _Counter:
    lines: int = 0


def _faults_of_lines(connection: Connection[Any], counter: _Counter, chain: Chain) -> Iterator[str]:
    """Check the chain of each subject."""
    rows = _rows(connection, chain.of_all)
    for case_id, group in groupby(rows, key=lambda row: row["case_id"]):
        lines = [line_of(row) for row in group]
        counter.lines += len(lines)
        broken = first_broken_line(lines)
        if broken is not None:
            yield f"{chain.what} {case_id}: line {broken} was changed, taken out or put elsewhere"


def _faults_of_contents(connection: Connection[Any], seals: Iterable[tuple[Seal, bytes]]) -> Iterator[str]:
    """Check that each seal covers the lines that it covered when it was made."""
    rows = _rows(connection, _SEALED_LINES)
    groups = groupby(rows, key=lambda row: row["seal"])
    covered = {number: [_sealed_line_of(row) for row in group] for number, group in groups}
    known = {made.number for made, _ in seals}
    for made, _ in seals:
        lines = covered.get(made.number, [])
        if len(lines) != made.lines:
            yield f"seal {made.number} covered {made.lines} lines; {len(lines)} are there"
        elif content_hash_of(lines) != made.content_hash:
            yield f"seal {made.number}: a line that it covers was changed"
    yield from (f"lines of a seal {number} that is not there" for number in covered if number not in known)


def _faults_of_cases(connection: Connection[Any]) -> Iterator[str]:
    for (number,) in connection.execute(_WITHOUT_HISTORY).fetchall():
        yield f"case {number} has no history"
    for number, state, to_state in connection.execute(_OTHER_STATE).fetchall():
        yield f"case {number} is {state}, but its history ends with {to_state}"
    for city, year, last, count in connection.execute(_MISSING_NUMBERS, ()).fetchall():
        yield f"{city} {year}: {last} cases were opened, {count} are there"


def _faults_of_requests(connection: Connection[Any]) -> Iterator[str]:
    for number, state, to_state in connection.execute(_OTHER_STATE_OF_REQUEST).fetchall():
        yield f"request {number} is {state}, but its history ends with {to_state}"
    for city, year, last, count in connection.execute(_MISSING_REQUESTS, ()).fetchall():
        yield f"{city} {year}: {last} requests came, {count} are there"


def _faults_of_decisions(connection: Connection[Any]) -> Iterator[str]:
    for decision, fault in connection.execute(_OTHER_DECISION).fetchall():
        yield f"{DECISIONS.what} {decision} {fault}"
    for (number,) in connection.execute(_OTHER_VERDICT).fetchall():
        yield f"case {number}: what was said of its finding is not what its history says"


def _left_open(connection: Connection[Any], at: datetime) -> Iterator[str]:
    left = sum(fetch_value(connection, chain.of(_LEFT_OPEN), (at - UNSEALED_FOR,)) for chain in CHAINS)
    if left:
        yield f"{left} lines older than {UNSEALED_FOR} are not sealed: is `busense work` running?"


def _rows(connection: Connection[Any], statement: LiteralString) -> Iterator[dict[str, Any]]:
    """Rows one by one, so that a long history fits into memory."""
    with connection.cursor("audit", row_factory=dict_row) as cursor:
        cursor.itersize = 5_000
        yield from cursor.execute(statement)


def _seal_of(row: dict[str, Any]) -> Seal:
    return Seal(
        number=row["number"],
        at=row["at"],
        lines=row["lines"],
        content_hash=bytes(row["content_hash"]),
        previous_hash=bytes(row["previous_hash"]),
    )


def _sealed_line_of(row: dict[str, Any]) -> SealedLine:
    return SealedLine(case_id=str(row["case_id"]), serial=row["serial"], hash=bytes(row["hash"]))
