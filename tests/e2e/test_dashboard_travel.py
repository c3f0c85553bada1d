"""Safe travel in a browser: the care desk, a search on the map, and a guardian's phone."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import h3
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from cloud.findings.cells import ring_of
from cloud.scenarios.safe_travel.search import cell_of
from tests.e2e.browser import open_viewer
from tests.e2e.stub_api import Stub
from tests.e2e.stub_data import BOSS
from tests.e2e.test_dashboard_access import serious_faults
from tests.e2e.test_dashboard_people import keep

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PERSON: Final = "01a20d6d-5a00-7b6f-8bad-cce966e8e001"
LOOK: Final = "01a20d6d-5a00-7b6f-8bad-cce966e8e002"
LON, LAT = 120.4258, 27.5184
NOW: Final = datetime.now(UTC)


def ago(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def event(number: int, kind: str, minutes: float, **more: object) -> dict[str, object]:
    usual: dict[str, object] = {"journey": None, "stop": None, "is_withdrawn": False}
    return {"id": f"{PERSON[:-3]}{number:03d}", "kind": kind, "at": ago(minutes), **usual, **more}


def line(actor: str, deed: str, purpose: str, minutes: float) -> dict[str, object]:
    return {"at": ago(minutes), "actor": actor, "deed": deed, "purpose": purpose, "details": {}}


PURPOSE: Final = "早上出门后没有回家"
LOOK_ASKED: Final[dict[str, object]] = {
    "id": LOOK,
    "traveller": PERSON,
    "kind": "search",
    "state": "asked",
    "purpose": PURPOSE,
    "minutes": 60,
    "asked_at": ago(5),
    "asked_by": "chen",
    "approved_by": None,
    "until_at": None,
    "closed_at": None,
    "closed_by": None,
    "outcome": None,
}
LOOK_OPEN: Final = LOOK_ASKED | {"state": "open", "approved_by": "boss", "until_at": ago(-55)}
TRAVELLER: Final[dict[str, object]] = {
    "id": PERSON,
    "name": "陈奶奶",
    "kind": "dementia",
    "covers": ["journeys", "search"],
    "consent_until": "2027-04-18",
    "tags": 1,
    "last_heard_at": ago(20),
    "area_lon": LON,
    "area_lat": LAT,
    "area_radius_m": 800,
    "hours_from": "06:00:00",
    "hours_to": "20:00:00",
}
JOURNEY: Final = {
    "id": PERSON,
    "name": "老年大学",
    "lon": LON,
    "lat": LAT,
    "radius_m": 80,
    "days": [1, 3, 5],
    "leave_at": "08:00:00",
    "arrive_by": "09:00:00",
}
HISTORY: Final = [
    line("chen", "ask_to_look", PURPOSE, 5),
    line("chen", "add_tag", "", 9000),
    line("chen", "consent", "", 9001),
    line("chen", "add", "", 9002),
]
EVENTS: Final = [
    event(1, "not_arrived", 0.5),
    event(2, "left_bus", 1),
    event(3, "boarded", 1.5),
    event(4, "arrived", 3000),
    event(5, "left_area", 3100, is_withdrawn=True),
]
TAG: Final = {
    "id": PERSON,
    "kind": "eid",
    "battery_left": 0.62,
    "battery_changed_at": ago(200_000),
    "drift_ppm": [-12.0, 31.0],
    "added_at": ago(9000),
    "last_heard_at": ago(20),
}
CONSENT: Final = {
    "id": PERSON,
    "given_by": "王芳",
    "covers": ["journeys", "search"],
    "from_at": ago(9001),
    "until": "2027-04-18",
    "recorded_at": ago(9001),
    "recorded_by": "chen",
    "withdrawn_at": None,
}
DETAIL: Final = TRAVELLER | {
    "consents": [CONSENT],
    "guardians": [{"name": "wangfang", "added_at": ago(9000), "has_signed_in": True}],
    "tag_list": [TAG],
    "journeys": [JOURNEY],
    "events": EVENTS,
    "looks": [LOOK_ASKED],
    "history": HISTORY,
}


def seen(minutes: float, east: float) -> dict[str, object]:
    times = {"from_at": ago(minutes + 0.5), "to_at": ago(minutes)}
    return {"reader": "bus-3", "lon": LON + east, "lat": LAT, "accuracy_m": 60.0, "rssi_dbm": -74, **times}


def cells() -> list[dict[str, object]]:
    """A disk of cells, the likelier the nearer."""
    middle = cell_of(lon=LON, lat=LAT)
    disks = [set(h3.grid_disk(middle, size)) for size in range(5)]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
    return [
        {"cell": str(cell), "probability": 0.3 / 4**ring, "ring": ring_of(str(cell))}  # pyright: ignore[reportUnknownArgumentType]
        for ring, disk in enumerate(disks)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        for cell in sorted(disk - (disks[ring - 1] if ring else set()))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    ]


OUTLOOK: Final = {
    "look": LOOK_OPEN,
    "name": "陈奶奶",
    "last": seen(20, 0.0),
    "trail": [seen(20, 0.0), seen(21, -0.001), seen(22, -0.002)],
    "cells": cells(),
    "passes": [{"reader": "bus-7", "at": ago(-6), "share": 0.86, "probability": 0.7}],
    "events": [event(2, "left_bus", 1, stop="人民大道站")],
}


def answer(page: Page, path: str, body: object, *, method: str = "GET", status: int = 200) -> list[object]:
    """Answer one way of the API; returns what was sent to it."""
    sent: list[object] = []

    def take(route: Route) -> None:
        if route.request.method != method:
            route.fallback()
            return
        sent.append(route.request.post_data_json if method != "GET" else None)
        route.fulfill(status=status, json=body) if status != 204 else route.fulfill(status=204)

    page.route(f"**/api/v1{path}", take)
    return sent


def be(page: Page, role: str, *permissions: str) -> None:
    """Sign in as somebody."""
    me: dict[str, Any] = {"name": "boss", "role": role, "unit": None, "crew": None, "areas": [], "way": "session"}
    answer(page, "/me", me | {"permissions": [*permissions]})


def test_the_desk_sees_no_place_and_approves_what_another_asks(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS) as viewer:
        page = viewer.page
        be(page, "care", "account", "see", "care")
        answer(page, "/travel/people", {"items": [TRAVELLER]})
        answer(page, "/travel/looks", {"items": [LOOK_ASKED]})
        answer(page, f"/travel/people/{PERSON}", DETAIL)
        approved = answer(page, f"/travel/looks/{LOOK}/approve", None, method="POST", status=204)
        viewer.open("/travel")
        expect(page.get_by_role("region", name="安全出行")).to_contain_text("陈奶奶")
        keep(page, "travel")
        viewer.press(page.get_by_role("button", name="批准", exact=True))
        viewer.wait_for_requests(approved)
        expect(page.get_by_text(PURPOSE)).to_be_visible()
        assert len(approved) == 1
        viewer.open(f"/travel/{PERSON}")
        expect(page.get_by_role("heading", name="陈奶奶")).to_be_visible()
        expect(page.get_by_role("region", name="标签")).to_contain_text("电池约剩 62%")
        expect(page.get_by_role("region", name="近七天的事件")).to_contain_text("后来的消息表明并非如此")
        keep(page, "traveller")
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def test_a_search_shows_where_the_person_may_be(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(1360, 860)) as viewer:
        page = viewer.page
        be(page, "care", "account", "see", "care")
        answer(page, f"/travel/looks/{LOOK}/view", OUTLOOK)
        closed = answer(page, f"/travel/looks/{LOOK}/close", None, method="POST", status=204)
        viewer.open(f"/travel/looks/{LOOK}")
        expect(page.get_by_role("heading", name="陈奶奶 可能的位置")).to_be_visible()
        expect(page.get_by_text("bus-7")).to_be_visible()
        viewer.wait_for_map()
        keep(page, "search")
        assert serious_faults(viewer) == []
        viewer.reach(page.get_by_label("结果"))
        page.keyboard.insert_text("在公园找到")
        viewer.press(page.get_by_role("button", name="已找到，结束"))
        viewer.wait_for_requests(closed)
        expect(page.get_by_role("heading", name="陈奶奶 可能的位置")).to_be_visible()
        assert closed == [{"outcome": "在公园找到"}]
        assert viewer.problems == []


def test_a_guardian_reads_who_looked_and_asks_for_a_search_on_a_phone(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(390, 844)) as viewer:
        page = viewer.page
        be(page, "guardian", "account", "guard")
        ward: dict[str, object] = TRAVELLER | {"journeys": [JOURNEY], "events": EVENTS, "looks": [], "history": HISTORY}
        answer(page, "/guardian/wards", {"items": [ward]})
        asked = answer(page, f"/guardian/wards/{PERSON}/searches", {"id": LOOK}, method="POST", status=201)
        viewer.go("/cases")  # all but their own page leads there
        card = page.get_by_role("article", name="陈奶奶")
        expect(card).to_contain_text("未按约定到达")
        keep(page, "guardian")
        card.get_by_text("谁查看过", exact=True).click()
        expect(card).to_contain_text(PURPOSE)
        lost = card.get_by_role("button", name="找不到人")
        viewer.press(lost)
        expect(card.get_by_label("发生了什么")).to_be_focused()
        page.keyboard.insert_text("买菜一小时未归")
        keep(page, "guardian-search")
        viewer.press(card.get_by_role("button", name="申请查找"))
        expect(lost).to_be_focused()
        assert asked == [{"purpose": "买菜一小时未归"}]
        assert viewer.width_beyond_the_window() == 0
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def test_a_guardians_page_changes_as_soon_as_something_is_known(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=BOSS, size=(390, 844)) as viewer:
        page = viewer.page
        be(page, "guardian", "account", "guard")
        nothing: list[object] = []
        ward = TRAVELLER | dict.fromkeys(("journeys", "events", "looks", "history"), nothing)
        answer(page, "/guardian/wards", {"items": [ward]})
        viewer.open("/guardian")
        expect(page.get_by_role("article")).not_to_contain_text("未按约定到达")
        answer(page, "/guardian/wards", {"items": [ward | {"events": EVENTS}]})
        stub.tell("ward", {"ward": PERSON})
        expect(page.get_by_role("article")).to_contain_text("未按约定到达")
        viewer.press(page.get_by_role("button", name="English"))
        for words in ("Has not arrived as agreed", "I cannot find them", "Who looked"):
            expect(page.get_by_role("article")).to_contain_text(words)
        expect(page.get_by_role("heading", name="In my care")).to_be_visible()
        keep(page, "guardian-en")
        assert viewer.cut_texts() == []
        assert viewer.problems == []


def test_nobody_else_gets_in_and_an_empty_desk_says_so(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, language="en") as viewer:
        page = viewer.page
        viewer.go("/guardian")
        be(page, "care", "account", "see", "care")
        answer(page, "/travel/people", {"items": []})
        answer(page, "/travel/looks", {"items": []})
        viewer.open("/travel")
        expect(page.get_by_role("heading", name="Nobody yet")).to_be_visible()
        answer(page, f"/travel/people/{PERSON}", {"title": "Forbidden", "status": 403, "detail": "x"}, status=403)
        viewer.go(f"/travel/{PERSON}")
        expect(page.get_by_role("alert")).to_be_visible()
