# ruff: noqa: ANN401 - settings of any type
"""The real web server on a free port of this machine."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from busense.local.processes import free_port
from cloud.api.serve import Server, make_server
from cloud.config import CloudConfig, DatabaseConfig, FleetConfig, PicturesConfig, ServeConfig, WorkConfig
from tests.unit.cloud.ingest.messages import CITY
from tests.waiting import wait_until


@contextmanager
def running_server(
    database: str,
    pictures: Path,
    *,
    visitors: bool = True,
    handling: Path | None = None,
    fleet_config: FleetConfig | None = None,
    **serve: Any,
) -> Generator[tuple[Server, str]]:
    """Yield the server and its address; visitors may look unless the test is about people."""
    port = free_port()
    server = make_server(
        CloudConfig(
            city=CITY,
            database=DatabaseConfig(url=database),
            pictures=PicturesConfig(url=f"file://{pictures}"),
            serve=ServeConfig(port=port, visitors=visitors, **serve),
            work=WorkConfig(handling=handling),
            fleet=fleet_config or FleetConfig(),
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@contextmanager
def api_client(database: str, pictures: Path) -> Generator[httpx.Client]:
    """Yield a client of a running server, at the root of the API."""
    with running_server(database, pictures) as (_, address), httpx.Client(base_url=f"{address}/api/v1") as client:
        yield client
