"""A database that an earlier version filled becomes one of this version: with nothing lost, or as it was."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, LiteralString, cast
from uuid import UUID

import psycopg
import pytest

from cloud.cases import audit
from cloud.db import idempotency
from cloud.db.migrate import check_current, migrate, read_migrations
from cloud.errors import MigrationError
from tests.integration.ingest_database import query, value

LAST_BEFORE = 71  # the schema of November 2026, before quarantine rules, people and work set aside
POINTS = """
INSERT INTO track_points (id, id_at, city, device, stream, sequence, received_at, number, at, lon, lat, accuracy_m, fix)
SELECT gen_random_uuid(), now(), 'c', 'd', gen_random_uuid(), n, now(), 0, now(), 0, 0, 1, 'gnss'
FROM generate_series(1, 1000) n
"""
QUARANTINED = """
INSERT INTO quarantine (digest, received_at, topic, payload, reason, detail)
SELECT sha256(n::text::bytea), now(), 't', 'p', 'bad_data', 'd' FROM generate_series(1, 50) n
"""
QUEUED = """
INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)
SELECT 'coverage', 'c', 'd', gen_random_uuid(), now(), '892a1072b53ffff' FROM generate_series(1, 70)
"""
FOUND = """
INSERT INTO findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2,
    north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, looked_lon,
    looked_lat)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'c', '', 'D40', 'light', 'open', 0.9, 120.4, 27.5, 4, 0, 4,
    2, 0, 3, 0, '2026-11-01T00:00Z', now(), 120.4, 27.5
FROM generate_series(1, 2) n;
UPDATE findings SET merged_into = '00000000-0000-0000-0000-000000000001'
WHERE id = '00000000-0000-0000-0000-000000000002'
"""
SAID = """
INSERT INTO finding_decisions
SELECT gen_random_uuid(), 'c', '892a1072b53ffff', kind, gen_random_uuid(), second, ids, ids[2:], at, '王', reason,
    undone_at, undone_by, undone_by
FROM (VALUES
        ('merge', gen_random_uuid(), E'看过 "照片" \\\\ 😀\\n\\x7f', now(), 'desk'),
        ('split', NULL, 'two', NULL, NULL)
    ) d (kind, second, reason, undone_at, undone_by),
    (VALUES
        (ARRAY[gen_random_uuid(), gen_random_uuid()], timestamptz '2026-11-01T00:00:00.5Z'),
        (ARRAY[gen_random_uuid()], now())
    ) o (ids, at)
"""
STANDING = """
INSERT INTO inventory.findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2,
    east_north_m2, north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at,
    looked_lon, looked_lat)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'c', '', 'SIGN', 'light', 'open', 0.9, 120.4, 27.5, 4, 0, 4,
    2, 0, 3, 0, now(), now(), 120.4, 27.5
FROM generate_series(1, 3) n;
INSERT INTO inventory.things (id, city, kind, source, state, state_since, there, gone, hidden, removed_at, removed_by,
    removed_reason)
VALUES ('00000000-0000-0000-0000-000000000001', 'c', 'SIGN', 'imported', 'seen', now(), 1, 0, 0, NULL, NULL, NULL),
    ('00000000-0000-0000-0000-000000000002', 'c', 'SIGN', 'imported', 'removed', now(), 0, 1, 0,
        '2026-11-01T00:00:00.5Z', '王', E'看过 "照片" \\\\ 😀\\n\\x7f'),
    ('00000000-0000-0000-0000-000000000003', 'c', 'SIGN', 'learned', 'removed', now(), 0, 1, 0, now(), NULL, NULL)
"""
COUNTS = """
SELECT (SELECT count(*) FROM track_points), (SELECT count(*) FROM quarantine), (SELECT count(*) FROM fusion_queue)
"""
FULL = [(1000, 50, 70)]
SCHEMA = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2
"""


@pytest.fixture
def earlier(empty_database: str) -> str:
    """A database as an earlier version made and filled it."""
    with psycopg.connect(empty_database) as connection:
        connection.execute(
            "CREATE TABLE schema_migrations (number integer NOT NULL, name text NOT NULL, sha256 text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now(), CONSTRAINT schema_migrations_pkey PRIMARY KEY (number))"
        )
        bring_on(connection, 0, LAST_BEFORE)
        connection.execute("SELECT ensure_time_partitions(%s)", (datetime.now(UTC),))
        for statement in (POINTS, QUARANTINED, QUEUED):
            connection.execute(statement)
    return empty_database


def bring_on(connection: psycopg.Connection[Any], after: int, last: int) -> None:
    """Apply migrations, as a version that knows no later ones."""
    for migration in read_migrations():
        if after < migration.number <= last:
            connection.execute(cast("LiteralString", migration.sql))
            values = (migration.number, migration.name, migration.sha256)
            connection.execute("INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)", values)


def test_nothing_is_lost(earlier: str) -> None:
    with pytest.raises(MigrationError, match="busense migrate"):
        check_current(earlier)
    assert migrate(earlier)
    assert query(earlier, COUNTS) == FULL
    check_current(earlier)


def test_what_is_believed_is_on_the_map_of_the_past_from_its_first_sighting_on(earlier: str) -> None:
    with psycopg.connect(earlier) as connection:
        connection.execute(FOUND)
    migrate(earlier)
    rows = "SELECT finding_id, from_at, state, lon, severity FROM finding_history ORDER BY from_at"
    before, now = query(earlier, rows)
    assert before == (UUID(int=1), datetime(2026, 11, 1, tzinfo=UTC), "open", 120.4, None), "how bad then is not known"
    assert now[2:] == ("open", 120.4, "light")
    ends = "SELECT until_at = 'infinity' FROM finding_history ORDER BY from_at"
    assert query(earlier, ends) == [(False,), (True,)]


def sealed_without_faults(url: str) -> int:
    """How many lines the next seal covers; nothing is wrong with them."""
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        at = datetime.now(UTC)
        lines = audit.seal(connection, at=at)
        assert audit.verify(connection, at=at).faults == ()
        return lines


def test_what_was_decided_of_findings_is_in_the_chain_from_the_upgrade_on(earlier: str) -> None:
    with psycopg.connect(earlier) as connection:
        connection.execute(SAID)
    migrate(earlier)
    assert sealed_without_faults(earlier) == 6


def test_thing_that_was_removed_is_in_the_chain_from_the_upgrade_on(earlier: str) -> None:
    with psycopg.connect(earlier) as connection:
        bring_on(connection, LAST_BEFORE, 121)
        connection.execute(STANDING)
    migrate(earlier)
    assert sealed_without_faults(earlier) == 2


def test_answer_of_before_is_given_again_under_its_key(earlier: str) -> None:
    with psycopg.connect(earlier) as connection:
        connection.execute(
            """INSERT INTO idempotency_keys VALUES ('crew-1', 'sent-by-a-phone', sha256('x'), '{"id": "王"}', now())"""
        )
    migrate(earlier)
    with psycopg.connect(earlier) as connection:
        request = idempotency.Request(actor="crew-1", key="sent-by-a-phone", content=b"hashed otherwise")
        answer = idempotency.take(connection, request, at=datetime.now(UTC))
    assert answer is not None
    assert (answer.status, json.loads(base64.b64decode(answer.body or ""))) == (200, {"id": "王"})


def test_migration_that_fails_leaves_the_state_before_it_and_can_be_made_up_for(earlier: str) -> None:
    with psycopg.connect(earlier) as connection:
        connection.execute("CREATE TABLE set_aside (in_the_way integer)")
    with pytest.raises(MigrationError, match="set_aside"):
        migrate(earlier)
    failed = next(each for each in read_migrations() if each.name.endswith("set_aside.sql"))
    assert value(earlier, "SELECT max(number) FROM schema_migrations") < failed.number
    assert value(earlier, "SELECT to_regclass('set_aside_waiting_idx')") is None
    assert query(earlier, COUNTS) == FULL

    with psycopg.connect(earlier) as connection:
        connection.execute("DROP TABLE set_aside")
    migrate(earlier)
    check_current(earlier)
    assert query(earlier, COUNTS) == FULL


def test_migration_and_its_line_of_history_come_together_or_not_at_all(earlier: str) -> None:
    first = next(each for each in read_migrations() if each.number > LAST_BEFORE)
    with psycopg.connect(earlier) as connection:
        connection.execute("ALTER TABLE schema_migrations ADD CONSTRAINT full_check CHECK (number <= 71)")
    before = query(earlier, SCHEMA)
    with pytest.raises(MigrationError, match=first.name):
        migrate(earlier)
    assert query(earlier, SCHEMA) == before

    with psycopg.connect(earlier) as connection:
        connection.execute("ALTER TABLE schema_migrations DROP CONSTRAINT full_check")
    migrate(earlier)
    check_current(earlier)


def test_two_migrators_at_once_do_it_once(earlier: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(migrate, [earlier] * 2)
    expected = [migration.name for migration in read_migrations() if migration.number > LAST_BEFORE]
    assert sorted([*first, *second]) == expected
    assert query(earlier, COUNTS) == FULL
