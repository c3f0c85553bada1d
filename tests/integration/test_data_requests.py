"""What people ask about their own data, from the public form to the picture that is gone; two servers, one database."""

import hashlib
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from busense.local.postgres import LocalPostgres
from cloud.api.guard import UNKNOWN_BURST, UNKNOWN_PER_S
from cloud.cases import audit
from cloud.cases.handling import shipped_handling
from cloud.commands.backup import write_backup
from cloud.config import PicturesConfig
from cloud.db.pool import connect
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.people.vault import Vault
from cloud.pictures.store import open_store
from cloud.requests.actions import run_clock
from cloud.requests.sends import MOST_OF_NETWORK
from cloud.work.retention import purge
from cloud.work.retention_rules import RetentionRules, Rule
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.test_api_pictures import announce, jpeg, put
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT

ASKED: Final = {
    "kind": "erasure",
    "name": "Wang Fang",
    "contact": "wang@example.org",
    "text": "I was at the bus stop.",
    "place": "Bus stop East Gate",
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Two servers over one database, and who sits before them."""

    town: Town
    addresses: tuple[str, str]
    folder: Path
    browsers: dict[str, httpx.Client]

    def ask(self, *, at: str, server: int = 0, **changes: str) -> httpx.Response:
        """Send the public form from a machine."""
        with browser_at(self.addresses[server], at=at) as browser:
            return browser.post("/notice/requests", json=ASKED | changes)

    def asked(self, *, at: str, kind: str = "erasure") -> dict[str, Any]:
        """Send it, and see it as the office does."""
        taken = self.ask(at=at, kind=kind)
        assert taken.status_code == 201, taken.text
        items = self.browsers["desk"].get("/data-requests").json()["items"]
        return next(item for item in items if item["number"] == taken.json()["number"])

    def step(self, request: dict[str, Any], step: str, *, words: str = "", who: str = "desk") -> httpx.Response:
        """Do something, as of what the office sees now."""
        body = {"version": self.page(request)["version"], "words": words}
        return self.browsers[who].post(f"/data-requests/{request['id']}/steps/{step}", json=body)

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.browsers["desk"].get(f"/data-requests/{request['id']}").json()

    def picture(self, *, minutes: float, east_m: float = 0.0, is_here: bool = True) -> str:
        """Let a bus take a picture of a pothole, and bring it."""
        picture = jpeg(shade=int(minutes) % 250)
        sha256 = announce(self.town, picture, minutes=minutes, east_m=east_m)
        if is_here:
            assert self.bring(sha256, picture) == 201
        return sha256

    def bring(self, sha256: str, picture: bytes) -> int:
        with httpx.Client(base_url=f"{self.addresses[0]}/api/v1") as api:
            return put(api, sha256, picture).status_code

    def found(self, request: dict[str, Any], *, radius_m: float = 60) -> list[str]:
        lon, lat = place(0.0, 0.0)
        around: dict[str, float | str] = {"lon": lon, "lat": lat, "radius_m": radius_m}
        around |= {"from_at": AT.isoformat(), "to_at": (AT + timedelta(days=1)).isoformat()}
        answer = self.browsers["desk"].get(f"/data-requests/{request['id']}/pictures", params=around)
        assert answer.status_code == 200, answer.text
        return [item["sha256"] for item in answer.json()["items"]]

    def choose(self, request: dict[str, Any], what: str, *pictures: str) -> httpx.Response:
        body = {"version": self.page(request)["version"], "pictures": pictures}
        return self.browsers["desk"].post(f"/data-requests/{request['id']}/{what}", json=body)


@pytest.fixture(scope="module")
def desk(postgres: LocalPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    create_database(postgres, "test_data_requests", template=template_database)
    database, folder = postgres.url("test_data_requests"), tmp_path_factory.mktemp("pictures")
    people = (
        Wish(name="desk", role=Role.OPERATOR),
        Wish(name="boss", role=Role.ADMIN),
        Wish(name="roads", role=Role.OPERATOR, unit="roads"),
    )
    add_people(database, *people)
    key = folder.with_name("vault.key")
    with ExitStack() as stack:
        addresses = [
            stack.enter_context(
                running_server(database, folder, visitors=True, vault_file=key, proxies=("127.0.0.1",))
            )[1]
            for _ in range(2)
        ]
        browsers = {each.name: stack.enter_context(browser_at(addresses[0], at="10.9.9.9")) for each in people}
        for name, browser in browsers.items():
            assert sign_in(browser, name).status_code == 201
        town = Town(url=database)
        yield Desk(town=town, addresses=(addresses[0], addresses[1]), folder=folder, browsers=browsers)
    drop_database(postgres, "test_data_requests")


def test_a_request_goes_from_the_form_to_the_closed_record(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.1", kind="information")
    assert (request["state"], request["number"][:11]) == ("received", f"testcity-P{datetime.now(UTC).year}"[:11])
    page = desk.page(request)
    assert page["person"]["contact"] == "wang@example.org"
    assert page["steps"] == ["check_identity", "refuse"]
    assert desk.step(request, "answer", words="here").status_code == 409
    assert desk.step(request, "check_identity").json() == {"state": "identity_checked"}
    assert desk.step(request, "answer").status_code == 422, "without words"
    assert desk.step(request, "answer", words="Nothing of you is kept.").json() == {"state": "answered"}
    assert desk.step(request, "close").json() == {"state": "closed"}
    page = desk.page(request)
    assert page["person"]["answer"] == "Nothing of you is kept."
    assert [line["step"] for line in page["history"]] == ["receive", "check_identity", "answer", "close"]
    words = hashlib.sha256(b"Nothing of you is kept.").hexdigest()
    assert page["history"][2]["details"] == {"words_sha256": words}


def test_who_asked_lies_sealed_and_is_deleted_after_closing_while_the_record_stays(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.2")
    (row,) = desk.town.rows("SELECT wish FROM data_request_persons WHERE request_id = %s", request["id"])
    assert row["wish"].startswith("fernet:")
    assert desk.step(request, "refuse", words="It could not be shown who asks.").status_code == 200
    rules = RetentionRules(data_request_persons=Rule(days=90))
    store = open_store(PicturesConfig(url=desk.folder.as_uri()))
    (desk.folder / "keep").mkdir(exist_ok=True)
    with connect(desk.town.url, autocommit=True) as connection:
        report = purge(connection, store, rules, at=datetime.now(UTC) + timedelta(days=1000))
        assert report is not None
        assert desk.page(request)["person"] is not None, "only what is closed goes"
    assert desk.step(request, "close").status_code == 200
    with connect(desk.town.url, autocommit=True) as connection:
        purge(connection, store, rules, at=datetime.now(UTC) + timedelta(days=91))
    page = desk.page(request)
    assert page["person"] is None
    assert [line["step"] for line in page["history"]] == ["receive", "refuse", "close"]


def test_pictures_are_erased_with_proof_and_never_come_back(desk: Desk, tmp_path: Path) -> None:
    request = desk.asked(at="10.0.1.3")
    near, far = desk.picture(minutes=5), desk.picture(minutes=6, east_m=500)
    coming = desk.picture(minutes=7, is_here=False)
    later = desk.picture(minutes=3 * 24 * 60)
    assert desk.found(request) == [near, coming]
    assert set(desk.found(request, radius_m=2_000)) == {near, far, coming}
    observations = desk.town.rows("SELECT count(*) FROM observations")
    assert desk.choose(request, "erasure", near).status_code == 409, "it is not known yet who asks"
    desk.step(request, "check_identity")
    answer = desk.choose(request, "erasure", near, coming)
    assert answer.json()["is_proven"] is True
    assert answer.json()["erased"] | {"sightings": 0} == {
        "pictures": 2,
        "in_store_before": 1,
        "in_store_after": 0,
        "sightings": 0,
    }
    lies_there = {path.name for path in desk.folder.rglob("*") if path.is_file()}
    assert lies_there >= {far, later}
    assert not lies_there & {near, coming}
    assert desk.browsers["desk"].get(f"/pictures/{near}").status_code == 404
    assert desk.bring(coming, jpeg(shade=7)) == 204, "the bus is not asked for it any longer"
    assert desk.browsers["desk"].get(f"/pictures/{coming}").status_code == 404
    assert desk.town.rows("SELECT count(*) FROM observations") == observations
    line = desk.page(request)["history"][-1]
    assert (line["step"], sorted(line["details"]["pictures"])) == ("erase", sorted([near, coming]))
    assert line["details"]["in_store_after"] == 0
    store = open_store(PicturesConfig(url=desk.folder.as_uri()))
    with connect(desk.town.url, autocommit=True) as connection:
        saved = write_backup(connection, store, tmp_path / "backup")["pictures"]
    assert {far, later} <= set(saved)
    assert not {near, coming} & set(saved)
    # A store that is put back from a backup has it again, until the next purge.
    (desk.folder / near[:2] / near).write_bytes(b"restored")
    with connect(desk.town.url, autocommit=True) as connection:
        report = purge(connection, store, RetentionRules(), at=datetime.now(UTC))
    assert report is not None
    assert (report.is_proven, report.erased_pictures_left) == (True, 0)
    assert near not in store.stored()


def test_a_legal_hold_keeps_a_picture(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.4")
    desk.step(request, "check_identity")
    held, free = desk.picture(minutes=21), desk.picture(minutes=25)
    desk.town.change(
        "INSERT INTO legal_holds (city, device, from_at, to_at, reason) VALUES ('testcity', 'bus-1', %s, %s, 'court')",
        AT + timedelta(minutes=20),
        AT + timedelta(minutes=22),
    )
    answer = desk.choose(request, "erasure", free, held)
    assert (answer.status_code, "legal hold" in answer.text) == (422, True)
    assert desk.browsers["desk"].get(f"/pictures/{free}").status_code == 200, "all or none"
    assert desk.choose(request, "erasure", free).status_code == 200


def test_chosen_pictures_are_handed_out_as_a_file(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.5", kind="information")
    chosen = desk.picture(minutes=41)
    desk.step(request, "check_identity")
    answer = desk.choose(request, "export", chosen)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert hashlib.sha256(archive.read(f"{chosen}.jpg")).hexdigest() == chosen
        (record,) = json.loads(archive.read("pictures.json"))
    assert (record["file"], record["bus"]) == (f"{chosen}.jpg", "bus-1")
    assert desk.page(request)["history"][-1]["details"]["pictures"] == [chosen]
    assert desk.choose(request, "export", "0" * 64).status_code == 422
    assert desk.choose(request, "erasure", chosen).status_code == 409, "they asked for information"


def test_pictures_that_were_handed_out_are_kept_in_no_answer(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.10", kind="information")
    chosen = desk.picture(minutes=43)
    desk.step(request, "check_identity")
    body = {"version": desk.page(request)["version"], "pictures": [chosen]}
    way, keys = f"/data-requests/{request['id']}/export", {"Idempotency-Key": "handed-out-once"}
    answers = [desk.browsers["desk"].post(way, json=body, headers=keys) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert [line["step"] for line in desk.page(request)["history"]].count("export") == 1
    assert desk.town.rows("SELECT body FROM idempotency_keys WHERE key = 'handed-out-once'") == [{"body": None}]


def test_an_open_request_is_warned_of_once_and_is_overdue_once(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.6")
    warn_at, due_at = (datetime.fromisoformat(request[name]) for name in ("warn_at", "due_at"))
    handling = shipped_handling()
    with connect(desk.town.url, autocommit=True) as connection:
        run_clock(connection, handling=handling, at=warn_at - timedelta(minutes=1))
        assert len(desk.page(request)["history"]) == 1
        for at in (warn_at, warn_at + timedelta(hours=1), due_at, due_at + timedelta(days=1)):
            run_clock(connection, handling=handling, at=at)
    assert [line["step"] for line in desk.page(request)["history"]] == ["receive", "warn", "overdue"]


def test_the_form_is_bounded_by_network_for_all_servers_together(desk: Desk) -> None:
    """With N processes a network may not send N times as much: it is counted in the database."""
    statuses = [desk.ask(at="10.0.2.1", server=number % 2).status_code for number in range(MOST_OF_NETWORK + 3)]
    assert statuses == [201] * MOST_OF_NETWORK + [429] * 3
    answer = desk.ask(at="10.0.2.1", server=1)
    assert 3000 < int(answer.headers["Retry-After"]) <= 3601
    assert desk.ask(at="10.0.2.2").status_code == 201
    assert desk.ask(at="10.0.2.3", text="x" * 2_001).status_code == 422
    assert desk.ask(at="10.0.2.3", text="x" * 300_000).status_code == 413


def test_wrong_passwords_are_counted_for_all_servers_together(desk: Desk) -> None:
    """Three are free for a pair of account and address; the count is not begun again at another process."""
    statuses: list[int] = []
    for number in range(6):
        with browser_at(desk.addresses[number % 2], at="10.0.3.1") as browser:
            statuses.append(sign_in(browser, "boss", "wrong horse").status_code)
    assert statuses.count(429) >= 2, statuses


def test_unknown_tokens_are_bounded_at_each_process(desk: Desk) -> None:
    """A token is 256 bits: guessing is hopeless at any rate, so this bound only spares the process.

    N processes let through N times as many, and no more.
    """
    refused, begun_s = [0, 0], time.monotonic()
    for number in range(2 * 40):
        headers = {"Authorization": f"Bearer bst_{number:043d}", "X-Forwarded-For": "10.0.4.1"}
        status = httpx.get(f"{desk.addresses[number % 2]}/api/v1/me", headers=headers).status_code
        assert status in {401, 429}
        refused[number % 2] += status == 401
    of_each = UNKNOWN_BURST + UNKNOWN_PER_S * (time.monotonic() - begun_s) + 1
    assert all(UNKNOWN_BURST <= count <= of_each for count in refused), refused


def test_requests_of_all_are_not_for_somebody_of_one_unit(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.7")
    assert desk.browsers["roads"].get("/data-requests").status_code == 404
    assert desk.browsers["roads"].get(f"/data-requests/{request['id']}").status_code == 404
    assert desk.step(request, "check_identity", who="roads").status_code == 404
    assert desk.page(request)["state"] == "received"


def test_the_record_of_requests_is_sealed_with_that_of_the_cases(desk: Desk) -> None:
    request = desk.asked(at="10.0.1.8")
    with connect(desk.town.url) as connection:
        assert audit.seal(connection, at=datetime.now(UTC)) > 0
    assert faults(desk) == ()
    desk.town.change("UPDATE data_request_history SET actor = 'nobody' WHERE request_id = %s", request["id"])
    desk.town.change("UPDATE data_requests SET state = 'refused' WHERE id = %s", request["id"])
    found = faults(desk)
    assert any(fault.startswith(f"request {request['id']}: line 1") for fault in found), found
    assert any(f"request {request['number']} is refused" in fault for fault in found), found


def faults(desk: Desk) -> tuple[str, ...]:
    with connect(desk.town.url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return audit.verify(connection, at=datetime.now(UTC)).faults


def test_what_lay_in_the_clear_is_sealed_when_there_is_a_key(desk: Desk, tmp_path: Path) -> None:
    request = desk.asked(at="10.0.1.9")
    desk.town.change("UPDATE data_request_persons SET wish = '{}', answer = 'x' WHERE request_id = %s", request["id"])
    vault = Vault.open(tmp_path / "key")
    with connect(desk.town.url) as connection:
        vault.seal_all(connection)
    (row,) = desk.town.rows("SELECT wish, answer FROM data_request_persons WHERE request_id = %s", request["id"])
    assert (vault.unseal(row["wish"]), vault.unseal(row["answer"])) == ("{}", "x")
    assert row["wish"].startswith("fernet:")
