"""What is too old goes, rows and pictures, and the report counts what is left."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

import cloud.commands.retention
from cloud.commands.retention import retention
from cloud.config import PicturesConfig
from cloud.db.pool import connect
from cloud.errors import CloudError, ConfigError
from cloud.pictures.store import open_store
from cloud.work.retention import KEPT_WITHOUT_ROW, purge
from cloud.work.retention_rules import PictureRule, RetentionRules
from tests.conftest import PLAIN, TIMESCALE
from tests.integration.ingest_database import query, value
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import Outbox
from wire.envelope import make_id
from wire.messages import Kind

pytestmark = pytest.mark.kinds_of_database(PLAIN, TIMESCALE)
by_months = pytest.mark.kinds_of_database(PLAIN)  # of chunks: test_timescale.py

NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=1)
COUNT = "SELECT count(*) FROM track_points"


class Deaf:
    """A store that says it deleted and did not."""

    def __init__(self, archive: "Archive") -> None:
        self._archive = archive

    def remove(self, sha256: str) -> None:
        assert self._archive.lies_there(sha256)

    def stored(self) -> dict[str, datetime]:
        return open_store(PicturesConfig(url=self._archive.store.as_uri())).stored()


class Archive:
    """A database with an old and a new track of each of two buses, and pictures of both ages."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.store = url, folder / "store"
        self.store.mkdir()
        self.rules = folder / "rules.toml"
        self.rules.write_text("[track_points]\ndays = 90\n[pictures]\ndays = 90\n")
        self.town = town = Town(url=url)
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

    def place_of(self, name: str) -> Path:
        return self.store / name[:2] / name

    def lies_there(self, name: str) -> bool:
        return self.place_of(name).exists()

    def lay(self, name: str, *, at: datetime, payload: bytes = b"left behind") -> None:
        """Put a file into the store as if at that time."""
        self.place_of(name).parent.mkdir(exist_ok=True)
        self.place_of(name).write_bytes(payload)
        os.utime(self.place_of(name), (at.timestamp(), at.timestamp()))

    def month(self, at: datetime) -> None:
        """Make the partition of a month, as a system that ran then has it."""
        self.town.change("SELECT add_month_partition('track_points', %s::date)", at.replace(day=1))
        self.rules.write_text("[track_points]\ndays = 35\n")

    def rows_of_month(self, at: datetime) -> int | None:
        """Number of rows in such a partition; none when it is gone."""
        name = f"track_points_{at:%Y_%m}"
        if value(self.url, "SELECT to_regclass(%s)", name) is None:
            return None
        return int(value(self.url, "SELECT count(*) FROM track_points WHERE tableoid = %s::regclass", name))

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
        self.lay(name, at=at, payload=payload)
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


def test_numbers_of_old_outboxes_go_but_for_those_with_a_hole(archive: Archive) -> None:
    archive.rules.write_text("[device_streams]\ndays = 90\n")
    archive.town.change("DELETE FROM device_streams")
    streams = [("{[1,9)}", "{}"), ("{[1,4),[5,9)}", "{[4,5)}"), ("{[1,4),[5,9)}", "{}"), ("{[2,9)}", "{}")]
    for number, (stored, given_up) in enumerate(streams):
        archive.town.change(
            "INSERT INTO device_streams (city, device, stream, first_seen_at, last_seen_at, stored, given_up)"
            " VALUES ('testcity', %s, %s, %s, %s, %s, %s)",
            *(f"bus-{number}", make_id(OLD), OLD, OLD, stored, given_up),
        )
    archive.purge()
    left = query(archive.url, "SELECT device FROM device_streams ORDER BY device")
    assert left == [("bus-2",), ("bus-3",)], "a number that never came must be seen"


def test_looks_at_drivers_go_after_they_were_closed(archive: Archive) -> None:
    archive.rules.write_text("[driver_looks]\ndays = 90\n")
    for bus, closed_at in (("bus-1", OLD), ("bus-2", NEW), ("bus-3", None)):
        archive.town.change(
            "INSERT INTO driver_looks (id, city, device, from_at, to_at, kind, purpose, minutes, asked_at, asked_by,"
            " closed_at, closed_by) VALUES (%s, 'testcity', %s, %s, %s, 'complaint', 'a fall', 30, %s, 'li', %s, %s)",
            *(make_id(OLD), bus, OLD - timedelta(days=1), OLD, OLD, closed_at, closed_at and "li"),
        )
    assert archive.purge()["driver_looks"]["deleted"] == 1
    assert query(archive.url, "SELECT device FROM driver_looks ORDER BY device") == [("bus-2",), ("bus-3",)]


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


def test_last_day_that_a_hold_names_is_held_to_its_end(archive: Archive) -> None:
    archive.run("hold", "bus-1", "--from", f"{OLD:%Y-%m-%d}", "--to", f"{OLD:%Y-%m-%d}", "--reason", "court")

    assert archive.purge()["track_points"]["held"] == archive.points
    assert f"{OLD:%Y-%m-%d}\t{OLD:%Y-%m-%d}" in archive.run("holds").output


def test_hold_to_the_last_day_there_is_is_held(archive: Archive) -> None:
    archive.run("hold", "bus-1", "--from", f"{OLD:%Y-%m-%d}", "--to", "9999-12-31", "--reason", "court")

    assert archive.purge()["track_points"]["held"] == archive.points


def test_hold_of_whom_nobody_knows_is_refused(archive: Archive) -> None:
    refused = archive.run(
        "hold", "bus-one", "--from", f"{OLD:%Y-%m-%d}", "--to", f"{NEW:%Y-%m-%d}", "--reason", "court"
    )

    assert "testcity/bus-one" in str(refused.exception)
    assert query(archive.url, "SELECT * FROM legal_holds") == []


def test_hold_that_ends_before_it_begins_is_refused(archive: Archive) -> None:
    span = ["--from", f"{NEW:%Y-%m-%d}", "--to", f"{OLD:%Y-%m-%d}"]
    refused = archive.run("hold", "bus-1", *span, "--reason", "court")

    assert isinstance(refused.exception, CloudError)
    assert "ends before it begins" in str(refused.exception)


def test_beyond_the_space_the_oldest_pictures_go(archive: Archive) -> None:
    archive.rules.write_text("[pictures]\ndays = 1000\nmost_bytes = 1500\n")
    archive.purge()
    assert [archive.lies_there(name) for name in archive.pictures] == [False, False, True]


def test_beyond_their_number_the_oldest_rows_go(archive: Archive) -> None:
    archive.rules.write_text(f"[track_points]\ndays = 1000\nmost_rows = {2 * archive.points}\n")
    archive.purge()
    assert value(archive.url, COUNT) == 2 * archive.points


@pytest.mark.parametrize(("age", "left"), [(timedelta(days=2), 1), (KEPT_WITHOUT_ROW + timedelta(days=1), 0)])
def test_picture_that_no_row_names_is_told_and_goes_in_time(archive: Archive, age: timedelta, left: int) -> None:
    stranger = "a" * 64
    archive.lay(stranger, at=NOW - age)
    result = archive.run("run", "--rules", str(archive.rules))
    assert result.exit_code == 0, result
    assert archive.lies_there(stranger) is bool(left)
    assert f"without a row: {left}, of them 0 for too long" in result.output


def test_picture_that_is_just_landing_is_no_stranger(archive: Archive) -> None:
    archive.lay("a" * 64, at=NOW)
    assert "without a row: 0" in archive.run("run", "--rules", str(archive.rules)).output


def test_a_store_that_does_not_delete_is_told(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_deaf(_: PicturesConfig) -> Deaf:
        return Deaf(archive)

    monkeypatch.setattr(cloud.commands.retention, "open_store", open_deaf)
    result = archive.run("run", "--rules", str(archive.rules))
    assert isinstance(result.exception, CloudError)
    assert "2 for too long" in result.output


def test_nothing_goes_while_the_store_is_another_one(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSENSE_PICTURES__URL", (tmp_path / "elsewhere").as_uri())
    assert isinstance(archive.run("run", "--rules", str(archive.rules)).exception, ConfigError)
    assert value(archive.url, "SELECT count(*) FROM pictures") == len(archive.pictures)


class HeldMeanwhile:
    """A store that is so slow that somebody wants to hold everything while a picture goes."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.was_told_to_wait = False

    def remove(self, sha256: str) -> None:
        try:
            with psycopg.connect(self._archive.url, options="-c lock_timeout=50ms") as other:
                other.execute(
                    "INSERT INTO legal_holds (city, device, from_at, to_at, reason)"
                    " VALUES ('testcity', 'bus-1', %s, %s, 'an accident')",
                    (OLD - timedelta(days=1), NOW),
                )
        except psycopg.errors.LockNotAvailable:
            self.was_told_to_wait = True
        self._archive.place_of(sha256).unlink(missing_ok=True)

    def stored(self) -> dict[str, datetime]:
        return open_store(PicturesConfig(url=self._archive.store.as_uri())).stored()


@pytest.mark.kinds_of_database(PLAIN)  # two connections at once
def test_no_hold_begins_while_pictures_go(archive: Archive) -> None:
    store = HeldMeanwhile(archive)
    with connect(archive.url, autocommit=True) as connection:
        purge(connection, store, RetentionRules(pictures=PictureRule(days=90)), at=NOW)
    assert store.was_told_to_wait, "else it would hold what is gone"


class ErasedMeanwhile:
    """A store of which a person has a picture erased while it is looked through."""

    def __init__(self, archive: Archive, name: str) -> None:
        self._archive, self._name, self._looks = archive, name, 0

    def remove(self, sha256: str) -> None:
        self._archive.place_of(sha256).unlink(missing_ok=True)

    def stored(self) -> dict[str, datetime]:
        self._looks += 1
        if self._looks == 2:  # the first is whether it is the right store
            erase = "UPDATE pictures SET received_at = NULL, erased_at = now() WHERE sha256 = %s"
            self._archive.town.change(erase, self._name)
            self.remove(self._name)
        return open_store(PicturesConfig(url=self._archive.store.as_uri())).stored()


@pytest.mark.kinds_of_database(PLAIN)  # two connections at once
def test_a_picture_that_is_erased_meanwhile_is_not_missing(archive: Archive) -> None:
    rules = RetentionRules(pictures=PictureRule(days=3650))
    with connect(archive.url, autocommit=True) as connection:
        report = purge(connection, ErasedMeanwhile(archive, archive.pictures[2]), rules, at=NOW)
    assert report is not None
    assert (report.rows_without_picture, report.is_proven) == (0, True)


def test_a_picture_that_never_came_is_waited_for_no_longer_than_ninety_days(archive: Archive) -> None:
    archive.rules.write_text("[pictures]\ndays = 30\n")
    archive.town.change("UPDATE pictures SET received_at = NULL")
    for name, days in zip(archive.pictures, (91, 89, 1), strict=True):
        at = datetime.now(UTC) - timedelta(days=days)
        archive.town.change("UPDATE pictures SET announced_at = %s WHERE sha256 = %s", at, name)
    archive.purge()

    left = query(archive.url, "SELECT sha256 FROM pictures ORDER BY announced_at")
    assert left == [(name,) for name in archive.pictures[1:]]


def test_a_row_whose_picture_is_missing_is_told(archive: Archive) -> None:
    archive.place_of(archive.pictures[2]).unlink()
    result = archive.run("run", "--rules", str(archive.rules))
    assert isinstance(result.exception, CloudError)
    assert "rows without their picture: 1" in result.output


@by_months
def test_a_whole_month_gives_its_disk_space_back(archive: Archive) -> None:
    archive.month(OLD)
    archive.purge()
    assert archive.rows_of_month(OLD) is None
    assert value(archive.url, COUNT) == 2 * archive.points


@by_months
def test_a_month_of_which_something_is_held_stays(archive: Archive) -> None:
    archive.month(OLD)
    first, last = OLD - timedelta(hours=2), OLD + timedelta(hours=2)
    words = ["--from", f"{first:%Y-%m-%dT%H:%M:%S}", "--to", f"{last:%Y-%m-%dT%H:%M:%S}", "--reason", "court"]
    archive.run("hold", "bus-1", *words)
    archive.purge()
    assert archive.rows_of_month(OLD) == archive.points


@by_months
def test_a_month_that_somebody_reads_is_purged_row_by_row(archive: Archive) -> None:
    archive.month(OLD)
    with connect(archive.url) as reader:
        reader.execute("SELECT count(*) FROM track_points")
        archive.purge()
    assert archive.rows_of_month(OLD) == 0


@pytest.fixture
def seen(archive: Archive) -> Archive:
    """The same with an old sighting that became a case."""
    archive.rules.write_text("[observations]\ndays = 90\n[coverages]\ndays = 90\n")
    for minutes in range(2):
        outbox = Outbox(at=OLD + timedelta(minutes=5 * minutes), stream=make_id(OLD))
        archive.town.store([outbox.message(Kind.DETECTION), outbox.message(Kind.COVERAGE)])
    return archive


def test_what_the_worker_has_still_to_do_is_not_old(seen: Archive) -> None:
    report = seen.purge()
    assert (report["observations"]["left"], report["observations"]["held"]) == (2, 2)
    assert (report["coverages"]["left"], report["coverages"]["held"]) == (2, 2)


def test_observations_of_open_cases_stay_and_then_go(seen: Archive) -> None:
    seen.town.work()
    assert value(seen.url, "SELECT count(*) FROM cases") == 1
    seen.town.change("DELETE FROM condition_queue")
    report = seen.purge()
    assert (report["observations"]["left"], report["observations"]["held"]) == (2, 2)
    assert report["coverages"]["left"] == 0
    seen.town.change("UPDATE cases SET state = 'closed'")
    assert seen.purge()["observations"]["left"] == 0
    assert value(seen.url, "SELECT passes_seen FROM findings") == 2


def test_last_report_can_be_read_again(archive: Archive) -> None:
    assert isinstance(archive.run("report").exception, CloudError)
    archive.purge()
    result = archive.run("report")
    assert result.exit_code == 0
    assert f"track_points: {2 * archive.points} deleted" in result.output


def test_shipped_rules_are_sound(archive: Archive) -> None:
    assert archive.run("run").exit_code == 0
