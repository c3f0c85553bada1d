"""Changing cases through the API, against a real database."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.office import Office, headers_of, open_office
from tests.integration.town import Town


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def test_whole_way_from_report_to_closed(office: Office) -> None:
    case = office.reported_case()
    case = office.acted("desk", case, "file", reason="看过照片")
    assert case["due_at"] > case["filed_at"]
    case = office.acted("desk", case, "dispatch", crew="roads-2")
    assert (case["state"], case["unit_key"], case["crew"]) == ("dispatched", "roads", "roads-2")
    case = office.acted("crew-2", case, "accept")
    case = office.acted("crew-2", case, "arrive", lon=case["lon"], lat=case["lat"])
    assert case["arrived_distance_m"] < 1
    materials = [{"name": "冷补料", "amount": 2.5, "unit": "袋"}]
    case = office.acted("crew-2", case, "done", materials=materials, area_m2=0.4)
    assert case["repair"]["materials"] == materials
    case = office.acted("desk", case, "verify", reason="现场看过")
    case = office.acted("desk", case, "close")

    assert case["state"] == "closed"
    taken = [(line["action"], line["actor"]) for line in case["history"]]
    assert taken == [
        ("open", "system:fusion"),
        ("file", "desk"),
        ("dispatch", "desk"),
        ("accept", "crew-2"),
        ("arrive", "crew-2"),
        ("done", "crew-2"),
        ("verify", "desk"),
        ("close", "desk"),
    ]


def test_dispatch_without_a_name_sends_the_crew_that_can_be_there_first(office: Office) -> None:
    case = office.acted("desk", office.reported_case(), "file")
    case = office.acted("desk", case, "dispatch")

    assert case["crew"] in {"roads-1", "roads-2"}


def test_actions_offered_depend_on_who_asks(office: Office) -> None:
    case = office.reported_case()

    assert office.case(case["id"])["actions"] == []
    assert office.case(case["id"], who="guest")["actions"] == []
    assert office.case(case["id"], who="crew-1")["actions"] == ["comment"]
    assert office.case(case["id"], who="desk")["actions"] == ["file", "reject", "correct", "merge", "comment"]


def test_stale_edit_gets_the_present_state(office: Office) -> None:
    seen = office.reported_case()
    office.acted("desk", seen, "file")
    response = office.act("boss", seen, "reject", reason="kein Schaden")

    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["case"]["state"] == "filed"
    assert response.json()["case"]["version"] == seen["version"] + 1


def test_only_one_of_two_at_the_same_time_wins(office: Office) -> None:
    seen = office.reported_case()
    answers: list[int] = []

    def act(who: str, action: str) -> None:
        answers.append(office.act(who, seen, action, reason="x").status_code)

    threads = [threading.Thread(target=act, args=who) for who in (("desk", "file"), ("boss", "reject"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, 409]


def test_sighting_by_a_bus_makes_nobodys_view_stale(office: Office) -> None:
    seen = office.reported_case()
    office.town.sees(bus="bus-3", minutes=20, class_code="D00")
    office.town.store()
    office.town.work()

    assert office.act("desk", seen, "file").status_code == 200


def test_same_key_gets_the_same_answer_and_no_second_effect(office: Office) -> None:
    case = office.reported_case()
    first = office.act("desk", case, "comment", key="one-and-the-same", reason="hello")
    again = office.act("desk", case, "comment", key="one-and-the-same", reason="hello")

    assert again.status_code == 200
    assert again.json() == first.json()
    assert [line["action"] for line in office.case(case["id"])["history"]] == ["open", "comment"]


def test_same_key_for_another_request_is_refused(office: Office) -> None:
    case = office.reported_case()
    office.act("desk", case, "comment", key="one-and-the-same", reason="hello")

    assert office.act("desk", case, "comment", key="one-and-the-same", reason="bye").status_code == 422


def test_key_of_a_refused_request_may_be_used_again(office: Office) -> None:
    case = office.reported_case()
    assert office.act("desk", case | {"version": 99}, "file", key="tried-too-late").status_code == 409
    assert office.act("desk", case, "file", key="tried-too-late").status_code == 200


def test_keys_of_two_people_do_not_meet(office: Office) -> None:
    case = office.reported_case()
    office.act("desk", case, "comment", key="the-same-key", reason="hello")

    assert office.act("boss", case, "comment", key="the-same-key", reason="hello").status_code == 200
    assert len(office.case(case["id"])["history"]) == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Idempotency-Key": "12345678"}, 401),
        ({"Idempotency-Key": "12345678", "Authorization": "Bearer unknown"}, 401),
        (headers_of("guest") | {"Idempotency-Key": "12345678"}, 403),
        (headers_of("crew-1") | {"Idempotency-Key": "12345678"}, 403),
        (headers_of("desk"), 422),
        (headers_of("desk") | {"Idempotency-Key": "short"}, 422),
    ],
    ids=["nobody", "unknown token", "viewer", "crew that has nothing to file", "no key", "short key"],
)
def test_who_may_not_is_refused(office: Office, headers: dict[str, str], status: int) -> None:
    case = office.reported_case()
    body = {"action": "file", "version": case["version"]}
    response = office.api.post(f"/cases/{case['id']}/actions", json=body, headers=headers)

    assert response.status_code == status, response.text
    assert office.case(case["id"])["state"] == "reported"


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("reject", {}),
        ("fly", {}),
        ("correct", {"class_code": "D99"}),
        ("correct", {"class_code": "D00"}),
        ("merge", {"into": "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"}),
        ("file", {"colour": "red"}),
        ("comment", {"reason": "x" * 1001}),
    ],
)
def test_order_that_does_not_fit_is_refused(office: Office, action: str, more: dict[str, Any]) -> None:
    assert office.act("desk", office.reported_case(), action, **more).status_code == 422


@pytest.mark.parametrize("more", [{"crew": "nobody"}, {"unit": "nobody"}])
def test_dispatch_to_nobody_is_refused(office: Office, more: dict[str, Any]) -> None:
    case = office.acted("desk", office.reported_case(), "file")

    assert office.act("desk", case, "dispatch", **more).status_code == 422


def test_unknown_case_is_not_found(office: Office) -> None:
    case = {"id": "01a20d6d-5a00-7b6f-8bad-cce966e8e23a", "version": 1}

    assert office.act("desk", case, "file").status_code == 404


def test_crew_sees_to_its_own_cases_only(office: Office) -> None:
    case = office.accepted_case()

    assert office.act("crew-2", case, "done").status_code == 403
    assert office.case(case["id"], who="crew-2")["actions"] == []


def test_case_of_a_unit_goes_to_the_crew_that_accepts_it(office: Office) -> None:
    case = office.acted("desk", office.reported_case(), "file")
    case = office.acted("desk", case, "dispatch", unit="roads")
    assert case["crew"] is None
    case = office.acted("crew-2", case, "accept")

    assert case["crew"] == "roads-2"
    assert office.act("crew-1", case, "done").status_code == 403


def test_suspension_stops_the_clock(office: Office) -> None:
    case = office.accepted_case()
    case = office.acted("crew-1", case, "ask_suspension", reason="下雨")
    assert case["suspension_asked_at"] is not None
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    case = office.acted("desk", case, "suspend", reason="同意", until=until)
    assert (case["state"], case["due_at"]) == ("suspended", None)
    case = office.acted("desk", case, "resume")

    assert case["state"] == "dispatched"
    assert case["due_at"] is not None


def test_returned_case_is_sent_to_another_crew(office: Office) -> None:
    case = office.acted("crew-1", office.accepted_case(), "return", reason="不属于我们")
    assert (case["state"], case["crew"]) == ("returned", None)

    assert office.acted("desk", case, "dispatch", crew="roads-2")["crew"] == "roads-2"


def test_corrected_class_has_its_own_limit_and_teaches_the_detector(office: Office) -> None:
    case = office.acted("desk", office.reported_case(), "file")
    before = case["due_at"]
    case = office.acted("desk", case, "correct", class_code="D40", severity="heavy")

    assert (case["class_code"], case["severity"]) == ("D40", "heavy")
    assert case["due_at"] < before
    (*_, verdict) = office.town.rows("SELECT verdict, said_class, true_class FROM case_verdicts ORDER BY serial")
    assert verdict == {"verdict": "other_class", "said_class": "D00", "true_class": "D40"}


def test_false_alarm_that_a_person_rejected_is_not_taken_up_by_the_next_bus(office: Office) -> None:
    case = office.acted("desk", office.reported_case(), "reject", reason="只是影子")
    for number in range(3, 6):
        office.town.sees(bus=f"bus-{number}", minutes=10 * number, class_code="D00")
    office.town.store()
    office.town.work()

    assert office.case(case["id"])["state"] == "rejected"
    assert len(office.api.get("/cases").json()["items"]) == 1


def test_phone_without_network_says_when_it_happened(office: Office) -> None:
    case = office.accepted_case()
    said = datetime.now(UTC)
    case = office.acted("crew-1", case, "done", at=said.isoformat())

    assert datetime.fromisoformat(case["done_at"]) == said
    assert case["history"][-1]["details"]["happened_at"] == said.isoformat()


def test_phone_whose_clock_is_ahead_is_refused(office: Office) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    assert office.act("crew-1", office.accepted_case(), "done", at=ahead).status_code == 422


def test_done_before_it_was_dispatched_counts_from_then(office: Office) -> None:
    case = office.accepted_case()
    case = office.acted("crew-1", case, "done", at="2020-01-01T00:00:00Z")

    assert case["done_at"] == case["dispatched_at"]


def test_merged_case_ends_in_the_other(office: Office) -> None:
    first = office.reported_case()
    office.town.sees(bus="bus-1", minutes=100, north_m=80, class_code="D00")
    office.town.sees(bus="bus-2", minutes=110, north_m=80, class_code="D00")
    office.town.store()
    office.town.work()
    second = office.api.get("/cases").json()["items"][0]
    merged = office.acted("desk", second, "merge", into=first["id"])

    assert (merged["state"], merged["merged_into"]) == ("merged", first["id"])
    assert "separate" in merged["actions"]
    apart = office.acted("desk", merged, "separate")
    assert (apart["state"], apart["merged_into"]) == ("reported", None)


def test_case_does_not_come_back_beside_another_of_the_same_damage(office: Office) -> None:
    first = office.reported_case()
    office.town.change("UPDATE cases SET state = 'closed', closed_at = opened_at")
    for number in range(3, 6):
        office.town.sees(bus=f"bus-{number}", minutes=10 * number, class_code="D00")
    office.town.store()
    office.town.work()
    refused = office.act("desk", office.case(first["id"]), "reopen")

    assert refused.status_code == 409
    assert "000002" in refused.json()["detail"]


def test_jobs_of_a_crew_come_by_distance(office: Office) -> None:
    case = office.accepted_case()
    answer = office.api.get("/crew/jobs", params={"lon": case["lon"], "lat": case["lat"]}, headers=headers_of("crew-1"))

    (job,) = answer.json()["items"]
    assert job["case"]["id"] == case["id"]
    assert job["distance_m"] == 0
    assert "done" in job["case"]["actions"]
    assert office.api.get("/crew/jobs", headers=headers_of("crew-2")).json()["items"] == []
    assert office.api.get("/crew/jobs", headers=headers_of("desk")).status_code == 403


def test_what_one_crew_did_is_not_done_by_another_that_signed_in_on_its_phone(office: Office) -> None:
    case = office.acted("desk", office.acted("desk", office.reported_case(), "file"), "dispatch", unit="roads")
    means = {"X-Busense-Crew": "roads-1"}
    key = {"Idempotency-Key": str(uuid4())}
    body = {"action": "accept", "version": case["version"]}
    path = f"/cases/{case['id']}"
    assert office.api.post(f"{path}/actions", json=body, headers=headers_of("crew-2") | means | key).status_code == 412
    photo = office.api.post(f"{path}/photos?kind=before", content=b"", headers=headers_of("crew-2") | means | key)
    assert photo.status_code == 412
    assert office.api.get("/crew/jobs", headers=headers_of("crew-2") | means).status_code == 412
    assert office.api.post(f"{path}/actions", json=body, headers=headers_of("crew-1") | means | key).status_code == 200
    assert office.case(case["id"])["crew"] == "roads-1"


def test_list_is_filtered_and_comes_in_pages(office: Office) -> None:
    for number in range(5):
        office.town.sees(bus="bus-1", minutes=number, north_m=100.0 * number)
        office.town.sees(bus="bus-2", minutes=10 + number, north_m=100.0 * number)
    office.town.store()
    office.town.work()
    for sort in ("newest", "due"):
        seen: list[str] = []
        question: dict[str, Any] = {"sort": sort, "limit": 2}
        while True:
            page = office.api.get("/cases", params=question).json()
            seen.extend(item["id"] for item in page["items"])
            if page["next"] is None:
                break
            question["cursor"] = page["next"]
        assert len(seen) == len(set(seen)) == 5

    assert len(office.api.get("/cases", params={"state": "filed", "severity": "heavy"}).json()["items"]) == 5
    assert office.api.get("/cases", params={"overdue": True}).json()["items"] == []
    assert office.api.get("/cases", params={"cursor": "x"}).status_code == 422


def test_everybody_may_look(office: Office) -> None:
    assert office.api.get("/me").json()["role"] == "viewer"
    assert office.api.get("/me", headers=headers_of("crew-1")).json()["crew"] == "roads-1"
    crews = [crew["key"] for crew in office.api.get("/organisation").json()["crews"]]
    assert {"roads-1", "roads-2", "facilities-1", "utilities-1"} <= set(crews)


def test_a_visitor_changes_nothing(office: Office) -> None:
    case = office.reported_case()
    body = {"action": "file", "version": case["version"]}
    answer = office.api.post(f"/cases/{case['id']}/actions", json=body, headers={"Idempotency-Key": "test-visitor"})
    assert answer.status_code == 401
    assert office.case()["state"] == "reported"


def test_live_viewers_are_told(office: Office) -> None:
    office.acted("desk", office.reported_case(), "file")

    (*_, told) = office.town.rows("SELECT payload FROM changes WHERE kind = 'case' ORDER BY xid, id")
    assert told["payload"]["state"] == "filed"


def test_dead_delivery_is_shown_and_sent_again(office: Office) -> None:
    office.reported_case()
    office.town.change("""
        INSERT INTO deliveries (id, channel, target, state, case_id, serial, payload, created_at, next_at, attempts)
        SELECT gen_random_uuid(), 'webhook', 'county', 'dead', case_id, serial, '{"type": "case.open"}', now(), now(), 9
        FROM case_history""")
    (dead,) = office.api.get("/deliveries", params={"state": "dead"}, headers=headers_of("desk")).json()["items"]

    assert office.api.get("/deliveries", headers=headers_of("crew-1")).status_code == 403
    assert office.api.post(f"/deliveries/{dead['id']}/replay", headers=headers_of("crew-1")).status_code == 403
    assert office.api.post(f"/deliveries/{dead['id']}/replay", headers=headers_of("desk")).status_code == 204
    assert office.api.post(f"/deliveries/{dead['id']}/replay", headers=headers_of("desk")).status_code == 404
