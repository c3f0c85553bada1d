"""What is told of street furniture, and what a person may say of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import Response

from cloud.db.pool import connect
from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.integration.office import Office, add_person, headers_of, open_office, token_of
from tests.integration.test_furniture import Street, sign
from tests.integration.town import Town, place


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def test_list_counts_one_thing_and_the_decision_that_it_was_removed(office: Office) -> None:
    street = Street(office.town)
    street.imports(sign("first", name="停"))
    street.learns_all()
    street.goes_on(["first", "third"], count=10)

    found = office.api.get("/furniture", params={"limit": 2}).json()
    rest = office.api.get("/furniture", params={"cursor": found["next"]}).json()
    by_state = {feature["properties"]["state"]: feature for feature in [*found["features"], *rest["features"]]}
    assert (len(found["features"]), len(rest["features"]), rest["next"]) == (2, 1, None)
    missing = by_state["missing"]
    lon, lat = missing["geometry"]["coordinates"]
    box = f"{lon - 1e-5},{lat - 1e-5},{lon + 1e-5},{lat + 1e-5}"
    near = office.api.get("/furniture", params={"bbox": box, "kind": "SIGN", "state": "missing"}).json()
    assert [feature["id"] for feature in near["features"]] == [missing["id"]]
    counts = office.api.get("/furniture/summary").json()["items"]
    assert {(item["kind"], item["state"], item["things"]) for item in counts} == {
        ("SIGN", "missing", 1),
        ("SIGN", "seen", 2),
    }

    told = office.api.get(f"/furniture/{missing['id']}").json()["properties"]
    assert [taken["is_seen"] for taken in told["passes"]][:10] == [False] * 10
    (problem,) = told["problems"]
    assert (problem["problem"], problem["name"]["en"], problem["case_state"]) == ("missing", "Sign missing", "reported")
    (about,) = office.api.get("/furniture", params={"finding": problem["finding_id"]}).json()["features"]
    assert about["id"] == missing["id"]
    finding = office.api.get(f"/findings/{problem['finding_id']}").json()["properties"]
    assert (finding["class_code"], len(finding["passes"])) == ("SIGN_MISSING", 10)

    way = f"/furniture/{missing['id']}"
    assert office.api.post(f"{way}/remove", json={"reason": ""}, headers=headers_of("desk")).status_code == 422
    assert office.api.post(f"{way}/remove", json={"reason": "moved"}, headers=headers_of("desk")).status_code == 202
    street.work()
    told = office.api.get(way).json()["properties"]
    assert (told["state"], told["removed_by"], told["removed_reason"]) == ("removed", "desk", "moved")
    assert told["problems"][0]["case_state"] == "rejected"
    assert office.api.post(f"{way}/keep", headers=headers_of("desk")).status_code == 422
    assert office.api.post(f"{way}/keep", json={"reason": "back"}, headers=headers_of("desk")).status_code == 202
    street.work()
    told = office.api.get(way).json()["properties"]
    assert told["state"] == "missing"
    assert [(line["actor"], line["action"], line["reason"]["en"]) for line in told["decisions"]] == [
        ("desk", "keep", "back"),
        ("desk", "remove", "moved"),
    ]


def test_pass_of_a_lack_is_told_in_words_of_its_own(office: Office) -> None:
    street = Street(office.town)
    street.learns_all()
    street.goes_on(["first", "third"], count=10)
    (finding,) = street.town.findings()
    whys = [each["why"]["en"] for each in office.api.get(f"/findings/{finding['id']}").json()["properties"]["passes"]]
    assert all("looked" in why and "it was not there" in why for why in whys)


def test_unknown_thing_is_not_there(office: Office) -> None:
    unknown = "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"
    assert office.api.get(f"/furniture/{unknown}").status_code == 404
    answer = office.api.post(f"/furniture/{unknown}/remove", json={"reason": "x"}, headers=headers_of("desk"))
    assert answer.status_code == 404


def point(kind: str, *, name: str) -> dict[str, object]:
    lon, lat = place(4.0, 0.0)
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": {"kind": kind}}


def test_a_list_is_taken_over_http_and_what_is_refused_is_told_with_the_reason(office: Office) -> None:
    good, strange = point("SIGN", name="h-1"), point("TREE", name="h-2")
    content = json.dumps({"type": "FeatureCollection", "features": [good, strange]})

    def bring(text: str, *, file: str = "list.geojson", who: str = "desk") -> Response:
        kind = {"Content-Type": "application/geo+json"}
        way = "/furniture/lists"
        return office.api.post(way, params={"file": file}, content=text, headers=headers_of(who) | kind)

    def files_refused(who: str) -> list[str]:
        told = office.api.get("/furniture/lists/refused", headers=headers_of(who)).raise_for_status().json()
        return [each["file"] for each in told["items"]]

    assert bring(content).json() == {"added": 1, "known": 0, "refused": 1}
    assert bring(content).json() == {"added": 0, "known": 1, "refused": 1}
    told = office.api.get("/furniture/lists/refused", headers=headers_of("desk")).json()
    ((file, number, reason),) = [(each["file"], each["number"], each["reason"]) for each in told["items"]]
    assert (file, number, told["is_complete"]) == ("list.geojson", 2, True)
    assert "TREE" in reason
    with connect(office.town.url) as connection:
        add_person(connection, Wish(name="south", role=Role.OPERATOR, areas=("south",)), token=token_of("south"))
    assert bring(content, file="south.geojson", who="south").json() == {"added": 0, "known": 0, "refused": 2}
    assert files_refused("south") == ["south.geojson"] * 2  # who is limited to areas reads of no other's list
    assert files_refused("desk") == ["south.geojson"] * 2 + ["list.geojson"]
    bring('{"type": "FeatureCollection", "features": []}', file="south.geojson", who="south")
    assert bring('{"type": "Feature"}').status_code == 422
    assert "no GeoJSON" in bring('{"type": "Feature"}').json()["detail"]
    assert bring("nonsense").status_code == 422
    assert bring(content, file="../list").status_code == 422
    bring(json.dumps({"type": "FeatureCollection", "features": [good]}))
    assert office.api.get("/furniture/lists/refused", headers=headers_of("desk")).json()["items"] == []
