"""Safe driving in a browser: reviews by keys, scores in groups, looks at who drove, and what a driver sees."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Language, open_viewer
from tests.e2e.stub_data import BOSS
from tests.e2e.test_dashboard_access import serious_faults
from tests.e2e.test_dashboard_people import keep
from tests.e2e.test_dashboard_travel import answer, be

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NOW: Final = datetime.now(UTC).replace(microsecond=0)
IDS: Final = tuple(f"01a20d6d-5a00-7b6f-8bad-cce966e8e00{number}" for number in range(3))
KINDS: Final = ("harsh_braking", "speeding", "drowsy")


def incident(number: int, **changes: object) -> dict[str, object]:
    begin = NOW - timedelta(minutes=5 + number)
    usual: dict[str, object] = {
        "id": IDS[number],
        "device": f"bus-{number + 1}",
        "kind": KINDS[number],
        "from_at": begin.isoformat(),
        "to_at": (begin + timedelta(seconds=2)).isoformat(),
        "lon": 120.4,
        "lat": 27.5,
        "peak_mps2": -4.1 if number == 0 else 0.0,
        "speed_mps": 11.0,
        "limit_mps": None,
        "severity": number + 1,
        "sensor": "imu",
        "road": "人民大道",
        "state": "needs_review",
        "version": 1,
        "objection": None,
        "objected_at": None,
    }
    return usual | changes


def trace(begin: datetime) -> list[dict[str, object]]:
    """Braking, ten samples a second."""
    moments: list[dict[str, object]] = []
    speed = 12.0
    for tick in range(-50, 50):
        forward = -4.1 * math.exp(-(((tick - 10) / 8) ** 2))
        speed = max(0.0, speed + forward / 10)
        at = begin + timedelta(seconds=tick / 10)
        moments.append(
            {"at": at.isoformat(), "speed_mps": speed, "forward_mps2": forward, "right_mps2": 0.2, "limit_mps": None}
        )
    return moments


CLIP: Final[dict[str, object]] = {
    "columns": 5,
    "taken_at": [(NOW - timedelta(minutes=5) + timedelta(seconds=tick / 2 - 7)).isoformat() for tick in range(20)],
    "width_px": 800,
    "height_px": 360,
    "is_of_terminal": False,
    "is_here": True,
}
PICTURE_OF_TERMINAL: Final = CLIP | {"columns": 1, "taken_at": [NOW.isoformat()], "is_of_terminal": True}


def sheet() -> bytes:
    """Twenty pictures of a road that comes nearer, each with its number."""
    drawn = np.full((360, 800, 3), 150, np.uint8)
    for number in range(20):
        row, column = divmod(number, 5)
        part = drawn[row * 90 : (row + 1) * 90, column * 160 : (column + 1) * 160]
        part[45 - number :] = 90
        cv2.putText(part, str(number), (60, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 2)
    return cv2.imencode(".png", drawn)[1].tobytes()


def show_clip(page: Page) -> None:
    content = sheet()
    way = f"**/api/v1/driving/*/{IDS[0]}/clips/0"
    page.route(way, lambda route: route.fulfill(body=content, content_type="image/png"))


def detail(number: int, **changes: object) -> dict[str, object]:
    evidence = trace(NOW - timedelta(minutes=5)) if number == 0 else []
    clips = [[CLIP], [CLIP | {"is_here": False}], [PICTURE_OF_TERMINAL]][number]
    more: dict[str, object] = {
        "evidence": evidence,
        "clips": clips,
        "log": [],
        "reviews": ["coach", "recognise", "dismiss"],
    }
    return incident(number) | more | changes


PURPOSE: Final = "乘客投诉车辆未停站"
LOOK: Final[dict[str, object]] = {
    "id": IDS[0],
    "driver": None,
    "device": "bus-1",
    "from_at": (NOW - timedelta(minutes=70)).isoformat(),
    "to_at": (NOW - timedelta(minutes=50)).isoformat(),
    "kind": "complaint",
    "state": "asked",
    "purpose": PURPOSE,
    "minutes": 30,
    "asked_at": (NOW - timedelta(minutes=5)).isoformat(),
    "asked_by": "hu",
    "approved_by": None,
    "until_at": None,
    "closed_at": None,
    "closed_by": None,
    "outcome": None,
}
SHIFT: Final[dict[str, object]] = {
    "id": IDS[1],
    "driver": "lin",
    "device": "bus-1",
    "from_at": LOOK["from_at"],
    "to_at": LOOK["to_at"],
    "noted_by": "hu",
    "track": [
        {
            "at": (NOW - timedelta(minutes=70 - tick / 2)).isoformat(),
            "lon": 120.42 + 0.012 * math.sin(tick / 9),
            "lat": 27.51 + 0.0004 * tick,
            "speed_mps": 8.0,
        }
        for tick in range(40)
    ],
}


def ago(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def line(actor: str, deed: str, minutes: float) -> dict[str, object]:
    about = {"look": IDS[0], "kind": "complaint", "from_at": LOOK["from_at"], "to_at": LOOK["to_at"]}
    is_look = "shift" not in deed
    return {
        "at": ago(minutes),
        "actor": actor,
        "deed": deed,
        "purpose": PURPOSE if is_look else "",
        "details": about if is_look else {},
    }


RECORD: Final = {
    "shifts": [{name: SHIFT[name] for name in ("device", "from_at", "to_at", "noted_by")}],
    "lines": [
        line("system", "close_look", 1),
        line("hu", "look", 20),
        line("boss", "approve_look", 25),
        line("hu", "ask_to_look", 30),
        line("hu", "note_shift", 600),
    ],
}


def score(name: str, incidents: int, low: float, high: float, group: int) -> dict[str, object]:
    rate = incidents / 20
    values = {"incidents": incidents, "way_km": 2000.0, "moving_h": 100.0, "per_100_km": rate}
    return {"name": name, "low": low, "high": high, "group": group, **values}


def test_incidents_are_reviewed_by_keys(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS) as viewer:
        page = viewer.page
        be(page, "safety", "account", "see", "see_cases", "see_driving", "review_driving")
        answer(page, "/driving/incidents?*", {"items": [incident(number) for number in range(3)], "next": None})
        for number in range(3):
            answer(page, f"/driving/incidents/{IDS[number]}", detail(number))
        sent = answer(page, "/driving/incidents/*/reviews", None, method="POST", status=204)
        clip = sheet()
        page.route(
            "**/api/v1/driving/incidents/*/clips/0",
            lambda route: route.fulfill(body=clip, content_type="image/png"),
        )
        viewer.open("/driving")
        expect(page.get_by_role("heading", name="急刹车")).to_be_visible()
        expect(page.locator(".trace canvas")).to_be_visible()
        keep(page, "driving")
        film = page.get_by_role("region", name="事件前后的路面")
        film.scroll_into_view_if_needed()
        film.get_by_role("button", name="播放").click()
        expect(film.get_by_role("slider")).not_to_have_value("0")
        film.get_by_role("slider").fill("13")
        expect(film.get_by_role("img")).to_have_css("background-position", re.compile(r"^75% 66\.6"))
        expect(film.get_by_role("button", name="播放")).to_be_visible()
        keep(page, "driving-clip")
        assert serious_faults(viewer) == []
        page.keyboard.press("d")  # without a reason nothing happens
        page.keyboard.press("1")
        page.keyboard.press("d")
        expect(page.get_by_role("heading", name="超速")).to_be_visible()
        expect(page.get_by_text("画面还没有到达")).to_be_visible()
        page.keyboard.press("j")
        expect(page.get_by_role("heading", name="疲劳")).to_be_visible()
        alarm = page.get_by_role("region", name="终端报警照片")
        expect(alarm.get_by_role("img")).to_be_visible()
        expect(alarm.get_by_role("slider")).to_have_count(0)
        page.keyboard.press("c")
        expect(page.get_by_role("heading", name="超速")).to_be_visible()
        viewer.wait_for_requests(sent, 2)
        assert sent == [
            {"action": "dismiss", "version": 1, "reason": "避让行人或车辆"},
            {"action": "coach", "version": 1, "reason": None},
        ]
        assert viewer.problems == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_phone_shows_every_kind_of_incident_to_choose_from(browser: Browser, url: str, language: Language) -> None:
    with open_viewer(browser, url, token=BOSS, size=(390, 844), language=language) as viewer:
        page = viewer.page
        be(page, "safety", "account", "see", "see_driving", "review_driving")
        answer(page, "/driving/incidents?*", {"items": [incident(0)], "next": None})
        answer(page, f"/driving/incidents/{IDS[0]}", detail(0))
        viewer.open("/driving")
        expect(page.locator(".trace canvas")).to_be_visible()
        assert viewer.cut_texts() == []
        page.locator(".el-segmented__item").last.click()
        expect(page.locator(".el-segmented__item.is-selected")).to_have_count(2)


def test_scores_stand_in_groups_and_not_in_ranks(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS) as viewer:
        page = viewer.page
        be(page, "safety", "account", "see", "see_cases", "see_driving", "review_driving")
        items = [score("chen", 12, 0.4, 0.9, 1), score("lin", 9, 0.3, 0.8, 1), score("wu", 60, 2.4, 3.7, 2)]
        until = (NOW - timedelta(days=3)).isoformat()
        body = {"by": "driver", "days": 28, "until_at": until, "level": 0.9, "items": items, "too_little": ["zhou"]}
        answer(page, "/driving/incidents?*", {"items": [], "next": None})
        answer(page, "/driving/scores?*", body)
        viewer.open("/driving?view=scores&by=driver")
        table = page.get_by_role("table")
        expect(table).to_contain_text("第 2 组")
        assert table.get_by_role("rowheader").all_inner_texts() == ["第 1 组", "chen", "lin", "第 2 组", "wu"]
        expect(page.get_by_text("里程太少，不评分：zhou")).to_be_visible()
        keep(page, "driving-scores")
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def test_who_drove_is_asked_for_and_seen_when_another_has_opened_it(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS) as viewer:
        page = viewer.page
        be(page, "safety", "account", "see", "see_cases", "see_driving", "review_driving", "look_at_drivers")
        answer(page, "/driving/incidents?*", {"items": [incident(0)], "next": None})
        answer(page, f"/driving/incidents/{IDS[0]}", detail(0))
        show_clip(page)
        answer(page, "/driving/looks", {"items": [LOOK]})
        asked = answer(page, "/driving/looks", {"id": IDS[2]}, method="POST", status=201)
        approved = answer(page, f"/driving/looks/{IDS[0]}/approve", None, method="POST", status=204)
        answer(page, f"/driving/looks/{IDS[0]}/view", {"look": LOOK | {"state": "open"}, "shifts": [SHIFT]})
        viewer.open("/driving")
        expect(page.get_by_text("lin", exact=True)).to_have_count(0)
        page.get_by_role("link", name="谁在驾驶").click()
        expect(page.get_by_label("车辆", exact=True)).to_have_value("bus-1")
        page.get_by_label("说明（驾驶员可见）").fill("急刹车后需要辅导")
        page.get_by_role("button", name="申请查看").click()
        expect(page.get_by_label("说明（驾驶员可见）")).to_have_value("")
        page.get_by_role("button", name="批准", exact=True).click()
        viewer.wait_for_requests(approved)
        keep(page, "driving-looks")
        assert serious_faults(viewer) == []
        (order,) = asked
        assert isinstance(order, dict)
        about = {"device": "bus-1", "kind": "coaching", "minutes": 30, "purpose": "急刹车后需要辅导"}
        assert order | about == order
        assert "driver" not in order
        assert len(approved) == 1

        viewer.go(f"/driving/looks/{IDS[0]}")
        expect(page.get_by_role("rowheader", name="lin")).to_be_visible()
        expect(page.locator(".track-map[data-ready=true]")).to_be_visible()
        keep(page, "driving-look")
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def test_a_driver_sees_their_own_and_objects(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(412, 860)) as viewer:
        page = viewer.page
        be(page, "driver", "account", "drive")
        answer(page, "/driving/mine?*", {"items": [incident(0)], "next": None})
        answer(page, "/driving/mine", {"items": [incident(0)], "next": None})
        items = [score("lin", 9, 0.3, 0.8, 1)]
        own = {"by": "driver", "days": 28, "until_at": ago(0), "level": 0.9, "items": items, "too_little": []}
        answer(page, "/driving/mine/score", own)
        answer(page, f"/driving/mine/{IDS[0]}", detail(0, reviews=[]))
        show_clip(page)
        sent = answer(page, f"/driving/mine/{IDS[0]}/objection", None, method="POST", status=204)
        answer(page, "/driving/my-record", RECORD)
        viewer.go("/")  # all else is not for drivers
        read = page.get_by_role("region", name="谁查看过我")
        expect(read).to_contain_text("hu 查看了行踪")
        expect(read).to_contain_text(PURPOSE)
        expect(read).to_contain_text("投诉 · 查看的时段")
        read.scroll_into_view_if_needed()
        keep(page, "driving-record")
        expect(page.get_by_role("heading", name="我的行车记录")).to_be_visible()
        page.get_by_role("button", name="急刹车").click()
        page.get_by_label("申诉内容").fill("有孩子冲出马路")
        keep(page, "driving-mine")
        page.get_by_role("button", name="提交申诉").click()
        expect(page.get_by_label("申诉内容")).to_have_value("")
        assert sent == [{"text": "有孩子冲出马路"}]
        assert viewer.width_beyond_the_window() <= 0
        assert serious_faults(viewer) == []
