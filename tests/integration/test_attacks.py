# ruff: noqa: ANN401 - JSON is of any type
"""What an attacker would try at the API. BUSENSE_ATTACKS tries more of everything; the counts are printed with -s."""

import http.client
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from busense.local.postgres import LocalPostgres
from cloud.api.openapi import DOCUMENT
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.people.permissions import PEOPLE
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in

TRIES: Final = int(os.environ.get("BUSENSE_ATTACKS", "1"))
UNKNOWN: Final = "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"
CREW: Final[dict[Role, Any]] = {Role.CREW: {"unit": "roads", "crew": "roads-1"}}
# These end the attacker's own session, or lead to another server.
LEFT_OUT: Final = ("/api/v1/session", "/api/v1/account/sessions", "/api/v1/oidc/start")
INJECTIONS: Final = (
    "'",
    "' OR '1'='1",
    "1; DROP TABLE people; --",
    "') UNION SELECT password_hash FROM people --",
    "$$; SELECT pg_sleep(30); $$",
    "%s%s%n",
    "%(limit)s",
    "\\",
    "\x00",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "<svg onload=alert(1)>",
    "{{7*7}}${7*7}",
    "x\r\nX-Injected: 1",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin1"),
    "9" * 400,
    "-1",
    "NaN",
    "é" * 300,
)
QUESTIONS: Final = (
    ("/findings", "class"),
    ("/cases", "number"),
    ("/cases", "cursor"),
    ("/cases", "unit"),
    ("/roads", "bbox"),
    ("/people-log", "person"),
    ("/observations", "after"),
    ("/deliveries", "cursor"),
    ("/condition/report", "month"),
    ("/data-requests", "state"),
    (f"/data-requests/{UNKNOWN}/pictures", "from_at"),
)
ADDRESSES: Final = (
    "/cases/{}",
    "/findings/{}",
    "/segments/{}",
    "/pictures/{}",
    "/people/{}",
    "/data-requests/{}",
    "/releases/{}/shadow",
)
PATHS: Final = (
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/../../../../../../etc/passwd",
    "/assets/..%5c..%5c..%5cetc/passwd",
    "//etc/passwd",
    "/assets/%00",
    "/.git/config",
    "/api/v1/../../../etc/passwd",
    "/api/v1/pictures/..%2f..%2fetc%2fpasswd",
    "/api/v1/pictures/" + "a" * 5_000,
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server and a browser of each role."""

    address: str
    browsers: dict[str, httpx.Client]


@pytest.fixture(scope="module")
def target(
    postgres: LocalPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    create_database(postgres, "test_attacks", template=template_database)
    database = postgres.url("test_attacks")
    add_people(database, *(Wish(name=f"a-{role}", role=role, **CREW.get(role, {})) for role in PEOPLE))
    add_people(database, Wish(name="b-admin", role=Role.ADMIN))
    with running_server(database, tmp_path_factory.mktemp("pictures"), visitors=True) as (_, address):
        opened = {name: browser_at(address) for name in ("visitor", *PEOPLE)}
        browsers = {name: context.__enter__() for name, context in opened.items()}
        for role in PEOPLE:
            assert sign_in(browsers[role], f"a-{role}").status_code == 201
        yield Target(address=address, browsers=browsers)
        for context in opened.values():
            context.__exit__(None, None, None)
    drop_database(postgres, "test_attacks")


def operations() -> list[Any]:
    schema: Any = schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))
    schema.config.max_stream_events = 1  # of those that never end
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.path not in LEFT_OUT]


# The server runs in this process: its pool of connections may draw at random while a case is drawn.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["visitor", *PEOPLE])
def test_nothing_drawn_from_the_schema_makes_the_server_fail(target: Target, who: str) -> None:
    browser, statuses = target.browsers[who], Counter[int]()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = dict(browser.headers) | {"Cookie": cookies}

    def attack(operation: Any) -> None:
        @given(case=operation.as_strategy())
        @settings(
            max_examples=TRIES,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            verbosity=Verbosity.quiet,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        def run(case: Any) -> None:
            case.headers.pop("Authorization", None)  # drawn tokens are unknown ones: that is another test
            answer = case.call(base_url=target.address, headers=headers, timeout=60)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text[:300]}"

        run()

    for operation in operations():
        attack(operation)
    print(f"\n{who}: {sum(statuses.values())} requests, {dict(sorted(statuses.items()))}")  # noqa: T201
    assert sum(statuses.values()) >= len(operations())


def test_injections_are_data_or_refused(target: Target) -> None:
    browser, statuses = target.browsers["admin"], Counter[int]()
    for (path, name), text in product(QUESTIONS, INJECTIONS):
        answer = browser.get(path, params={name: text})
        statuses[answer.status_code] += 1
        assert "X-Injected" not in answer.headers
    for path, text in product(ADDRESSES, INJECTIONS):
        answer = browser.request("PUT" if "people" in path else "GET", path.format(quote(text, safe="")))
        statuses[answer.status_code] += 1
    for text in INJECTIONS:
        statuses[sign_in(browser, text[:63]).status_code] += 1
        statuses[browser.post("/welcome/name", json={"token": text[:100] or "x"}).status_code] += 1
        form = {"kind": "erasure", "name": text[:100], "contact": text[:200].ljust(3), "text": text[:2000]}
        statuses[browser.post("/notice/requests", json=form).status_code] += 1
    print(f"\n{sum(statuses.values())} injections, {dict(sorted(statuses.items()))}")  # noqa: T201
    assert not [status for status in statuses if status >= 500], statuses
    assert browser.get("/people").json()["items"], "the table is still there"


def test_no_path_leads_out_of_the_pages(target: Target) -> None:
    address = urlsplit(target.address)
    for path in PATHS:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        connection.request("GET", path)  # sent as it is: a client would tidy it up
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        assert answer.status < 500, path
        assert "root:" not in text
        assert "[core]" not in text


def test_headers_do_not_make_anybody_somebody(target: Target) -> None:
    forged = [
        {"Authorization": "Bearer x"},
        {"Authorization": "Bearer null"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"X-Forwarded-User": "a-admin"},
        {"X-Remote-User": "a-admin"},
        {"X-Original-URL": "/api/v1/people"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Cookie": "busense=" + "0" * 43},
        {"Cookie": "__Host-busense=" + target.browsers["admin"].cookies["busense"]},
        {"Host": "evil.example"},
    ]
    for headers in forged:
        assert httpx.get(f"{target.address}/api/v1/people", headers=headers).status_code in {401, 403, 429}


def test_ids_of_others_are_not_there(target: Target) -> None:
    """A case of another unit is in test_permissions; what belongs to an account is here, for every role."""
    owner = target.browsers["admin"]
    session = owner.get("/account/sessions").json()["items"][0]["id"]
    token = owner.post("/account/tokens", json={"label": "x", "scopes": ["see"]}).json()
    assert token["token"]
    token_id = owner.get("/account/tokens").json()["items"][-1]["id"]
    for role in PEOPLE:
        if role is not Role.ADMIN:
            browser = target.browsers[role]
            assert browser.delete(f"/account/sessions/{session}").status_code == 404
            assert browser.delete(f"/account/tokens/{token_id}").status_code == 404
            assert browser.post("/people/a-admin/link").status_code == 403
    assert owner.get("/me").status_code == 200


def test_what_a_person_writes_comes_back_as_text(target: Target) -> None:
    label = "<svg/onload=alert(1)>"
    browser = target.browsers["operator"]
    assert browser.post("/account/tokens", json={"label": label, "scopes": ["see"]}).status_code == 201
    answer = browser.get("/account/tokens")
    assert answer.headers["content-type"] == "application/json"
    assert label in [item["label"] for item in answer.json()["items"]]
