"""Who watches `busense serve` sees requests by route; who only reaches the pages sees nothing of it."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from busense.local.postgres import LocalPostgres
from busense.local.processes import accepts_connections, free_port
from cloud.api.serve import make_server
from cloud.config import CloudConfig, DatabaseConfig, PicturesConfig, ServeConfig
from cloud.db.migrate import migrate
from telemetry.server import Needs
from tests.integration.watched import ANSWERED_WITHIN_S, Watched
from tests.waiting import wait_until
from wire.envelope import make_id

ROOT = Path(__file__).parents[2]


@contextmanager
def running_serve(database: str, folder: Path, watched: Watched) -> Generator[int]:
    """A real `busense serve`; yields its port."""
    port = free_port()
    environment = os.environ | {
        "BUSENSE_CITY": "testcity",
        "BUSENSE_DATABASE__URL": database,
        "BUSENSE_PICTURES__URL": f"file://{folder}",
        "BUSENSE_SERVE__PORT": str(port),
        "BUSENSE_SERVE__VISITORS": "true",
        "BUSENSE_TELEMETRY__SERVE": watched.address,
    }
    command = [sys.executable, "-m", "busense", "serve"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
    try:
        wait_until(lambda: watched.is_up, timeout_s=90)
        wait_until(lambda: watched.is_ready, timeout_s=30)
        yield port
    finally:
        process.kill()
        process.wait()


def test_a_server_that_does_not_listen_yet_is_not_ready(database: str, tmp_path: Path) -> None:
    needs, port = Needs(), free_port()
    config = CloudConfig(
        city="testcity",
        database=DatabaseConfig(url=database),
        pictures=PicturesConfig(url=f"file://{tmp_path}"),
        serve=ServeConfig(port=port),
    )
    server = make_server(config, needs)
    assert "pages" in needs.missing()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: "pages" not in needs.missing(), timeout_s=30)
        assert accepts_connections(port)
    finally:
        server.should_exit = True
        thread.join()


def some_id() -> str:
    return make_id(datetime.now(UTC))


def requests(watched: Watched, **labels: str) -> float:
    return watched.value("busense_api_requests_total", **labels)


def test_requests_count_by_template_and_status_and_no_caller_makes_new_names(database: str, tmp_path: Path) -> None:
    watched = Watched()
    with running_serve(database, tmp_path, watched) as port:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, timeout=ANSWERED_WITHIN_S) as client:
            for _ in range(3):
                client.get(f"/api/v1/findings/{some_id()}")
            client.get("/api/v1/buses")
            client.get(f"/api/v1/{some_id()}")
            client.get(f"/{some_id()}")
            client.post("/api/v1/session", json={"name": "nobody", "password": "wrong"})
            client.request("BREW", "/api/v1/buses")

        assert requests(watched, method="GET", route="/api/v1/findings/{finding_id}", status="404") == 3
        assert requests(watched, method="GET", route="/api/v1/buses", status="200") == 1
        assert requests(watched, method="GET", route="none", status="404") == 1
        assert requests(watched, method="GET", route="pages") == 1
        assert requests(watched, method="other") == 1
        assert watched.value("busense_api_received_bytes_total", route="/api/v1/session") > 20
        assert watched.value("busense_api_request_seconds_count", route="/api/v1/buses") >= 1
        labels = [str(sorted(labels.items())) for labels, _ in watched.samples("busense_api_requests_total")]
        assert not any("-7" in label for label in labels), "an id became a label"


def test_open_streams_are_counted_and_the_public_port_tells_no_metrics(database: str, tmp_path: Path) -> None:
    watched = Watched()
    with running_serve(database, tmp_path, watched) as port:
        address = f"http://127.0.0.1:{port}"
        with httpx.stream("GET", f"{address}/api/v1/events", timeout=ANSWERED_WITHIN_S) as response:
            lines = response.iter_lines()  # which closes the stream when it is let go
            assert next(lines).startswith("retry:")
            assert watched.value("busense_api_live_streams") == 1
        wait_until(lambda: watched.value("busense_api_live_streams") == 0)
        for path in ("/metrics", "/health/ready"):
            told = httpx.get(f"{address}{path}", timeout=ANSWERED_WITHIN_S).text
            assert "busense_api" not in told
            assert "missing" not in told
        health = httpx.get(f"{address}/api/v1/health", timeout=ANSWERED_WITHIN_S)
        assert health.json() == {"status": "ok"}


def test_ready_names_the_database_while_it_is_away(tmp_path: Path) -> None:
    postgres = LocalPostgres(tmp_path / "postgres", is_durable=True)
    postgres.start()
    migrate(postgres.url())
    watched = Watched()
    try:
        with running_serve(postgres.url(), tmp_path, watched):
            postgres.kill()
            wait_until(lambda: "does not answer" in watched.missing.get("database", ""), timeout_s=40)
            assert watched.is_up
            postgres.start()
            wait_until(lambda: watched.is_ready, timeout_s=60)
    finally:
        postgres.stop()
