"""Findings and stops on the map of the past are what was known then, whatever became of them: a real worker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from cloud.condition.rules import load_rules
from cloud.findings.decisions import DecisionKind
from cloud.fleet.devices import enrol
from cloud.map.findings import FINDINGS
from cloud.map.layer import Drawn, Glance
from cloud.map.stops import STOPS
from cloud.people.model import Actor, Role
from cloud.people.scope import EVERYTHING
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.scenarios.street_furniture.kinds import load_kinds
from cloud.travel.stops import import_stops
from tests.integration.test_finding_decisions import decide, undo
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT, CITY

LON, LAT = place(0, 0)
VIEWER = Actor(name="view", role=Role.VIEWER)


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def glance_at(connection: psycopg.Connection[Any], at: datetime, *, is_past: bool = True) -> Glance:
    """Two kilometres around the town."""
    return Glance(
        connection=connection,
        city="testcity",
        actor=VIEWER,
        scope=EVERYTHING,
        condition=load_rules(),
        kinds=load_kinds(),
        travel=load_travel_rules(),
        zone=ZoneInfo("Asia/Shanghai"),
        min_lon=LON - 0.02,
        min_lat=LAT - 0.02,
        max_lon=LON + 0.02,
        max_lat=LAT + 0.02,
        zoom=15.0,
        at=at,
        is_past=is_past,
    )


def known_at(town: Town, at: datetime) -> list[Drawn]:
    """What the map shows of a time, from south to north."""
    with psycopg.connect(town.url) as connection:
        return sorted(FINDINGS.draw(glance_at(connection, at)), key=lambda one: one.coordinates[1])  # pyright: ignore[reportIndexIssue, reportUnknownLambdaType, reportUnknownArgumentType]


def worked(town: Town) -> datetime:
    """Let the worker take what waits; tells when it was done."""
    town.store()
    town.work()
    return datetime.now(UTC)


def sees(town: Town, *, north_m: float = 0.0, bus: int = 1, minutes: float = 0.0, confidence: float = 0.6) -> datetime:
    town.sees(bus=f"bus-{bus}", minutes=minutes, north_m=north_m, confidence=confidence)
    return worked(town)


def test_a_finding_is_shown_as_it_was_believed_then(town: Town) -> None:
    moments = [datetime.now(UTC), sees(town), sees(town, bus=2, minutes=10)]
    town.looks(bus="bus-3", minutes=20)
    moments.append(worked(town))

    shown = [known_at(town, at) for at in moments]
    assert [[one.state for one in known] for known in shown] == [[], ["candidate"], ["open"], ["open"]]
    beliefs = [known[0].value or 0.0 for known in shown[1:]]
    assert beliefs[0] < beliefs[1] > beliefs[2]


def test_a_finding_is_shown_where_it_was_believed_to_be(town: Town) -> None:
    first = sees(town)
    second = sees(town, north_m=4.0, bus=2, minutes=10)

    places = [known_at(town, at)[0].coordinates for at in (first, second)]
    assert [pytest.approx(place(0, north_m), abs=5e-6) for north_m in (0.0, 2.0)] == places


def test_what_came_late_is_shown_from_its_coming_on(town: Town) -> None:
    before = sees(town, minutes=60)
    late = sees(town, bus=2, minutes=0)

    assert [known_at(town, at)[0].state for at in (before, late)] == ["candidate", "open"]
    assert known_at(town, before - timedelta(days=1)) == []


def merge(town: Town) -> tuple[UUID, UUID, UUID]:
    first, second = (finding["id"] for finding in town.findings())
    return first, second, decide(town, DecisionKind.MERGE, first, second)


def test_two_that_became_one_are_two_before_and_again_after_it_is_taken_back(town: Town) -> None:
    sees(town)
    apart = sees(town, north_m=20.0)
    first, second, decision = merge(town)
    together = worked(town)
    undo(town, decision)
    again = worked(town)

    ids = [{one.id for one in known_at(town, at)} for at in (apart, together, again)]
    assert ids[0] == ids[2] == {str(first), str(second)}
    assert len(ids[1]) == 1
    assert [one.state for one in known_at(town, apart)] == ["candidate", "candidate"]


def test_what_is_trimmed_of_its_passes_changes_nothing_of_the_past(town: Town) -> None:
    at = sees(town)
    sees(town, bus=2, minutes=10)
    before = known_at(town, at)
    town.change("DELETE FROM finding_passes")
    assert known_at(town, at) == before


def test_little_by_little_is_written_down_by_the_metre(town: Town) -> None:
    for number in range(12):
        sees(town, north_m=0.1 * number, bus=number % 6 + 1, minutes=10 * number, confidence=0.95)

    (written,) = town.rows("SELECT count(*) AS rows FROM finding_history WHERE until_at > from_at AND state = 'open'")
    assert written["rows"] <= 3


def test_what_is_shown_now_is_found_by_its_finding_though_nobody_has_counted_the_table(town: Town) -> None:
    """Each change of a finding asks for it; all that is shown now has the same end."""
    statement = "EXPLAIN SELECT * FROM finding_history WHERE finding_id = %s AND until_at = 'infinity'"
    plan = "\n".join(row["QUERY PLAN"] for row in town.rows(statement, UUID(int=0)))
    assert "finding_history_until_at_idx" not in plan
    assert "Index Cond: (finding_id" in plan


def rated(town: Town, severity: str) -> datetime:
    town.change("UPDATE findings SET severity = %s", severity)
    return datetime.now(UTC)


def test_how_bad_a_finding_is_is_told_as_it_was_thought_then(town: Town) -> None:
    moments = [sees(town), rated(town, "medium"), rated(town, "heavy")]
    town.change("UPDATE finding_history SET severity = NULL WHERE from_at < %s", moments[0])  # before it was kept

    assert [known_at(town, at)[0].severity for at in moments] == [None, "medium", "heavy"]


def stops_at(town: Town, at: datetime) -> list[tuple[str, float | None]]:
    with psycopg.connect(town.url) as connection:
        return [(one.kind, one.value) for one in STOPS.draw(glance_at(connection, at)) if one.id == "stop-1"]


def presence_from(town: Town, presence: str) -> datetime:
    town.change("UPDATE devices SET presence = %s WHERE device = 'stop-1'", presence)
    return datetime.now(UTC)


def test_a_stop_is_shown_as_it_was_connected_then_and_as_unknown_before(town: Town) -> None:
    with psycopg.connect(town.url) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32, is_relay=True)
    town.change("UPDATE devices SET lon = %s, lat = %s, enrolled_at = %s", LON, LAT, AT)
    moments = [AT - timedelta(days=1), datetime.now(UTC), presence_from(town, "online"), presence_from(town, "offline")]
    town.change("UPDATE devices SET revoked_at = now() WHERE device = 'stop-1'")
    moments.append(datetime.now(UTC))

    assert [stops_at(town, at) for at in moments] == [
        [],
        [("unknown", None)],
        [("online", None)],
        [("offline", None)],
        [],
    ]
    assert town.rows("SELECT device FROM stop_presence GROUP BY device") == [{"device": "stop-1"}]


def test_a_stop_that_is_named_after_it_connected_is_connected_from_then_on(town: Town, tmp_path: Path) -> None:
    with psycopg.connect(town.url) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32)
    town.change("UPDATE devices SET presence = 'online', enrolled_at = %s WHERE device = 'stop-1'", AT)
    stop = {"type": "Feature", "id": "stop-1", "geometry": {"type": "Point", "coordinates": [LON, LAT]}}
    file = tmp_path / "stops.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [stop | {"properties": {"name": "East"}}]}))
    before = datetime.now(UTC)
    for _ in range(2):
        with psycopg.connect(town.url) as connection:
            import_stops(connection, file)

    assert [stops_at(town, at) for at in (before, datetime.now(UTC))] == [[("unknown", None)], [("online", None)]]
    assert town.rows("SELECT count(*) FROM stop_presence") == [{"count": 1}]


@pytest.mark.parametrize(
    "becomes",
    [
        """INSERT INTO water_gauges (city, device, sensor, is_flooded, level_m, level_at)
            VALUES ('testcity', 'stop-1', 'gully', false, 0.1, now())""",
        "UPDATE devices SET is_relay = true WHERE device = 'stop-1'",
    ],
    ids=["first water level", "enrolled again as a relay"],
)
def test_a_connected_device_that_becomes_a_stop_is_connected_from_then_on(town: Town, becomes: LiteralString) -> None:
    with psycopg.connect(town.url) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32)
    town.change("UPDATE devices SET presence = 'online' WHERE device = 'stop-1'")
    town.change(becomes)
    town.change("UPDATE water_gauges SET level_m = 0.2")
    assert town.rows("SELECT device, presence FROM stop_presence") == [{"device": "stop-1", "presence": "online"}]


def test_a_bus_that_comes_and_goes_is_not_written_down_as_a_stop(town: Town) -> None:
    town.change("UPDATE devices SET presence = 'online'")
    assert town.rows("SELECT * FROM stop_presence") == []
