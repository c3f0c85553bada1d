"""What several tests need: the real database, the real broker, the folder of real data."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres

CITY = "testcity"
DEVICES = tuple(f"bus-{number}" for number in range(1, 7))

PLAIN, TIMESCALE = "postgresql", "timescaledb"

settings.register_profile("busense", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("busense")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked `kinds_of_database` once on each kind."""
    kinds = metafunc.definition.get_closest_marker("kinds_of_database")
    if kinds and "database" in metafunc.fixturenames:
        metafunc.parametrize("database", kinds.args, indirect=True)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPostgres]:
    """A PostgreSQL server for the whole run; what it stores need not survive."""
    server = LocalPostgres(tmp_path_factory.mktemp("postgres"), is_durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres: LocalPostgres) -> str:
    """Name of a database with all migrations, to be copied."""
    from cloud.db.migrate import migrate  # noqa: PLC0415 - only tests with a database need the cloud

    create_database(postgres, "template_migrated")
    migrate(postgres.url("template_migrated"))
    return "template_migrated"


@pytest.fixture(scope="session")
def timescale_url() -> Iterator[str]:
    """URL of the migrated database of a TimescaleDB; whoever fills it empties it."""
    from cloud.db.migrate import migrate  # noqa: PLC0415 - only tests with a database need the cloud
    from tests.integration.timescale_server import timescale  # noqa: PLC0415 - the same

    with timescale() as url:
        migrate(url)
        yield url


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres: LocalPostgres, template_database: str) -> Iterator[str]:
    """URL of a fresh migrated database, a plain PostgreSQL unless the test is marked `kinds_of_database`."""
    if getattr(request, "param", PLAIN) == TIMESCALE:
        from tests.integration.timescale_server import emptied  # noqa: PLC0415 - few tests need it

        with emptied(request.getfixturevalue("timescale_url")) as url:
            yield url
        return
    name = f"test_{secrets.token_hex(6)}"
    create_database(postgres, name, template=template_database)
    yield postgres.url(name)
    drop_database(postgres, name)


@pytest.fixture
def empty_database(postgres: LocalPostgres) -> Iterator[str]:
    """URL of a fresh database without tables."""
    name = f"test_{secrets.token_hex(6)}"
    create_database(postgres, name)
    yield postgres.url(name)
    drop_database(postgres, name)


def create_database(postgres: LocalPostgres, name: str, *, template: str = "template1") -> None:
    """Make a database as a copy of another."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(statement)


def drop_database(postgres: LocalPostgres, name: str) -> None:
    """Remove a database, whoever is still connected."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBroker:
    """A broker that knows the user `cloud` and the devices `bus-1` … `bus-6` of the city `testcity`."""

    server: LocalBroker
    city: str
    cloud_password: str
    device_secrets: dict[str, str]

    @property
    def nats_url(self) -> str:
        return self.server.nats_url

    @property
    def mqtt_url(self) -> str:
        return self.server.mqtt_url


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A fresh broker with an empty store."""
    cloud_password = secrets.token_urlsafe(24)
    device_secrets = {device: secrets.token_urlsafe(24) for device in DEVICES}
    server = LocalBroker(tmp_path / "broker", city=CITY, cloud_password=cloud_password, device_secrets=device_secrets)
    server.start()
    yield RunningBroker(server=server, city=CITY, cloud_password=cloud_password, device_secrets=device_secrets)
    server.stop()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real photos, roads and lines; without it the test is skipped."""
    folder = os.environ.get("BUSENSE_DATA")
    if not folder:
        pytest.skip("BUSENSE_DATA does not name a folder with real photos: skipped what needs them")
    return Path(folder)
