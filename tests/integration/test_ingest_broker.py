"""The whole way: a real broker, real `busense ingest` processes, a real database."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, query, value
from tests.integration.ingest_process import device_at, running_ingesters
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until
from wire.messages import Kind, Stored

KINDS = [pytest.param("jetstream"), pytest.param("mqtt")]

COUNT = "SELECT count(*) FROM observations"


def _has_come(receipt: Stored, receipts: Sequence[Stored]) -> bool:
    return receipt in receipts


@pytest.mark.parametrize("kind", KINDS)
def test_message_is_stored_and_receipted(kind: str, database: str, broker: RunningBroker, tmp_path: Path) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind=kind) as (ingester,),
        device_at(broker) as device,
    ):
        device.publish([outbox.message() for _ in range(120)])
        # The last batch may be stored before the one ahead of it: then a second receipt tells that all is there.
        wait_until(partial(_has_come, Stored(stream=outbox.stream, up_to=120, missing=()), device.receipts))
        assert value(database, COUNT) == 120
        assert ingester.end() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_bad_messages_go_to_the_quarantine_and_the_next_good_one_is_stored(
    kind: str, database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    bad = [b"", b"\xff\xfe", b"[]", b'{"type": "busense.rumour.v1"}', b"x" * 70_000, b"[" * 5_000]
    with running_ingesters(tmp_path, database=database, broker=broker, kind=kind), device_at(broker) as device:
        device.publish([outbox.delivery(Kind.DETECTION, payload) for payload in bad])
        device.publish([outbox.message()])
        wait_until(lambda: value(database, COUNT) == 1)
        wait_until(lambda: value(database, "SELECT count(*) FROM quarantine") == len(bad))


def test_two_ingesters_share_the_work_and_store_each_message_once(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1", "bus-2"])
    outboxes = [Outbox(device="bus-1"), Outbox(device="bus-2")]
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream", count=2),
        device_at(broker, "bus-1") as first,
        device_at(broker, "bus-2") as second,
    ):
        for device, outbox in zip((first, second), outboxes, strict=True):
            device.publish([outbox.message() for _ in range(600)])
        wait_until(lambda: value(database, COUNT) == 1200, timeout_s=30)
        # Receipts of two ingesters have no order among themselves: one must tell that all is there.
        for device, outbox in zip((first, second), outboxes, strict=True):
            whole = Stored(stream=outbox.stream, up_to=600, missing=())
            wait_until(partial(_has_come, whole, device.receipts))
    assert query(database, "SELECT stored::text, redelivered FROM device_streams") == [("{[1,601)}", 0)] * 2


def test_two_mqtt_sessions_that_both_get_everything_store_it_once(
    database: str, broker: RunningBroker, tmp_path: Path
) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind="mqtt", count=2),
        device_at(broker) as device,
    ):
        device.publish([outbox.message() for _ in range(200)])
        wait_until(lambda: value(database, "SELECT sum(redelivered) FROM device_streams") == 200, timeout_s=30)
    assert value(database, COUNT) == 200


def test_last_will_marks_the_bus_offline(database: str, broker: RunningBroker, tmp_path: Path) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    with (
        running_ingesters(tmp_path, database=database, broker=broker, kind="jetstream"),
        device_at(broker) as device,
    ):
        device.publish([outbox.message(Kind.STATE, presence="online")])
        wait_until(lambda: value(database, "SELECT presence FROM devices") == "online")
        device.publish([outbox.message(Kind.STATE, presence="offline")])
        wait_until(lambda: value(database, "SELECT presence FROM devices") == "offline")
