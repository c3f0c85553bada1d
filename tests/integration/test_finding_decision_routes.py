"""The routes by which a person judges findings: who may, what is refused, and that the answer names the decision."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.office import Office, headers_of, open_office
from tests.integration.town import BUSES, Town

UNKNOWN = "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"
WHY = {"reason": "看过照片"}


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def say(office: Office, path: str, body: dict[str, Any], *, who: str = "desk", key: str = "") -> httpx.Response:
    headers = headers_of(who) | {"Idempotency-Key": key or f"test-key-{next(office.keys)}"}
    return office.api.post(path, json=WHY | body, headers=headers)


def said(office: Office, path: str, body: dict[str, Any]) -> str:
    """Say something that must be taken; the decision's id."""
    response = say(office, path, body)
    assert response.status_code == 202, response.text
    office.town.work()
    return response.json()["id"]


def two_findings(office: Office, *, apart_m: float = 20.0) -> tuple[str, str]:
    for number in range(3):
        office.town.sees(bus=BUSES[number], minutes=10 * number)
        office.town.sees(bus=BUSES[number], minutes=10 * number, north_m=apart_m)
    office.town.store()
    office.town.work()
    first, second = sorted(str(finding["id"]) for finding in office.town.findings())
    return first, second


def decisions(office: Office, finding: str) -> list[dict[str, Any]]:
    return office.api.get(f"/findings/{finding}").json()["properties"]["decisions"]


def listed(office: Office) -> set[str]:
    return {feature["id"] for feature in office.api.get("/findings").json()["features"]}


def test_merged_by_the_desk_and_taken_back(office: Office) -> None:
    first, second = two_findings(office)
    decision = said(office, f"/findings/{first}/merge", {"other": second})
    assert len(listed(office)) == 1

    assert said(office, f"/finding-decisions/{decision}/undo", {}) == decision
    assert listed(office) == {first, second}
    (told,) = decisions(office, first)
    assert (told["id"], told["kind"], told["actor"], told["reason"]) == (decision, "merge", "desk", WHY["reason"])
    assert (told["other_finding"], told["undone_by"]) == (second, "desk")


def test_said_again_under_the_same_key_it_is_one_decision(office: Office) -> None:
    first, second = two_findings(office)
    path, body = f"/findings/{first}/merge", {"other": second}
    answers = [say(office, path, body, key="one-key-of-desk").json() for _ in range(2)]

    assert answers[0] == answers[1]
    (told,) = decisions(office, first)
    assert told["id"] == answers[0]["id"]
    again = [say(office, f"/finding-decisions/{told['id']}/undo", {}, key="another-key") for _ in range(2)]
    assert [each.status_code for each in again] == [202, 202]
    assert say(office, f"/findings/{second}/different", {"other": first}, key="one-key-of-desk").status_code == 422


def test_without_a_key_nothing_is_said(office: Office) -> None:
    response = office.api.post(f"/findings/{UNKNOWN}/merge", json=WHY | {"other": UNKNOWN}, headers=headers_of("desk"))

    assert response.status_code == 422


def test_kept_apart_forbids_to_merge(office: Office) -> None:
    first, second = two_findings(office)
    said(office, f"/findings/{first}/different", {"other": second})
    refused = say(office, f"/findings/{second}/merge", {"other": first})

    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert "the contrary" in refused.json()["detail"]


def test_split_by_sightings_of_the_passes(office: Office) -> None:
    first, _ = two_findings(office)
    passes = office.api.get(f"/findings/{first}").json()["properties"]["passes"]
    chosen = [each["observation_id"] for each in passes if each["kind"] == "seen"][:1]
    said(office, f"/findings/{first}/split", {"observations": chosen})

    assert len(listed(office)) == 3


def test_no_sighting_of_it_cannot_be_split_off(office: Office) -> None:
    first, second = two_findings(office)
    passes = office.api.get(f"/findings/{second}").json()["properties"]["passes"]
    refused = say(office, f"/findings/{first}/split", {"observations": [passes[0]["observation_id"]]})

    assert refused.status_code == 409


@pytest.mark.parametrize("who", ["guest", "crew-1"])
@pytest.mark.parametrize("act", ["merge", "different", "split", "undo"])
def test_who_may_not_judge_changes_nothing(office: Office, who: str, act: str) -> None:
    path = f"/finding-decisions/{UNKNOWN}/undo" if act == "undo" else f"/findings/{UNKNOWN}/{act}"
    body = {"split": {"observations": [UNKNOWN]}, "undo": {}}.get(act, {"other": UNKNOWN})

    assert say(office, path, body, who=who).status_code == 403
    assert office.town.rows("SELECT FROM finding_decisions") == []


def test_nobody_is_asked_to_sign_in(office: Office) -> None:
    response = office.api.post(f"/findings/{UNKNOWN}/merge", json=WHY | {"other": UNKNOWN})

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"/findings/{UNKNOWN}/merge", {"other": str(UUID(int=1))}, 404),
        (f"/findings/{UNKNOWN}/different", {"other": str(UUID(int=1))}, 404),
        (f"/findings/{UNKNOWN}/split", {"observations": [UNKNOWN]}, 404),
        (f"/finding-decisions/{UNKNOWN}/undo", {}, 404),
        (f"/findings/{UNKNOWN}/merge", {"other": UNKNOWN}, 409),
        (f"/findings/{UNKNOWN}/merge", {}, 422),
        (f"/findings/{UNKNOWN}/merge", {"other": UNKNOWN, "reason": ""}, 422),
        (f"/findings/{UNKNOWN}/merge", {"other": UNKNOWN, "more": 1}, 422),
        (f"/findings/{UNKNOWN}/split", {"observations": []}, 422),
        ("/finding-decisions/seven/undo", {}, 422),
    ],
    ids=[
        "no such finding",
        "nothing to keep apart",
        "nothing to split",
        "no such decision",
        "with itself",
        "with what",
        "without reason",
        "with more",
        "none of the sightings",
        "no id",
    ],
)
def test_what_cannot_be_said_is_refused(office: Office, path: str, body: dict[str, Any], status: int) -> None:
    response = say(office, path, body)

    assert response.status_code == status
    assert response.json()["status"] == status


def test_taking_back_twice_is_refused(office: Office) -> None:
    first, second = two_findings(office)
    decision = said(office, f"/findings/{first}/different", {"other": second})
    said(office, f"/finding-decisions/{decision}/undo", {})

    assert say(office, f"/finding-decisions/{decision}/undo", {}).status_code == 409
