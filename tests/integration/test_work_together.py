"""Several workers, and workers that die: the same findings as one that lives."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from cloud.cases.actions import CaseActions
from cloud.cases.model import Action
from cloud.cases.orders import Order
from cloud.config import CloudConfig, DatabaseConfig
from cloud.db.pool import connect
from cloud.work.place import cells_around, lock_free
from cloud.work.service import work
from tests.integration.test_case_jobs import DESK, WORDS
from tests.integration.town import BUSES, Town, beliefs
from tests.waiting import wait_until

STREETS = 12
LONG_AGO = datetime(2025, 3, 3, tzinfo=UTC)
DUE = ["escalate", "escalate", "overdue", "warn"]


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def drive(town: Town, *, rounds: int = 4) -> None:
    """Let buses go by damages in places that lie in different cells, in the order of time."""
    generator = random.Random(11)
    for number in range(rounds):
        for street in range(STREETS):
            minutes = 20 * number + street / 10
            north_m = 170.0 * street
            bus = BUSES[(number + street) % len(BUSES)]
            town.sees(bus=bus, minutes=minutes, north_m=north_m + generator.gauss(0, 1), east_m=generator.gauss(0, 0.5))
            line_m = ((0.0, north_m - 60), (0.0, north_m + 40))
            town.looks(bus=bus, minutes=minutes, line_m=line_m)
            town.looks(bus=BUSES[(number + street + 3) % len(BUSES)], minutes=minutes + 10, line_m=line_m)


def expected_of(town: Town) -> list[tuple[object, ...]]:
    """What one worker believes; afterwards nothing of it is left and all waits again."""
    town.work()
    expected = beliefs(town)
    town.change(
        "TRUNCATE findings, finding_observations, finding_looks, finding_passes, cases, case_history, case_numbers,"
        " case_sightings CASCADE"
    )
    refill(town)
    return expected


def refill(town: Town) -> None:
    town.change(
        "INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)"
        " SELECT 'observation', city, device, id, id_at, cell FROM observations"
        " UNION ALL SELECT 'coverage', city, device, id, id_at, cell FROM coverages"
    )


def is_done(town: Town) -> bool:
    return town.rows("SELECT FROM fusion_queue LIMIT 1") == []


def test_workers_at_once_believe_what_one_believes(town: Town) -> None:
    drive(town)
    town.store()
    expected = expected_of(town)
    workers = [threading.Thread(target=town.work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert is_done(town)
    assert len(expected) == STREETS
    assert beliefs(town) == expected
    numbers = [case["number"] for case in town.rows("SELECT number FROM cases ORDER BY number")]
    assert [int(number[-6:]) for number in numbers] == list(range(1, STREETS + 1))


def test_everything_again_changes_nothing(town: Town) -> None:
    drive(town, rounds=2)
    town.store()
    town.work()
    before = beliefs(town)
    refill(town)
    town.work()

    assert beliefs(town) == before


def test_place_is_one_worker_s_with_its_neighbours(database: str) -> None:
    cell = "8940e35a6dbffff"
    with connect(database) as one, connect(database) as other:
        assert lock_free(one, [cell]) == [cell]
        for neighbour in cells_around(cell):
            assert lock_free(other, [neighbour]) == []
            other.rollback()
        one.rollback()
        assert lock_free(other, [cell]) == [cell]


def is_waiting_for_changes(town: Town) -> bool:
    return bool(town.rows("SELECT FROM pg_locks WHERE relation = 'changes'::regclass AND NOT granted"))


def start_worker(town: Town) -> subprocess.Popen[bytes]:
    settings = {"CITY": "testcity", "DATABASE__URL": town.url, "PICTURES__URL": "memory://"}
    environment = os.environ | {f"BUSENSE_{name}": value for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", "busense", "work"], env=environment, cwd=Path(__file__).parents[2])


def test_worker_killed_in_the_middle_leaves_no_trace(town: Town) -> None:
    """A real `busense work` is held up in its first batch, all findings written, and killed there."""
    drive(town)
    town.store()
    with psycopg.connect(town.url) as blocker:
        blocker.execute("LOCK TABLE changes IN EXCLUSIVE MODE")
        worker = start_worker(town)
        wait_until(lambda: is_waiting_for_changes(town), timeout_s=30)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)
        blocker.rollback()
    wait_until(
        lambda: (
            not town.rows(
                "SELECT FROM pg_stat_activity WHERE application_name = 'busense' AND datname = current_database()"
            )
        )
    )

    assert town.findings() == []
    assert len(town.rows("SELECT FROM fusion_queue")) == STREETS * 4 * 3


def test_timers_survive_a_killed_worker_and_fire_once(town: Town) -> None:
    """A real `busense work` is killed while it warns; those after it do all that was due, each once."""
    town.sees(bus="bus-1", class_code="D00")
    town.sees(bus="bus-2", minutes=10, class_code="D00")
    town.store()
    town.work()
    (case,) = town.rows("SELECT id FROM cases")
    with connect(town.url) as connection:
        actions = CaseActions(connection=connection, catalogue=town.catalogue, actor=DESK, at=LONG_AGO)
        actions.act(case["id"], Order(action=Action.FILE, reason=WORDS))
    with psycopg.connect(town.url) as blocker:
        blocker.execute("LOCK TABLE changes IN EXCLUSIVE MODE")
        kill(start_worker(town), when=lambda: is_waiting_for_changes(town))
        blocker.rollback()
    assert fired(town) == []
    kill(start_worker(town), when=lambda: len(fired(town)) >= 1)
    kill(start_worker(town), when=lambda: len(fired(town)) >= len(DUE))

    assert sorted(fired(town)) == DUE
    assert town.rows("SELECT FROM case_timers WHERE fired_at IS NULL") == []


def kill(worker: subprocess.Popen[bytes], *, when: Callable[[], bool]) -> None:
    wait_until(when, timeout_s=60)
    worker.send_signal(signal.SIGKILL)
    worker.wait(timeout=10)


def fired(town: Town) -> list[str]:
    """What the clock did with the case, as its history tells."""
    lines = town.rows("SELECT action FROM case_history WHERE actor = 'system:clock' ORDER BY serial")
    return [line["action"] for line in lines]


def test_worker_killed_again_and_again_believes_the_same(town: Town) -> None:
    drive(town)
    town.store()
    expected = expected_of(town)
    for remaining in (90, 0):
        worker = start_worker(town)
        wait_until(lambda limit=remaining: len(town.rows("SELECT FROM fusion_queue")) <= limit, timeout_s=30)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)

    assert is_done(town)
    assert beliefs(town) == expected
    assert len(town.rows("SELECT FROM cases")) == STREETS


def test_worker_ends_in_order_when_told(town: Town) -> None:
    worker = start_worker(town)
    town.sees()
    town.store()
    wait_until(lambda: len(town.findings()) == 1, timeout_s=30)
    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0


def test_worker_waits_for_a_database_that_is_away() -> None:
    stop = threading.Event()
    config = CloudConfig(city="testcity", database=DatabaseConfig(url="postgresql://127.0.0.1:1/none"))
    worker = threading.Thread(target=work, args=(config, stop))
    worker.start()
    assert worker.is_alive()
    stop.set()
    worker.join(timeout=10)

    assert not worker.is_alive()
