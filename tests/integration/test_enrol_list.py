"""A county's list is enrolled at once: all or nothing, and again without harm."""

import codecs
import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud.commands.fleet import fleet
from cloud.db.pool import connect
from cloud.errors import FleetError
from cloud.fleet.authority import Authority
from cloud.fleet.enrolment import CODE_GOOD_FOR, admit
from edge_agent.enrol import draw_key
from tests.integration.ingest_database import query, value

Enrol = Callable[[str], Result]
LIST = "device,kind,name\nbus-1,bus,浙C12345\nstop-2,relay,North gate\n"


@pytest.fixture
def enrol(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enrol:
    """Enrol a list; its codes go to `codes.csv`."""
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)

    def run(text: str) -> Result:
        (tmp_path / "list.csv").write_text(text)
        arguments = ["enrol-list", str(tmp_path / "list.csv"), "--codes", str(tmp_path / "codes.csv")]
        return CliRunner().invoke(fleet, arguments)

    return run


def codes(tmp_path: Path) -> dict[str, str]:
    with (tmp_path / "codes.csv").open() as file:
        return {row["device"]: row["code"] for row in csv.DictReader(file)}


def test_each_device_gets_a_code_that_admits_it_in_a_file_for_its_owner_alone(
    enrol: Enrol, database: str, tmp_path: Path
) -> None:
    assert "2 new codes" in enrol(LIST).output
    assert (tmp_path / "codes.csv").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "codes.csv").read_bytes().startswith(codecs.BOM_UTF8), "else spreadsheets read no Chinese plates"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codes.csv", "list.csv"]

    at = datetime.now(UTC)
    authority = Authority.create(tmp_path / "authority", city="testcity", at=at)
    with connect(database) as connection:
        for device, code in codes(tmp_path).items():
            admit(connection, authority, code=code, request=draw_key(device).request_pem, at=at)
    expected = [("bus-1", False), ("stop-2", True)]
    assert query(database, "SELECT device, is_relay FROM devices ORDER BY device") == expected

    assert "2 enrolled already, 0 new codes" in enrol(LIST).output
    assert codes(tmp_path) == {}
    refused = enrol(LIST.replace("relay", "stop")).exception
    assert isinstance(refused, FleetError)
    assert str(refused) == "line 3: stop-2 is enrolled, not as stop"


def test_again_only_those_get_a_code_that_have_none(enrol: Enrol, database: str, tmp_path: Path) -> None:
    enrol(LIST)
    before = codes(tmp_path)
    with connect(database) as connection:
        late = CODE_GOOD_FOR + timedelta(hours=1)
        connection.execute("UPDATE device_codes SET expires_at = expires_at - %s WHERE device = 'stop-2'", (late,))
    assert "2 new codes" in enrol(LIST + "bus-3,bus,\n").output

    after = codes(tmp_path)
    assert after.keys() == {"bus-1", "stop-2", "bus-3"}
    assert after["bus-1"] == before["bus-1"]
    assert after["stop-2"] != before["stop-2"]


def test_another_list_leaves_the_codes_of_the_first(enrol: Enrol, tmp_path: Path) -> None:
    enrol(LIST)
    first = codes(tmp_path)
    enrol("device,kind\nbus-9,bus\n")

    assert codes(tmp_path).items() > first.items()


def test_a_list_with_a_fault_enrols_nobody(enrol: Enrol, database: str, tmp_path: Path) -> None:
    assert isinstance(enrol(LIST + "bus-4,tram,\n").exception, FleetError)
    assert not (tmp_path / "codes.csv").exists()
    assert value(database, "SELECT count(*) FROM device_codes") == 0


def test_a_line_of_codes_that_was_cut_is_told(enrol: Enrol, tmp_path: Path) -> None:
    enrol(LIST)
    file = tmp_path / "codes.csv"
    whole = file.read_text()
    cut = whole[: whole.rindex(",")]
    file.write_text(cut)
    refused = enrol(LIST).exception
    assert isinstance(refused, FleetError)
    assert str(refused).startswith(f"{file}:3: city, device, kind, name, code, good_until are expected")
    assert file.read_text() == cut


def test_a_file_that_holds_no_codes_is_not_written_over(enrol: Enrol, database: str, tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text(LIST)
    assert isinstance(enrol(LIST).exception, FleetError)
    assert (tmp_path / "codes.csv").read_text() == LIST
    assert value(database, "SELECT count(*) FROM device_codes") == 0
