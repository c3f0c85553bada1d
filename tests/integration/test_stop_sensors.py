"""Sensors of a stop, from the messages to the case and the chart."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.cases.actions import CaseActions
from cloud.cases.handling import shipped_handling
from cloud.db.aside import Kind as AsideKind
from cloud.db.aside import give_back, list_aside
from cloud.db.pool import connect
from cloud.fleet.devices import enrol
from cloud.fleet.enrolment import revoke
from cloud.map.stops import STOPS
from cloud.scenarios.stop_water.assess import STALE_AFTER
from cloud.scenarios.stop_water.rules import load_water_rules
from cloud.work.case_jobs import CaseJobs
from cloud.work.water import ACTOR, WaterDesk, note_water
from edge_agent.agent import Agent
from edge_agent.config import AgentConfig, load_config
from edge_agent.readings import MeasuredReading, Reading
from edge_agent.sources import make_sources
from tests.conftest import RunningBroker
from tests.integration.api_server import api_client
from tests.integration.ingest_process import running_ingesters
from tests.integration.test_map_past import LAT, LON, glance_at
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import CITY, Outbox
from tests.unit.edge_agent.sources.modbus_slave import Slave
from tests.unit.edge_agent.test_clock import TRUTH, World
from tests.waiting import wait_until
from wire.codec import decode_envelope
from wire.messages import Kind, Measurement

NOW = datetime.now(UTC).replace(microsecond=0)
BEGIN = NOW - timedelta(hours=6)
DRY, WET, DEEP = 0.02, 0.2, 0.4


@pytest.fixture
def town(database: str) -> Town:
    town = Town(url=database)
    with connect(database) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32, is_relay=True)
    town.change("UPDATE devices SET enrolled_at = %s", BEGIN - timedelta(days=1))
    town.outboxes["stop-1"] = Outbox(device="stop-1", at=BEGIN)
    return town


def value(at: datetime, level: float, **changes: object) -> dict[str, Any]:
    usual = {"sensor": "underpass", "quantity": "water_level_m", "at": at.isoformat(), "value": level}
    return usual | {"over_s": 60.0, "readings": 12} | changes


def tell(town: Town, minutes: float, level: float) -> None:
    """One message, stored and looked at."""
    box = town.outboxes["stop-1"]
    box.at = BEGIN + timedelta(minutes=minutes)
    town.store([box.message(Kind.MEASUREMENT, values=[value(box.at, level)])])
    look(town, at=box.at)


def look(town: Town, *, at: datetime) -> int:
    with connect(town.url, autocommit=True) as connection:
        return note_water(
            connection,
            rules=load_water_rules(None),
            catalogue=town.catalogue,
            handling=shipped_handling(),
            now=lambda: at,
        )


def cases(town: Town) -> list[tuple[Any, ...]]:
    rows = town.rows("SELECT class_code, severity, state, unit FROM cases ORDER BY opened_at, id")
    return [tuple(row.values()) for row in rows]


def test_water_over_the_threshold_is_a_case_and_its_end_takes_it_back(town: Town) -> None:
    tell(town, 0, DRY)
    assert town.findings() == []
    tell(town, 1, WET)
    (finding,) = town.findings()
    assert (finding["class_code"], finding["state"], finding["scenario"]) == ("FLOOD", "open", "stop_water")
    assert cases(town) == [("FLOOD", "medium", "filed", "drainage")]
    tell(town, 2, DRY)
    assert [found["state"] for found in town.findings()] == ["gone"]
    assert [state for _, _, state, _ in cases(town)] == ["rejected"]
    tell(town, 3, WET)
    assert [state for _, _, state, _ in cases(town)] == ["filed"], "the case of the same place begins again"


def test_the_finding_tells_how_fresh_it_is_and_gets_worse(town: Town) -> None:
    tell(town, 0, WET)
    tell(town, 1, WET)
    (finding,) = town.findings()
    assert (finding["passes_seen"], finding["last_seen_at"]) == (1, BEGIN)
    tell(town, 5, DEEP)
    tell(town, 16, DEEP)
    (finding,) = town.findings()
    assert (finding["severity"], finding["passes_seen"]) == ("heavy", 3), "worse at once, then each ten minutes"


def test_the_map_of_the_past_shows_the_water_that_was_known_then(town: Town) -> None:
    town.change("UPDATE devices SET lon = %s, lat = %s WHERE device = 'stop-1'", LON, LAT)
    moments: list[datetime] = []
    for level in (DRY, WET, DRY):
        town.outboxes["stop-1"].at = at = datetime.now(UTC)
        town.store([town.outboxes["stop-1"].message(Kind.MEASUREMENT, values=[value(at, level)])])
        look(town, at=at)
        moments.append(max(datetime.now(UTC), town.outboxes["stop-1"].at))
    moments.append(moments[-1] + STALE_AFTER)

    with connect(town.url) as connection:
        shown = [STOPS.draw(glance_at(connection, at)) for at in moments]
    assert [[(one.kind, one.value) for one in drawn if one.id == "stop-1"] for drawn in shown] == [
        [("unknown", DRY)],
        [("flooded", WET)],
        [("unknown", DRY)],
        [("unknown", None)],
    ]


def test_a_repair_is_proven_by_the_gauge(town: Town) -> None:
    tell(town, 0, WET)
    town.change("UPDATE cases SET state = 'done', done_at = %s", BEGIN + timedelta(minutes=1))
    for minutes in (2, 13, 24):
        tell(town, minutes, DRY)
    with connect(town.url, autocommit=True) as connection:
        CaseJobs(connection=connection, catalogue=town.catalogue, handling=shipped_handling(), now=lambda: NOW).run()
    assert [state for _, _, state, _ in cases(town)] in (["verified"], ["closed"])


def test_a_gauge_that_is_let_in_no_longer_keeps_no_flood_and_its_case_is_left_to_people(town: Town) -> None:
    tell(town, 0, WET)
    with connect(town.url) as connection:
        revoke(connection, city=CITY, device="stop-1", at=BEGIN)
    look(town, at=BEGIN + timedelta(minutes=1))
    assert [(found["state"], found["existence"]) for found in town.findings()] == [("gone", 0.0)]
    assert [state for _, _, state, _ in cases(town)] == ["filed"], "silence is not dryness"

    with connect(town.url) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32, is_relay=True)
    tell(town, 2, WET)
    assert [found["state"] for found in town.findings()] == ["open"]
    assert [state for _, _, state, _ in cases(town)] == ["filed"]


def test_what_comes_twice_or_late_changes_nothing(town: Town) -> None:
    box = town.outboxes["stop-1"]
    wet = box.message(Kind.MEASUREMENT, values=[value(BEGIN, WET)])
    dry_before = box.message(Kind.MEASUREMENT, values=[value(BEGIN - timedelta(minutes=5), DRY)])
    for message in (wet, wet, dry_before):
        town.store([message])
        look(town, at=NOW)
    assert len(cases(town)) == 1
    assert [found["state"] for found in town.findings()] == ["open"]


def test_two_workers_with_the_first_levels_of_a_gauge_find_one_flood(town: Town) -> None:
    box, at = town.outboxes["stop-1"], BEGIN + timedelta(minutes=1)
    town.store([box.message(Kind.MEASUREMENT, values=[value(BEGIN, WET)])])
    with connect(town.url) as connection:
        actions = CaseActions(
            connection=connection, catalogue=town.catalogue, handling=shipped_handling(), actor=ACTOR, at=at
        )
        WaterDesk(actions=actions, rules=load_water_rules(None)).take_next()
        town.store([box.message(Kind.MEASUREMENT, values=[value(at, WET)])])
        other = threading.Thread(target=look, args=(town,), kwargs={"at": at})
        other.start()
        wait_until(lambda: bool(town.rows("SELECT FROM pg_locks WHERE NOT granted")))
        connection.commit()
        other.join()

    assert [found["state"] for found in town.findings()] == ["open"]
    assert len(cases(town)) == 1


def test_the_fusion_of_damage_leaves_water_alone(town: Town) -> None:
    tell(town, 0, WET)
    town.sees(bus="bus-1", minutes=1)
    town.looks(bus="bus-2", minutes=2)
    town.store()
    town.work()
    assert sorted(found["class_code"] for found in town.findings()) == ["D40", "FLOOD"]


def test_a_level_that_fails_is_set_aside_and_can_be_given_back(town: Town) -> None:
    town.change("ALTER TABLE water_gauges ADD CONSTRAINT broken CHECK (level_m < 0.1)")
    tell(town, 0, WET)
    with connect(town.url) as connection:
        (aside,) = list_aside(connection)
        assert aside.kind == AsideKind.WATER
        connection.execute("ALTER TABLE water_gauges DROP CONSTRAINT broken")
        assert give_back(connection, aside.id, actor="test")
    look(town, at=NOW)
    assert len(cases(town)) == 1


def stop_file(folder: Path, broker: RunningBroker, port: Path) -> Path:
    """The file of a stop without a camera, with a gauge and a thermometer."""
    (folder / "secret").write_text(broker.device_secrets["bus-1"])
    line = "72 01 4b 46 7f ff 0e 10 57"
    (folder / "w1_slave").write_text(f"{line} : crc=57 YES\n{line} t=23125\n")
    file = folder / "agent.toml"
    file.write_text(
        f"""
identity = {{ city = "{broker.city}", device = "bus-1", secret_file = "secret" }}
broker = {{ url = "{broker.mqtt_url}" }}
cloud = {{ url = "http://127.0.0.1:9" }}
place = {{ lon = 120.42, lat = 27.51 }}
outbox = {{ path = "outbox.db" }}

[sensors]
report_s = 1
one_wire = [{{ sensor = "shelter", file = "w1_slave" }}]
one_wire_every_s = 1

[[sensors.modbus]]
port = "{port}"
every_s = 0.2
registers = [{{ sensor = "underpass", quantity = "water_level_m", unit = 1, address = 4, scale = 0.001 }}]
"""
    )
    return file


def test_the_agent_of_a_stop_brings_its_sensors_to_the_cloud(town: Town, broker: RunningBroker, tmp_path: Path) -> None:
    """A gauge on a serial line, the real agent without a camera, a real broker and the real ingest."""
    town.change("DELETE FROM devices WHERE device <> 'bus-1'")
    with (
        Slave(holding={4: 203}) as slave,
        running_ingesters(tmp_path, database=town.url, broker=broker, kind="jetstream"),
    ):
        config = load_config(stop_file(tmp_path, broker, slave.port))
        now = lambda: datetime.now(UTC)  # noqa: E731
        sources = make_sources(config, now=now, hear=lambda at: at)
        agent, stop = Agent(config, sources=sources, detector=None), threading.Event()
        thread = threading.Thread(target=agent.run, args=(stop,))
        thread.start()
        wait_until(lambda: len(town.rows("SELECT FROM measurements WHERE quantity = 'temperature_c'")) > 0, 60)
        wait_until(lambda: len(town.rows("SELECT FROM devices WHERE lon = 120.42")) == 1, 60)
        stop.set()
        thread.join()
        agent.close()
    rows = town.rows("SELECT DISTINCT sensor, value, lon FROM measurements ORDER BY sensor")
    assert [tuple(row.values()) for row in rows] == [("shelter", 23.125, 120.42), ("underpass", 0.203, 120.42)]


def test_what_a_stop_was_measuring_when_it_learned_the_time_is_put_right(tmp_path: Path) -> None:
    world = World()
    world.set_system(world.truth - timedelta(days=400))
    clock = world.clock()

    class Gauge:
        is_live = True

        def readings(self) -> Iterator[Reading]:
            yield from self.measured(2)
            wait_until(lambda: agent.counters.messages == 2)  # how it is, and the first report
            world.is_synchronised = True
            yield from self.measured(2)

        def measured(self, count: int) -> Iterator[MeasuredReading]:
            for _ in range(count):
                world.go_on(20.0)
                yield MeasuredReading(at=clock.now(), sensor="underpass", quantity="water_level_m", value=0.2)

    (tmp_path / "secret").write_text("hush")
    config = AgentConfig.model_validate(
        {
            "identity": {"city": "c", "device": "stop-1", "secret_file": tmp_path / "secret"},
            "broker": {"url": "mqtt://127.0.0.1:9"},
            "cloud": {"url": "http://127.0.0.1:9"},
            "outbox": {"path": tmp_path / "outbox.db"},
            "place": {"lon": LON, "lat": LAT},
            "sensors": {"report_s": 10},
        }
    )
    agent = Agent(config, sources=[Gauge()], detector=None, clock=clock)
    agent.run(threading.Event())
    agent.close()
    assert sorted(measured_at(tmp_path / "outbox.db")) == [TRUTH + timedelta(seconds=20 * n) for n in range(1, 5)]


def measured_at(path: Path) -> Iterator[datetime]:
    with closing(sqlite3.connect(path)) as database:
        for (payload,) in database.execute("SELECT payload FROM events_measurement"):
            envelope = decode_envelope(payload)
            assert isinstance(envelope.data, Measurement)
            assert envelope.time == envelope.data.values[0].at
            yield envelope.time


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def test_the_stop_shows_its_sensors_with_their_freshness(api: httpx.Client, town: Town) -> None:
    box, now = town.outboxes["stop-1"], datetime.now(UTC).replace(microsecond=0)
    for minutes, loud in ((0, 60.0), (1, 70.0)):
        at = now - timedelta(minutes=1) + timedelta(minutes=minutes)
        box.at = at
        values = [value(at, WET), value(at, loud, sensor="street", quantity="sound_level_dba")]
        town.store([box.message(Kind.MEASUREMENT, values=values)])
    look(town, at=now)
    stop = api.get("/stops/stop-1", params={"hours": 24 * 31}).json()
    level, sound = sorted(stop["sensors"], key=lambda sensor: sensor["quantity"], reverse=True)
    assert (level["value"], level["is_flooded"], level["is_stale"]) == (WET, True, False)
    assert (sound["value"], sound["is_flooded"]) == (70.0, None)
    if len(sound["points"]) == 1:  # both lie in one step of the chart
        assert sound["points"][0]["mean"] == pytest.approx(67.404, abs=1e-3)
        assert (sound["points"][0]["low"], sound["points"][0]["high"]) == (60.0, 70.0)
    town.change("UPDATE measurements SET at = at - interval '1 hour'")
    assert {sensor["is_stale"] for sensor in api.get("/stops/stop-1").json()["sensors"]} == {True}
    town.change("UPDATE devices SET revoked_at = %s WHERE device = 'stop-1'", now)
    assert (stop["revoked_at"], api.get("/stops/stop-1").json()["revoked_at"] is None) == (None, False)
    unknown = api.get("/stops/nowhere")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "there is no stop nowhere")
