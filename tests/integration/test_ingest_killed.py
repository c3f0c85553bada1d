"""kill -9 of `busense ingest` in the middle of a stream loses nothing and doubles nothing; with fsync on."""

import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from cloud.ingest.subscriber import Delivery
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, query, value
from tests.integration.ingest_process import ACK_WAIT_S, TestDevice, device_at, running_ingesters
from tests.unit.cloud.ingest.messages import CITY, Outbox
from tests.waiting import wait_until
from wire.messages import Kind, Stored

MESSAGES = 3000
KILL_AT = (300, 900, 1500)
CHUNK = 100


@pytest.fixture
def durable_database(tmp_path: Path) -> Generator[str]:
    server = LocalPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    migrate(server.url())
    yield server.url()
    server.stop()


@pytest.fixture
def quick_broker(tmp_path: Path) -> Generator[RunningBroker]:
    """A broker that brings unacknowledged messages again after a second, not after thirty."""
    password, device_secrets = secrets.token_urlsafe(24), {"bus-1": secrets.token_urlsafe(24)}
    server = LocalBroker(
        tmp_path / "broker",
        city=CITY,
        cloud_password=password,
        device_secrets=device_secrets,
        ack_wait_s=ACK_WAIT_S,
    )
    server.start()
    yield RunningBroker(server=server, city=CITY, cloud_password=password, device_secrets=device_secrets)
    server.stop()


def publish_in_chunks(device: TestDevice, messages: list[Delivery]) -> None:
    for first in range(0, len(messages), CHUNK):
        device.publish(messages[first : first + CHUNK])


def tells_all(receipt: Stored) -> bool:
    """Whether nothing but the bad ones is still missing."""
    return receipt.up_to == MESSAGES and len(receipt.missing) == MESSAGES // 500


@pytest.mark.parametrize("kind", ["jetstream", "mqtt"])
def test_killed_several_times_it_loses_and_doubles_nothing(
    kind: str, durable_database: str, quick_broker: RunningBroker, tmp_path: Path
) -> None:
    url = durable_database
    enrol_devices(url, ["bus-1"])
    outbox = Outbox()
    messages = [outbox.message(Kind.DETECTION, confidence=0.5) for _ in range(MESSAGES)]
    messages[::500] = [outbox.delivery(Kind.DETECTION, f"bad {number}".encode()) for number in range(MESSAGES // 500)]
    good = MESSAGES - MESSAGES // 500
    with (
        running_ingesters(tmp_path, database=url, broker=quick_broker, kind=kind) as (ingester,),
        device_at(quick_broker) as device,
        ThreadPoolExecutor(1) as threads,
    ):
        publishing = threads.submit(publish_in_chunks, device, messages)
        for count in KILL_AT:
            wait_until(lambda count=count: value(url, "SELECT count(*) FROM observations") >= count, timeout_s=60)
            ingester.kill()
            ingester.start()
        publishing.result(timeout=60)
        wait_until(lambda: value(url, "SELECT count(*) FROM observations") == good, timeout_s=60)
        wait_until(lambda: value(url, "SELECT count(*) FROM quarantine") == MESSAGES // 500, timeout_s=30)
        wait_until(lambda: device.receipts and tells_all(device.receipts[-1]))
    assert query(url, "SELECT count(*), count(DISTINCT id) FROM observations") == [(good, good)]
    assert value(url, "SELECT count(*) FROM fusion_queue") == good
    assert value(url, "SELECT count(*) FROM changes WHERE kind = 'observation'") == good
