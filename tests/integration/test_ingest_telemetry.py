"""Who watches `busense ingest` sees what it stores, what it lacks and how much waits."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, value
from tests.integration.ingest_process import IngestProcess, device_at
from tests.integration.watched import Watched
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until
from wire.envelope import time_of_id
from wire.messages import COUNTED_KINDS, Kind

NOWHERE = "postgresql://busense:hidden@127.0.0.1:9/none"
STORED = "SELECT count(*) FROM observations"


@pytest.fixture
def own_postgres(tmp_path: Path) -> Generator[LocalPostgres]:
    server = LocalPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    migrate(server.url())
    yield server
    server.stop()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def ingester(
    folder: Path, *, database: str, broker: RunningBroker, watched: Watched, kind: str = "jetstream"
) -> IngestProcess:
    process = IngestProcess(folder, database=database, broker=broker, kind=kind, client_id="busense-ingest")
    process.environment |= {"BUSENSE_TELEMETRY__INGEST": watched.address, "BUSENSE_LOGS": "json"}
    return process


def test_each_message_counts_once_by_what_became_of_it(
    database: str, broker: RunningBroker, tmp_path: Path, watched: Watched
) -> None:
    enrol_devices(database, ["bus-1"])
    outbox = Outbox()
    messages = [outbox.message(kind) for kind in sorted(COUNTED_KINDS)]
    process = ingester(tmp_path, database=database, broker=broker, watched=watched)
    process.start()
    try:
        with device_at(broker) as device:
            device.publish([*messages, *messages, outbox.delivery(Kind.TRACK, b"no message")])
            wait_until(lambda: value(database, "SELECT count(*) FROM quarantine") == 1)
            wait_until(lambda: watched.value("busense_ingest_quarantined_total", reason="not_json") == 1)
            all_told = 2 * len(COUNTED_KINDS) + 1  # in one batch or two, of which either may be stored first
            wait_until(lambda: watched.value("busense_ingest_batch_messages_sum") == all_told)
        for kind in COUNTED_KINDS:
            for outcome in ("stored", "duplicate"):
                assert watched.value("busense_ingest_messages_total", kind=kind.value, outcome=outcome) == 1, kind
        assert watched.value("busense_ingest_delay_seconds_count") == watched.value(
            "busense_ingest_batch_seconds_count"
        )
        wait_until(lambda: watched.value("busense_ingest_backlog_messages") == 0)
        assert watched.is_ready
    finally:
        process.kill()


def test_log_line_of_an_observation_carries_its_id(
    database: str, broker: RunningBroker, tmp_path: Path, watched: Watched
) -> None:
    enrol_devices(database, ["bus-1"])
    process = ingester(tmp_path, database=database, broker=broker, watched=watched)
    process.start()
    try:
        with device_at(broker) as device:
            device.publish([Outbox().message()])
            wait_until(lambda: value(database, STORED) == 1)
        (event_id,) = value(database, "SELECT array_agg(id::text) FROM observations")
        lines = [json.loads(line) for line in process.log.read_text().splitlines()]
        assert [line["events"] for line in lines if line.get("event") == "observations_stored"] == [[event_id]]
        assert time_of_id(event_id)
    finally:
        process.kill()


@pytest.mark.parametrize("kind", ["jetstream", "mqtt"])
def test_ready_names_database_and_broker_while_they_are_away(
    kind: str, own_postgres: LocalPostgres, broker: RunningBroker, tmp_path: Path, watched: Watched
) -> None:
    enrol_devices(own_postgres.url(), ["bus-1"])
    process = ingester(tmp_path, database=own_postgres.url(), broker=broker, watched=watched, kind=kind)
    process.start()
    try:
        wait_until(lambda: watched.is_ready, timeout_s=20)
        own_postgres.kill()
        with device_at(broker) as device:
            device.publish([Outbox().message()])
        wait_until(lambda: watched.missing.keys() >= {"database", "storing"}, timeout_s=30)
        assert "cannot be reached" in watched.missing["database"]
        assert watched.value("busense_ingest_oldest_unstored_seconds") > 0
        assert watched.value("busense_ingest_waits_total") > 0
        own_postgres.start()
        wait_until(lambda: watched.is_ready, timeout_s=30)
        wait_until(lambda: watched.value("busense_ingest_oldest_unstored_seconds") == 0, timeout_s=10)
        broker.server.stop()
        wait_until(lambda: "does not answer" in watched.missing.get("broker", ""), timeout_s=30)
        assert watched.is_up
    finally:
        process.kill()


def test_process_that_waits_for_its_database_says_so(broker: RunningBroker, tmp_path: Path, watched: Watched) -> None:
    process = ingester(tmp_path, database=NOWHERE, broker=broker, watched=watched)
    process.launch()
    try:
        wait_until(lambda: watched.is_up, timeout_s=30)
        wait_until(lambda: "cannot be reached" in watched.missing["database"], timeout_s=30)
        assert "hidden" not in str(watched.missing)
        assert "broker" in watched.missing
    finally:
        process.kill()
