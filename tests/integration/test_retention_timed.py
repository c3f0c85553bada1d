"""The purge as a job of the worker: by itself, once a day, by one worker of all."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.config import CloudConfig, DatabaseConfig, PicturesConfig
from cloud.db.pool import connect
from cloud.errors import ClockError
from cloud.pictures.store import PictureStore, open_store
from cloud.work.housekeeping import purge_when_due
from cloud.work.retention import Report, alone, purge
from cloud.work.retention_rules import load_retention
from cloud.work.service import work
from tests.integration.ingest_database import value
from tests.waiting import wait_until

ZONE = ZoneInfo("Asia/Shanghai")
THREE = datetime(2026, 11, 27, 19, tzinfo=UTC)
REPORTS = "SELECT count(*) FROM retention_reports"


def opener(folder: Path) -> Callable[[], PictureStore]:
    return lambda: open_store(PicturesConfig(url=folder.as_uri()))


def run(url: str, folder: Path, *, at: datetime) -> Report | None:
    with connect(url, autocommit=True) as connection:
        return purge_when_due(connection, opener(folder), load_retention(None), zone=ZONE, now=lambda: at)


def test_once_a_day_whatever_restarts_in_between(database: str, tmp_path: Path) -> None:
    ran = [run(database, tmp_path, at=THREE + timedelta(hours=hours)) for hours in (0, 1, 20, 23.99, 24, 25)]
    assert [report is not None for report in ran] == [True, False, False, False, True, False]
    assert value(database, REPORTS) == 2


def test_a_purge_under_a_clock_that_was_ahead_does_not_hold_up_those_that_follow(database: str, tmp_path: Path) -> None:
    assert run(database, tmp_path, at=THREE + timedelta(days=3650)) is not None
    ran = [run(database, tmp_path, at=THREE + timedelta(hours=hours)) for hours in (0, 1, 24)]
    assert [report is not None for report in ran] == [True, False, True]


def test_under_a_clock_that_has_jumped_nothing_is_deleted_until_a_person_says_so(database: str, tmp_path: Path) -> None:
    assert run(database, tmp_path, at=THREE) is not None
    later = THREE + timedelta(days=31, hours=1)
    with pytest.raises(ClockError, match="busense retention run"):
        run(database, tmp_path, at=later)
    with connect(database, autocommit=True) as connection:
        purge(connection, opener(tmp_path)(), load_retention(None), at=later)
    assert run(database, tmp_path, at=later + timedelta(days=1)) is not None


def test_once_with_several_workers(database: str, tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def start() -> Report | None:
        barrier.wait()
        return run(database, tmp_path, at=THREE)

    with ThreadPoolExecutor(max_workers=4) as executor:
        ran = [each.result() for each in [executor.submit(start) for _ in range(4)]]
    assert sum(report is not None for report in ran) == 1
    assert value(database, REPORTS) == 1


def test_not_while_somebody_purges_by_hand(database: str, tmp_path: Path) -> None:
    with connect(database, autocommit=True) as other, alone(other, waits=True):
        assert run(database, tmp_path, at=THREE) is None
    assert run(database, tmp_path, at=THREE) is not None


def test_told_to_stop_it_is_not_done(database: str, tmp_path: Path) -> None:
    with connect(database, autocommit=True) as connection:
        stopped = purge_when_due(
            connection,
            opener(tmp_path),
            load_retention(None),
            zone=ZONE,
            now=lambda: THREE,
            should_stop=lambda: True,
        )
    assert stopped is None
    assert run(database, tmp_path, at=THREE) is not None


def test_the_worker_does_it_by_itself(database: str, tmp_path: Path) -> None:
    config = CloudConfig(
        city="testcity", database=DatabaseConfig(url=database), pictures=PicturesConfig(url=tmp_path.as_uri())
    )
    stop = threading.Event()
    worker = threading.Thread(target=work, args=(config, stop))
    worker.start()
    try:
        wait_until(lambda: value(database, REPORTS))
    finally:
        stop.set()
        worker.join(timeout=30)
    assert value(database, "SELECT report ->> 'is_proven' FROM retention_reports") == "true"


def test_a_store_that_is_away_does_not_end_the_worker(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "pictures"
    config = CloudConfig(
        city="testcity", database=DatabaseConfig(url=database), pictures=PicturesConfig(url=folder.as_uri())
    )
    tmp_path.joinpath("pictures").write_text("no folder")
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as executor:
        worker = executor.submit(work, config, stop)
        wait_until(lambda: "retention_interrupted" in caplog.text)
        assert not stop.is_set()
        stop.set()
        worker.result(timeout=30)
    assert value(database, REPORTS) == 0
