"""What is read back: buses, devices, roads; and the commands that write them."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from cloud.cli import migrate as migrate_command
from cloud.cli import roads
from cloud.commands.fleet import fleet
from cloud.db.migrate import check_current
from cloud.db.pool import open_pool
from cloud.errors import FleetError, MigrationError
from cloud.fleet.buses import list_buses
from cloud.fleet.devices import authenticate
from tests.integration.ingest_database import SECRET, enrol_devices, handler_with, query, value
from tests.unit.cloud.ingest.messages import CITY, Outbox
from wire.messages import Kind

asynchronous = pytest.mark.asyncio


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BUSENSE_CITY", CITY)
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    return database


@asynchronous
async def test_bus_shows_its_place_backlog_and_numbers(database: str) -> None:
    outbox = Outbox(sequence=6)
    async with handler_with(database, "bus-1", "bus-2") as handler:
        first = outbox.message(Kind.HEALTH)
        await handler.store([first, outbox.message(Kind.TRACK), outbox.message(Kind.STATE)])
        await handler.store([first])
    async with open_pool(database) as pool, pool.connection() as connection:
        bus, silent = await list_buses(connection, city=CITY)
    assert (bus.device, bus.presence, bus.outbox_depth, bus.camera) == ("bus-1", "online", 12, "working")
    assert (bus.stored_up_to, bus.missing, bus.given_up, bus.redelivered) == (8, 3, 3, 1)
    assert (silent.device, silent.last_seen_at, silent.stored_up_to, silent.missing) == ("bus-2", None, 0, 0)


@asynchronous
async def test_only_the_right_secret_of_the_right_device_opens(database: str) -> None:
    enrol_devices(database, ["bus-1"])
    async with open_pool(database) as pool, pool.connection() as connection:
        answers = [
            await authenticate(connection, city=city, device=device, secret=secret)
            for city, device, secret in [(CITY, "bus-1", SECRET), (CITY, "bus-1", "wrong"), (CITY, "bus-2", SECRET)]
        ]
    assert answers == [True, False, False]


def test_enrolling_again_gives_a_new_secret(environment: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        result = CliRunner().invoke(fleet, ["enrol", "elsewhere/bus-7", "--secret-file", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    assert value(environment, "SELECT count(*) FROM devices WHERE city = 'elsewhere' AND device = 'bus-7'") == 1


@pytest.mark.parametrize("name", ["Bus 1", "a/b/c", "", "-"])
def test_name_that_no_topic_can_hold_is_refused(environment: str, tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(fleet, ["enrol", name, "--secret-file", str(tmp_path / "secret")])
    assert isinstance(result.exception, FleetError)
    assert not (tmp_path / "secret").exists()


def test_roads_are_kept_once_with_the_box_around_each(environment: str, tmp_path: Path) -> None:
    lines = [[[10.0, 50.0], [10.1, 50.1]], [[20.0, 50.0], [20.1, 50.1]]]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": {"name": f"{line[0][0]}"},
        }
        for line in lines
    ]
    path = tmp_path / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for _ in range(2):
        assert "imported 2 roads" in CliRunner().invoke(roads, ["import", str(path)]).output
    found = query(environment, "SELECT name, line, min_lon, max_lat FROM roads ORDER BY name")
    assert found == [("10.0", lines[0], 10.0, 50.1), ("20.0", lines[1], 20.0, 50.1)]


def test_migrate_says_what_it_did(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_CITY", CITY)
    monkeypatch.setenv("BUSENSE_DATABASE__URL", empty_database)
    with pytest.raises(MigrationError, match="busense migrate"):
        check_current(empty_database)
    assert "applied 0001_time_partitions.sql" in CliRunner().invoke(migrate_command).output
    assert "applied" not in CliRunner().invoke(migrate_command).output
    check_current(empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE number > 5")
    with pytest.raises(MigrationError, match="busense migrate"):
        check_current(empty_database)
