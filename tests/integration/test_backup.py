"""A backup restored into an empty system is the same system."""

import errno
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from obstore.store import LocalStore
from psycopg import sql
from typing_extensions import override

from cloud.commands.backup import backup, restore, write_backup
from cloud.errors import CloudError, UnavailableError
from cloud.pictures.store import PictureStore
from tests.integration import test_notify
from tests.integration.ingest_database import query, value
from tests.integration.test_notify import Receiver, notify, webhooks
from tests.integration.town import Town

receiver = test_notify.receiver  # a fixture
TABLES = """
SELECT CASE relnamespace WHEN 'public'::regnamespace THEN '' ELSE 'inventory.' END || relname FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, 'inventory'::regnamespace) AND relkind IN ('r', 'p')
    AND NOT relispartition AND relname <> 'schema_migrations'
"""
PUBLIC_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
PICTURE = b"not really a picture"
NAME = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def town(database: str, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A town with findings, a case, deliveries and a picture."""
    town = Town(url=database)
    for street in range(3):
        for number in range(1, 4):
            town.sees(bus=f"bus-{number}", minutes=10 * number, north_m=300.0 * street)
            town.looks(bus=f"bus-{number}", minutes=10 * number)
    town.store()
    town.work()
    town.change("INSERT INTO inventory.refused VALUES ('testcity', 'list.geojson', 1, now(), 'kind: none', '{}')")
    notify(town, webhooks(receiver, tmp_path))
    town.change("UPDATE pictures SET sha256 = %s, received_at = now()", NAME)
    place = tmp_path / "store" / NAME[:2] / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(PICTURE)
    use(monkeypatch, database, tmp_path / "store")
    return town


def use(monkeypatch: pytest.MonkeyPatch, url: str, store: Path) -> None:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", url)
    monkeypatch.setenv("BUSENSE_PICTURES__URL", store.as_uri())


def contents(url: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    tables = query(url, TABLES)
    with psycopg.connect(url) as connection:
        return {
            name: [
                row
                for (row,) in connection.execute(
                    sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(*name.split(".")))
                )
            ]
            for (name,) in tables
        }


def test_restored_system_is_the_same_and_goes_on(
    town: Town, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.change("INSERT INTO trimmed_changes (xid, id) VALUES ('1000000000000', 1)")
    before = contents(town.url)
    assert sum(map(len, before.values())) > 50
    made = CliRunner().invoke(backup, [str(tmp_path / "backup")], catch_exceptions=False)
    assert "1 pictures" in made.output
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0, "for its owner alone"

    use(monkeypatch, empty_database, tmp_path / "other-store")
    CliRunner().invoke(restore, [str(tmp_path / "backup")], catch_exceptions=False)
    assert before["changes"]
    live: dict[str, list[str]] = {"changes": [], "trimmed_changes": []}  # what the streams of another server were told
    assert contents(empty_database) == before | live
    assert (tmp_path / "other-store" / NAME[:2] / NAME).read_bytes() == PICTURE

    again = Town(url=empty_database, outboxes=town.outboxes)
    again.sees(bus="bus-4", minutes=50)
    again.store()
    again.work()
    assert value(empty_database, "SELECT max(passes_seen) FROM findings") == 4


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        pytest.param("manifest.json", b"", "no whole backup", id="cut off"),
        pytest.param("manifest.json", b'{"format": 2}', "of another version", id="later format"),
        pytest.param("manifest.json", b"[]", "no whole backup", id="another file"),
        pytest.param("cases.copy", b"", "damaged", id="damaged"),
    ],
)
@pytest.mark.usefixtures("town")
def test_backup_that_is_not_whole_is_refused(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, file: str, content: bytes, said: str
) -> None:
    CliRunner().invoke(backup, [str(tmp_path / "backup")], catch_exceptions=False)
    (tmp_path / "backup" / file).write_bytes(content)
    use(monkeypatch, empty_database, tmp_path / "other-store")
    result = CliRunner().invoke(restore, [str(tmp_path / "backup")])
    assert isinstance(result.exception, CloudError)
    assert said in str(result.exception)
    assert query(empty_database, PUBLIC_TABLES) == []


@pytest.mark.usefixtures("town")
def test_backup_whose_last_file_finds_no_room_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.FileIO):
        def write(self, content: Any, /) -> int:  # noqa: ANN401
            super().write(content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    opened: Callable[..., Any] = Path.open

    def open_(path: Path, mode: str = "r", **more: Any) -> Any:  # noqa: ANN401
        return Full(path, mode) if "manifest" in path.name and "w" in mode else opened(path, mode, **more)

    monkeypatch.setattr(Path, "open", open_)
    result = CliRunner().invoke(backup, [str(tmp_path / "backup")])
    assert isinstance(result.exception, OSError)
    assert not (tmp_path / "backup" / "manifest.json").exists()


@pytest.mark.usefixtures("town")
def test_store_that_takes_no_pictures_is_told(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CliRunner().invoke(backup, [str(tmp_path / "backup")], catch_exceptions=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / NAME[:2]).touch()
    use(monkeypatch, empty_database, tmp_path / "full")
    result = CliRunner().invoke(restore, [str(tmp_path / "backup")])
    assert isinstance(result.exception, UnavailableError)
    assert value(empty_database, "SELECT count(*) FROM cases") == 0


def test_backup_is_not_restored_over_what_is_there(town: Town, tmp_path: Path) -> None:
    CliRunner().invoke(backup, [str(tmp_path / "backup")], catch_exceptions=False)
    result = CliRunner().invoke(restore, [str(tmp_path / "backup")])
    assert "not empty" in str(result.exception)


@pytest.mark.usefixtures("town")
def test_database_of_somebody_else_stays_as_it_is(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CliRunner().invoke(backup, [str(tmp_path / "backup")], catch_exceptions=False)
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE invoices AS SELECT 1 AS number")
    use(monkeypatch, empty_database, tmp_path / "other-store")
    result = CliRunner().invoke(restore, [str(tmp_path / "backup")])
    assert "invoices is not empty" in str(result.exception)
    assert query(empty_database, PUBLIC_TABLES) == [("invoices",)]


class ErasedMeanwhile(PictureStore):
    """A store of which a person has each picture erased just before it is read."""

    def __init__(self, folder: Path, *, url: str) -> None:
        super().__init__(LocalStore(folder), max_bytes=1_000_000)
        self._url = url

    @override
    def read(self, sha256: str) -> bytes:
        with psycopg.connect(self._url) as connection:
            connection.execute("UPDATE pictures SET received_at = NULL, erased_at = now()")
            self.remove(sha256)
        return super().read(sha256)


def test_picture_that_is_erased_meanwhile_is_left_out_and_stays_erased(
    town: Town, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(town.url, autocommit=True) as connection:
        write_backup(connection, ErasedMeanwhile(tmp_path / "store", url=town.url), tmp_path / "backup")

    use(monkeypatch, empty_database, tmp_path / "other-store")
    made = CliRunner().invoke(restore, [str(tmp_path / "backup")], catch_exceptions=False)
    assert "0 pictures" in made.output
    assert value(empty_database, "SELECT erased_at IS NOT NULL AND received_at IS NULL FROM pictures")


def test_backup_without_a_picture_that_the_database_has_fails(town: Town, tmp_path: Path) -> None:
    (tmp_path / "store" / NAME[:2] / NAME).unlink()
    result = CliRunner().invoke(backup, [str(tmp_path / "backup")])
    assert "not in the store" in str(result.exception)
    assert not (tmp_path / "backup" / "manifest.json").exists()
