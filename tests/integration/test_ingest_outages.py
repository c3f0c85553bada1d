"""Database and broker are killed and come back under a running `busense ingest`: everything arrives, once."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import nats
import psycopg
import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from simulator.faults.link import FaultyLink
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, value
from tests.integration.ingest_process import IngestProcess, device_at, running_ingesters
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until
from wire.messages import Kind

KINDS = ["jetstream", "mqtt"]
AWAY_OF_KIND = {"jetstream": "broker_error", "mqtt": "broker_away"}
SLOW_MESSAGES, MESSAGE_BYTES = 3000, 40_000  # 120 MB
COUNT = "SELECT count(*) FROM observations"


@pytest.fixture
def own_postgres(tmp_path: Path) -> Generator[LocalPostgres]:
    server = LocalPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    migrate(server.url())
    yield server
    server.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_while_the_database_is_away_is_stored_afterwards(
    kind: str, own_postgres: LocalPostgres, broker: RunningBroker, tmp_path: Path
) -> None:
    url = own_postgres.url()
    enrol_devices(url, ["bus-1"])
    outbox = Outbox()
    with (
        running_ingesters(tmp_path, database=url, broker=broker, kind=kind) as (ingester,),
        device_at(broker) as device,
    ):
        device.publish([outbox.message() for _ in range(100)])
        wait_until(lambda: value(url, COUNT) == 100)
        own_postgres.kill()
        device.publish([outbox.message() for _ in range(300)])
        wait_until(lambda: "ingest_waits" in ingester.log.read_text(), timeout_s=30)
        assert all(receipt.up_to <= 100 for receipt in device.receipts)
        own_postgres.start()
        wait_until(lambda: value(url, COUNT) == 400, timeout_s=40)
        wait_until(lambda: device.receipts[-1].up_to == 400)
        assert ingester.end() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_memory_stays_bounded_while_the_database_takes_nothing(
    kind: str, database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    messages = [outbox.envelope(Kind.DETECTION, {"padding": "x" * MESSAGE_BYTES}) for _ in range(SLOW_MESSAGES)]
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind=kind) as (ingester,),
        device_at(broker) as device,
    ):
        device.publish(messages[:100])
        wait_until(lambda: value(database, COUNT) == 100)
        before = peak_memory_bytes(ingester.pid)
        with psycopg.connect(database) as connection:
            connection.execute("LOCK TABLE observations IN ACCESS EXCLUSIVE MODE")
            for first in range(100, SLOW_MESSAGES, 100):
                device.publish(messages[first : first + 100])
        wait_until(lambda: value(database, COUNT) == SLOW_MESSAGES, timeout_s=60)
        assert peak_memory_bytes(ingester.pid) - before < SLOW_MESSAGES * MESSAGE_BYTES / 3
        assert ingester.end() == 0


def peak_memory_bytes(pid: int) -> int:
    """The most that a process ever held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_ingest_goes_on_after_the_broker_was_killed(
    kind: str, database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    with running_ingesters(tmp_path, database=database, broker=broker, kind=kind) as (ingester,):
        with device_at(broker) as device:
            device.publish([outbox.message() for _ in range(100)])
        broker.server.kill()
        broker.server.start()
        with device_at(broker) as device:
            device.publish([outbox.message() for _ in range(100)])
            wait_until(lambda: value(database, COUNT) == 200, timeout_s=40)
            wait_until(lambda: device.receipts and device.receipts[-1].up_to == 200)
        assert ingester.end() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_ingest_ends_in_order_while_the_broker_is_away(
    kind: str, database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    url = broker.nats_url if kind == "jetstream" else broker.mqtt_url
    ingester = IngestProcess(tmp_path / "ingest", database=database, broker=broker, kind=kind, client_id="ingest")
    with FaultyLink(url) as link:
        ingester.environment["BUSENSE_BROKER__URL"] = link.url
        ingester.start()
        link.reset()
    wait_until(lambda: AWAY_OF_KIND[kind] in ingester.log.read_text(), timeout_s=30)
    assert ingester.end() == 0
    assert "Traceback" not in ingester.log.read_text()


def test_ingest_makes_its_consumer_again_when_the_broker_lost_it(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    async def delete_consumer() -> None:
        client = await nats.connect(broker.nats_url, user="cloud", password=broker.cloud_password)  # pyright: ignore[reportUnknownMemberType]
        await client.jetstream().delete_consumer("$MQTT_msgs", "busense-ingest")  # pyright: ignore[reportUnknownMemberType]
        await client.close()

    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream") as (ingester,),
        device_at(broker) as device,
    ):
        asyncio.run(delete_consumer())
        wait_until(lambda: "broker_error" in ingester.log.read_text())
        message = outbox.message()
        wait_until(lambda: device.publish([message]) or value(database, COUNT) == 1)
        assert ingester.end() == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"BUSENSE_BROKER__USER": "nobody"}, "refuses user 'nobody'", id="user the broker does not know"),
        pytest.param({"BUSENSE_BROKER__KIND": "pigeon"}, "broker.kind", id="kind that is none"),
        pytest.param({"BUSENSE_BROKER__PASSWORD_FILE": "/absent"}, "broker.password_file", id="file that is not there"),
        pytest.param({"BUSENSE_INGEST__BATCH_SIZE": "0"}, "ingest.batch_size", id="number out of bounds"),
        pytest.param({"BUSENSE_DATABASE__URL": "nonsense"}, "database.url", id="url that is none"),
    ],
)
def test_what_can_never_work_ends_with_plain_words(
    database: str, broker: RunningBroker, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    process = IngestProcess(tmp_path / "ingest", database=database, broker=broker, kind="jetstream", client_id="x")
    process.environment |= changes
    code, words = process.run_to_its_end()
    assert (code, "Traceback" in words) == (1, False), words
    assert said in words


def test_database_without_tables_ends_ingest_with_plain_words(
    empty_database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    process = IngestProcess(tmp_path / "x", database=empty_database, broker=broker, kind="jetstream", client_id="x")
    code, words = process.run_to_its_end()
    assert (code, "busense migrate" in words) == (1, True), words
