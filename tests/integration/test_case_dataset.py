"""What people said of findings becomes training data."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud.cases.dataset import export
from cloud.config import PicturesConfig
from cloud.db.pool import connect
from cloud.pictures.store import open_store
from tests.integration.office import Office, open_office
from tests.integration.test_api_pictures import announce, jpeg, put
from tests.integration.town import Town

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def exported(office: Office, folder: Path, *, since: datetime = LONG_AGO) -> dict[str, Any]:
    store = open_store(PicturesConfig(url=f"file://{folder}/pictures"))
    with connect(office.town.url) as connection:
        export(connection, folder / "out", store=store, catalogue=office.town.catalogue, since=since)
    return json.loads((folder / "out" / "annotations.json").read_text())


def case_with_picture(office: Office) -> tuple[dict[str, Any], bytes]:
    picture = jpeg()
    put(office.api, announce(office.town, picture), picture)
    office.town.sees(bus="bus-2", minutes=10)
    office.town.store()
    office.town.work()
    return office.case(), picture


def test_false_alarm_is_a_picture_with_nothing_there(office: Office, tmp_path: Path) -> None:
    case, picture = case_with_picture(office)
    office.acted("desk", case, "reject", reason="只是影子")
    coco = exported(office, tmp_path)

    (image,) = coco["images"]
    assert coco["annotations"] == []
    assert [alarm["said_class"] for alarm in coco["false_alarms"]] == ["D40"]
    kept = (tmp_path / "out" / "images" / image["file_name"]).read_bytes()
    assert hashlib.sha256(kept).digest() == hashlib.sha256(picture).digest()


def test_corrected_class_is_the_annotation(office: Office, tmp_path: Path) -> None:
    case, _ = case_with_picture(office)
    office.acted("desk", case, "correct", class_code="D20")
    coco = exported(office, tmp_path)

    names = {category["id"]: category["name"] for category in coco["categories"]}
    (annotation,) = coco["annotations"]
    assert names[annotation["category_id"]] == "D20"
    assert annotation["judged_by"] == "desk"
    assert annotation["bbox"][2] > 0


def test_last_word_counts(office: Office, tmp_path: Path) -> None:
    case, _ = case_with_picture(office)
    case = office.acted("desk", case, "correct", class_code="D20")
    office.acted("boss", case, "reject", reason="doch nicht")
    coco = exported(office, tmp_path)

    assert (len(coco["annotations"]), len(coco["false_alarms"])) == (0, 1)


def test_false_alarm_that_was_taken_back_is_damage(office: Office, tmp_path: Path) -> None:
    case, _ = case_with_picture(office)
    case = office.acted("desk", case, "reject", reason="看错了")
    office.acted("desk", case, "reopen")
    coco = exported(office, tmp_path)

    assert coco["false_alarms"] == []
    assert [box["verdict"] for box in coco["annotations"]] == ["confirmed"]


def test_what_was_said_of_a_finding_is_said_of_what_took_it_in(office: Office, tmp_path: Path) -> None:
    case, _ = case_with_picture(office)
    office.acted("desk", case, "reject", reason="只是影子")
    for number in range(2):
        office.town.sees(bus="bus-3", minutes=20 + 10 * number, north_m=20)
    office.town.store()
    office.town.work()
    (other,) = office.town.rows("SELECT id FROM findings WHERE id <> %s", case["finding_id"])
    office.town.change("UPDATE findings SET merged_into = %s WHERE id = %s", other["id"], case["finding_id"])
    office.town.change("UPDATE finding_observations SET finding_id = %s", other["id"])

    assert [alarm["said_class"] for alarm in exported(office, tmp_path)["false_alarms"]] == ["D40"]


def test_nothing_judged_is_an_empty_set(office: Office, tmp_path: Path) -> None:
    case_with_picture(office)

    assert exported(office, tmp_path)["images"] == []


def test_steps_are_counted(office: Office) -> None:
    office.done_case()

    steps = office.api.get("/summary").json()["cases_by_step"]
    assert (steps["filed"], steps["dispatched"], steps["accepted"], steps["repaired"]) == (1, 1, 1, 1)
    assert (steps["verified"], steps["reopened"], steps["rejected"]) == (0, 0, 0)
