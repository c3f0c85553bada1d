"""Who watches `busense work` sees what it did and what waits, and finds one event again from ingest to the notice."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from tests.integration.receiver import Receiver, running_receiver
from tests.integration.town import Town
from tests.integration.watched import Watched
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Worker:
    """A real `busense work` that tells of itself."""

    def __init__(self, folder: Path, *, database: str) -> None:
        self._log = folder / "work.log"
        self.watched = Watched()
        self.environment = os.environ | {
            "BUSENSE_CITY": "testcity",
            "BUSENSE_DATABASE__URL": database,
            "BUSENSE_TELEMETRY__WORK": self.watched.address,
            "BUSENSE_LOGS": "json",
        }

    @contextmanager
    def running(self) -> Generator[None]:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "busense", "work"]
            process = subprocess.Popen(command, env=self.environment, cwd=ROOT, stderr=log)
        try:
            wait_until(lambda: self.watched.is_up, timeout_s=90)
            yield
        finally:
            process.kill()
            process.wait()

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if line.get("event") == event]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as told:
        yield told


def notify_file(folder: Path, receiver: Receiver) -> Path:
    (folder / "secret").write_text("whsec_" + base64.b64encode(b"0123456789abcdef" * 2).decode())
    path = folder / "notify.toml"
    path.write_text(
        f'[[webhooks]]\nkey = "county"\nurl = "{receiver.url}"\nsecret_file = "{folder}/secret"\nactions = ["file"]\n'
    )
    return path


def ids_of(town: Town, *, east_m: float) -> set[str]:
    """Of the sightings at one of two places of one cell that lie 80 m apart."""
    rows = town.rows(
        "SELECT id::text FROM observations WHERE (lon > (SELECT avg(lon) FROM observations)) = %s", east_m > 0
    )
    return {row["id"] for row in rows}


def test_one_id_leads_from_the_sighting_to_the_case_and_to_the_notice(
    database: str, receiver: Receiver, tmp_path: Path
) -> None:
    town = Town(url=database)
    for east_m in (0.0, 80.0):
        for minutes, bus in ((0.0, "bus-1"), (10.0, "bus-2")):
            town.sees(bus=bus, minutes=minutes, east_m=east_m)
    town.store()
    worker = Worker(tmp_path, database=database)
    worker.environment["BUSENSE_WORK__NOTIFY"] = str(notify_file(tmp_path, receiver))
    with worker.running():
        wait_until(lambda: len(worker.said("delivery_sent")) == 2, timeout_s=30)
        opened = [line for line in worker.said("case_step") if line["action"] == "open"]
        expected = [ids_of(town, east_m=0.0), ids_of(town, east_m=80.0)]
        for lines in (opened, worker.said("delivery_sent")):
            assert sorted(map(sorted, expected)) == sorted(sorted(line["events"]) for line in lines)
        assert {row["id"] for row in town.rows("SELECT id::text FROM cases")} == {line["case"] for line in opened}


def test_work_is_counted_by_kind_and_outcome(database: str, receiver: Receiver, tmp_path: Path) -> None:
    town = Town(url=database)
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    worker = Worker(tmp_path, database=database)
    worker.environment["BUSENSE_WORK__NOTIFY"] = str(notify_file(tmp_path, receiver))
    receiver.answers = [500]
    with worker.running():
        watched = worker.watched
        wait_until(lambda: watched.value("busense_deliveries_total", channel="webhook", outcome="failed") == 1, 30)
        assert watched.value("busense_jobs_total", kind="fusion", outcome="done") == 2
        assert watched.value("busense_job_seconds_count", kind="fusion") > 0
        assert watched.value("busense_case_steps_total", action="open") == 1
        assert watched.is_ready


def test_what_waits_is_told_from_the_database(database: str, tmp_path: Path) -> None:
    town = Town(url=database)
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()
    town.change("INSERT INTO set_aside (kind, subject, reason, detail) VALUES ('segment', '{}', 'a bug', '')")
    town.change("UPDATE devices SET presence = 'online' WHERE device = 'bus-1'")
    town.change("UPDATE devices SET presence = 'online', revoked_at = now() WHERE device = 'bus-2'")
    town.change("UPDATE fusion_queue SET queued_at = now() - interval '1 hour'")
    worker = Worker(tmp_path, database=database)
    with worker.running():
        watched = worker.watched
        wait_until(lambda: watched.value("busense_buses", presence="online") == 1, timeout_s=30)
        assert watched.value("busense_aside", kind="segment") == 1
        assert watched.value("busense_aside", kind="fusion") == 0
        assert watched.value("busense_quarantine_messages") == 0
        assert dict(watched.samples("busense_timers_late")[0][0]) == {}
        assert watched.value("busense_queue", queue="observations") == 0


@pytest.fixture
def own_postgres(tmp_path: Path) -> Generator[LocalPostgres]:
    server = LocalPostgres(tmp_path / "postgres", is_durable=True)
    server.start()
    migrate(server.url())
    yield server
    server.stop()


def test_ready_names_the_database_and_numbers_are_not_told_as_true_while_it_is_away(
    own_postgres: LocalPostgres, tmp_path: Path
) -> None:
    worker = Worker(tmp_path, database=own_postgres.url())
    with worker.running():
        watched = worker.watched
        wait_until(lambda: watched.is_ready and bool(watched.samples("busense_queue")), timeout_s=30)
        own_postgres.kill()
        wait_until(lambda: "cannot be reached" in watched.missing.get("database", ""), timeout_s=40)
        assert watched.samples("busense_queue") == []
        own_postgres.start()
        wait_until(lambda: watched.is_ready, timeout_s=40)
