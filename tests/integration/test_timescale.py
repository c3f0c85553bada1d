"""The same rows and questions on plain PostgreSQL and on TimescaleDB, packed and not: the same answers, row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, LiteralString

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from cloud.commands.fleet import fleet
from cloud.commands.trace import read_trace
from cloud.condition.passes import read_points
from cloud.findings.evidence import Around, read_new_observations, read_stretches, read_stretches_around
from cloud.findings.visibility import Stretch
from cloud.fleet.activity import Day, read_days
from cloud.ingest.subscriber import Delivery
from cloud.work.retention import purge
from cloud.work.retention_rules import RetentionRules
from tests.conftest import create_database
from tests.integration.timescale_server import emptied
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import CITY, Outbox
from wire.envelope import make_id
from wire.messages import Kind

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAYS = (70, 41, 40, 3, 0)  # ago, from which there are messages
BUSES = ("bus-1", "bus-2")
PACKED = (
    "observations",
    "coverages",
    "track_points",
    "health_reports",
    "driving_events",
    "tag_sightings",
    "measurements",
)
HYPERTABLES = (*PACKED, "segment_surveys")
RULES = RetentionRules.model_validate({name: {"days": 40.5} for name in PACKED})

Connection = psycopg.Connection[Any]
Rows = list[tuple[Any, ...]]


class NoPictures:
    """A store with nothing in it."""

    def remove(self, sha256: str) -> None:
        raise AssertionError(sha256)

    def stored(self) -> Mapping[str, datetime]:
        return {}


@pytest.fixture(scope="module")
def both(postgres: Any, template_database: str, timescale_url: str) -> Iterator[tuple[Connection, Connection]]:  # noqa: ANN401 - see conftest
    """Both with the same messages of all kinds, each stored by its own ingest."""
    create_database(postgres, "plain_for_timescale", template=template_database)
    plain_url: str = postgres.url("plain_for_timescale")
    messages = _messages()
    with emptied(timescale_url):
        for url in (plain_url, timescale_url):
            _fill(url, messages)
        options = "-c timezone=UTC"
        with (
            psycopg.connect(plain_url, autocommit=True, options=options) as plain,
            psycopg.connect(timescale_url, autocommit=True, options=options) as large,
        ):
            yield plain, large


def test_what_migrations_make_of_it(timescale_url: str) -> None:
    with psycopg.connect(timescale_url) as large:
        hypertables = large.execute(_HYPERTABLES).fetchall()
        policies = large.execute(_POLICIES).fetchall()
    assert sorted(hypertables) == sorted((name, name in PACKED) for name in HYPERTABLES)
    packed = [("policy_compression", name) for name in sorted(PACKED)]
    kept = ["fleet_hours_kept", "segment_days_kept"]
    followed = [("policy_refresh_continuous_aggregate", name) for name in kept]
    assert policies == packed + followed + [("policy_retention", name) for name in kept]


@pytest.mark.parametrize("is_packed", [False, True], ids=["as it comes", "packed and summed up"])
def test_same_answers_row_by_row(both: tuple[Connection, Connection], *, is_packed: bool) -> None:
    plain, large = both
    if is_packed:
        assert _pack(large) > 0
        assert large.execute("SELECT count(*) FROM fleet_hours_kept").fetchone() != (0,)
    before = _answers(plain)
    assert all(before.values()), before
    for question, answer in _answers(large).items():
        assert answer == before[question], question


def test_message_that_comes_again_into_a_packed_chunk_changes_nothing(both: tuple[Connection, Connection]) -> None:
    _, large = both
    _pack(large)
    again = large.execute("INSERT INTO track_points SELECT * FROM track_points ON CONFLICT DO NOTHING")
    assert again.rowcount == 0


def test_purge_takes_the_same_rows_and_proves_it(both: tuple[Connection, Connection]) -> None:
    plain, large = both
    reports: list[dict[str, Any]] = []
    _pack(large)
    for connection in both:
        connection.execute(_HOLD)
        report = purge(connection, NoPictures(), RULES, at=NOW)
        assert report is not None
        reports.append(report.as_json())
    assert reports[0]["is_proven"]
    assert reports[1] == reports[0]
    assert all(each["held"] > 0 and each["deleted"] > 0 for each in reports[0]["classes"])
    answers = _answers(plain)
    for question, answer in _answers(large).items():
        if question not in {"fleet_hours", "days"}:  # sums outlive what they were made of
            assert answer == answers[question], question


def test_activity_is_told_by_day(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_CITY", CITY)
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    town = Town(url=database)
    at = datetime.now(UTC)
    for bus in BUSES:
        town.store([Outbox(device=bus, at=at, stream=make_id(at)).message(Kind.TRACK)])
    told = CliRunner().invoke(fleet, ["activity"])
    assert told.exit_code == 0, told
    (line,) = told.output.splitlines()[1:]
    assert line.split()[:2] == [f"{at:%Y-%m-%d}", "2"]


def _messages() -> list[Delivery]:
    kinds = (Kind.DETECTION, Kind.COVERAGE, Kind.TRACK, Kind.HEALTH, Kind.DRIVING, Kind.SIGHTING, Kind.MEASUREMENT)
    outboxes = [
        Outbox(device=bus, at=at, stream=make_id(at))
        for bus in BUSES
        for days in DAYS
        for at in (NOW - timedelta(days=days, hours=hours) for hours in range(3))
    ]
    return [outbox.message(kind) for outbox in outboxes for kind in kinds]


def _fill(url: str, messages: list[Delivery]) -> None:
    town = Town(url=url)
    town.change("UPDATE devices SET enrolled_at = %s", NOW - timedelta(days=100))
    town.store(messages)
    for statement in (_ROAD, _SEGMENTS, _SURVEYS, "DELETE FROM fusion_queue", "DELETE FROM condition_queue"):
        town.change(statement)


def _pack(large: Connection) -> int:
    """Do now what the policies do in time; returns how many chunks are packed."""
    packed = large.execute(_COMPRESS).fetchall()
    for name in ("fleet_hours_kept", "segment_days_kept"):
        large.execute("CALL refresh_continuous_aggregate(%s, NULL, %s)", (name, NOW - timedelta(days=1)))
    return len(packed)


def _answers(connection: Connection) -> dict[str, Any]:
    since, until = NOW - timedelta(days=60), NOW + timedelta(days=1)
    keys = connection.execute("SELECT id_at, city, device, id FROM observations ORDER BY id_at, device").fetchall()
    looks = connection.execute("SELECT id_at, city, device, id FROM coverages ORDER BY id_at, device").fetchall()
    cells = [cell for (cell,) in connection.execute("SELECT DISTINCT cell FROM coverages").fetchall()]
    around = Around(cells=cells, since=since)
    return {
        "observations": sorted(read_new_observations(connection, keys), key=attrgetter("id")),
        "stretches": sorted(read_stretches(connection, looks), key=_when),
        "stretches around": sorted(read_stretches_around(connection, {"here": around})["here"], key=_when),
        "points": read_points(connection, city=CITY, device="bus-1", since=since),
        "trace": read_trace(connection, keys[-1][3]),
        "fleet_hours": _rows(connection, "SELECT * FROM fleet_hours(%s, %s) ORDER BY 1, 2, 3", since, until),
        "segment_days": _rows(connection, "SELECT * FROM segment_days(%s, %s) ORDER BY 1, 2", since, until),
        "days": [_rounded(each) for each in read_days(connection, city=CITY, since=_midnight(since), until=until)],
    } | {table: _all_rows(connection, table) for table in HYPERTABLES}


def _rounded(each: Day) -> Day:
    return replace(each, speed_mps=round(each.speed_mps or 0.0, 9))  # sums of parts differ in their last digits


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0)


def _when(stretch: Stretch) -> tuple[object, ...]:
    return stretch.to_at, stretch.device


def _all_rows(connection: Connection, table: str) -> Rows:
    statement = sql.SQL("SELECT to_jsonb(t)::text FROM {} t ORDER BY 1").format(sql.Identifier(table))
    return connection.execute(statement).fetchall()


def _rows(connection: Connection, statement: LiteralString, *values: object) -> Rows:
    return connection.execute(statement, values).fetchall()


_ROAD: LiteralString = """
INSERT INTO roads (id, kind, line, min_lon, min_lat, max_lon, max_lat)
VALUES ('r', 'residential', '[[120, 27], [120.1, 27]]', 120, 27, 120.1, 27)
"""
_SEGMENTS: LiteralString = """
INSERT INTO segments (id, course, road_id, line, length_m, min_lon, min_lat, max_lon, max_lat)
SELECT 's' || n, 'c' || n, 'r', '[[120, 27], [120.001, 27]]', 100, 120, 27, 120.001, 27 FROM generate_series(1, 3) n
"""
_SURVEYS: LiteralString = """
INSERT INTO segment_surveys (segment_id, city, device, coverage_id, from_at, to_at, from_m, to_m, direction, left_m,
    right_m, usable_share)
SELECT 's' || n, city, device, id, from_at, to_at, 0, 100, 1, 3, 3, usable_share
FROM coverages, generate_series(1, 3) n
"""
_HYPERTABLES: LiteralString = """
SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'public'
"""
_POLICIES: LiteralString = """
SELECT j.proc_name, coalesce(v.view_name, j.hypertable_name)
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.continuous_aggregates v
    ON v.materialization_hypertable_name = j.hypertable_name OR v.view_name = j.hypertable_name
WHERE j.hypertable_name IS NOT NULL ORDER BY 1, 2
"""
_COMPRESS: LiteralString = """
SELECT compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass, if_not_compressed => true)
FROM timescaledb_information.chunks WHERE hypertable_name IN ('track_points', 'observations', 'coverages',
    'health_reports', 'driving_events', 'tag_sightings', 'measurements') AND range_end < '2026-11-20'
"""
_HOLD: LiteralString = """
INSERT INTO legal_holds (city, device, from_at, to_at, reason)
VALUES ('testcity', 'bus-1', '2026-01-01', '2027-01-01', 'court')
"""
