"""What is too old goes, rows and pictures, and the report counts what is left."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud.commands.retention import retention
from cloud.errors import CloudError
from tests.integration.ingest_database import query, value
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import Outbox
from wire.envelope import make_id
from wire.messages import Kind

NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=1)
COUNT = "SELECT count(*) FROM track_points"


class Archive:
    """A database with an old and a new track of each of two buses, and pictures of both ages."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.store = url, folder / "store"
        self.store.mkdir()
        self.rules = folder / "rules.toml"
        self.rules.write_text("[track_points]\ndays = 90\n[pictures]\ndays = 90\n")
        town = Town(url=url)
        town.change("UPDATE devices SET enrolled_at = %s", OLD - timedelta(days=1))
        for bus in ("bus-1", "bus-2"):
            for at in (OLD, NEW):
                outbox = Outbox(device=bus, at=at, stream=make_id(at))
                town.store([outbox.message(Kind.TRACK)])
        self.points = value(url, COUNT) // 4
        self.pictures = [self._picture(town, at) for at in (OLD, OLD + timedelta(days=1), NEW)]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(retention, list(arguments))

    def purge(self) -> dict[str, dict[str, int]]:
        """Run it; the report's classes by name."""
        file = self.rules.with_name("report.json")
        result = self.run("run", "--rules", str(self.rules), "--json", str(file))
        assert result.exit_code == 0, result
        return {each["name"]: each for each in json.loads(file.read_text())["classes"]}

    def lies_there(self, name: str) -> bool:
        return (self.store / name[:2] / name).exists()

    def _picture(self, town: Town, at: datetime) -> str:
        payload = at.isoformat().encode()
        name = hashlib.sha256(payload).hexdigest()
        town.change(
            "INSERT INTO pictures (sha256, city, device, size_bytes, media_type, width_px, height_px, blur,"
            " announced_at, received_at) VALUES (%s, 'testcity', 'bus-1', 1000, 'image/jpeg', 1, 1, '{}', %s, %s)",
            name,
            at,
            at,
        )
        place = self.store / name[:2] / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(payload)
        return name


@pytest.fixture
def archive(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    monkeypatch.setenv("BUSENSE_PICTURES__URL", (tmp_path / "store").as_uri())
    return Archive(database, tmp_path)


def test_old_rows_and_pictures_go_and_new_ones_stay(archive: Archive) -> None:
    report = archive.purge()
    assert value(archive.url, COUNT) == 2 * archive.points
    assert [archive.lies_there(name) for name in archive.pictures] == [False, False, True]
    assert query(archive.url, "SELECT sha256 FROM pictures") == [(archive.pictures[2],)]
    points = report["track_points"]
    assert (points["deleted"], points["left"], points["left_too_old"]) == (2 * archive.points, 2 * archive.points, 0)
    assert value(archive.url, "SELECT report ->> 'is_proven' FROM retention_reports") == "true"


def test_second_run_has_nothing_to_do(archive: Archive) -> None:
    archive.purge()
    assert {each["deleted"] for each in archive.purge().values()} == {0}


def test_what_is_held_stays_until_the_hold_is_lifted(archive: Archive) -> None:
    first, last = OLD - timedelta(hours=2), OLD + timedelta(hours=2)
    words = ["--from", f"{first:%Y-%m-%dT%H:%M:%S}", "--to", f"{last:%Y-%m-%dT%H:%M:%S}", "--reason", "court"]
    archive.run("hold", "bus-1", *words)
    report = archive.purge()
    assert value(archive.url, COUNT) == 3 * archive.points
    assert (report["track_points"]["held"], report["track_points"]["left_too_old"]) == (archive.points, archive.points)
    assert archive.lies_there(archive.pictures[0])
    assert "court" in archive.run("holds").output

    archive.run("lift", "1")
    archive.purge()
    assert value(archive.url, COUNT) == 2 * archive.points
    assert not archive.lies_there(archive.pictures[0])


def test_beyond_the_space_the_oldest_pictures_go(archive: Archive) -> None:
    archive.rules.write_text("[pictures]\ndays = 1000\nmost_bytes = 1500\n")
    archive.purge()
    assert [archive.lies_there(name) for name in archive.pictures] == [False, False, True]


def test_beyond_their_number_the_oldest_rows_go(archive: Archive) -> None:
    archive.rules.write_text(f"[track_points]\ndays = 1000\nmost_rows = {2 * archive.points}\n")
    archive.purge()
    assert value(archive.url, COUNT) == 2 * archive.points


def test_picture_that_no_row_names_is_told(archive: Archive) -> None:
    (archive.store / "aa").mkdir(exist_ok=True)
    (archive.store / "aa" / ("a" * 64)).write_bytes(b"left behind")
    result = archive.run("run", "--rules", str(archive.rules))
    assert "without a row: 1" in result.output
    assert isinstance(result.exception, CloudError)


def test_shipped_rules_are_sound(archive: Archive) -> None:
    assert archive.run("run").exit_code == 0
