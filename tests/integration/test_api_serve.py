"""`busense serve` as a process, and what viewers are told while the database is away."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from busense.local.processes import free_port
from tests.integration.api_server import api_client
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def start(database: str, tmp_path: Path, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "BUSENSE_CITY": "testcity",
        "BUSENSE_DATABASE__URL": database,
        "BUSENSE_PICTURES__URL": f"file://{tmp_path}",
        "BUSENSE_SERVE__PORT": str(port),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "busense", "serve"], env=environment, cwd=ROOT, stderr=subprocess.PIPE
    )


def is_up(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_process_ends_in_order_while_a_viewer_is_following(database: str, tmp_path: Path) -> None:
    port = free_port()
    process = start(database, tmp_path, port)
    address = f"http://127.0.0.1:{port}/api/v1"
    wait_until(lambda: is_up(f"{address}/health"), timeout_s=60)
    with httpx.stream("GET", f"{address}/events", timeout=20) as response:
        lines = response.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        assert len(list(lines)) < 10

    _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log.decode()


def test_database_without_tables_is_told_in_plain_words(empty_database: str, tmp_path: Path) -> None:
    process = start(empty_database, tmp_path, free_port())
    _, log = process.communicate(timeout=60)

    assert process.returncode == 1
    assert b"run `busense migrate`" in log


def test_everything_is_a_503_problem_while_the_database_is_away(tmp_path: Path) -> None:
    with api_client("postgresql://127.0.0.1:1/none", tmp_path) as api, ThreadPoolExecutor() as threads:
        asked = [threads.submit(api.get, path, timeout=30) for path in ("/health", "/findings", "/events")]
        answers = [question.result() for question in asked]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
