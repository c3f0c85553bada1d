"""Database and broker are killed and come back under a running `busense ingest`: everything arrives, once."""

from collections.abc import Generator
from pathlib import Path

import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, value
from tests.integration.ingest_process import device_at, running_ingesters
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until

KINDS = ["jetstream", "mqtt"]
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
