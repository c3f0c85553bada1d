"""The pages in a real browser, against canned answers."""

from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.e2e import stub_data as data
from tests.e2e.browser import Language, Scheme, open_viewer
from tests.e2e.stub_api import Stub, stub_api

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE = (390, 844)
WALL = (1920, 1080)


@pytest.mark.parametrize("size", [PHONE, (1440, 900), WALL], ids=["phone", "desk", "wall"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_map_draws_and_nothing_goes_wrong_or_leaves_the_origin(
    browser: Browser, url: str, size: tuple[int, int], scheme: Scheme
) -> None:
    with open_viewer(browser, url, size=size, scheme=scheme) as viewer:
        viewer.open("/")
        viewer.wait_for_map()
        expect(viewer.page.locator("[data-tile=messages] .value")).to_have_text("1,234")
        expect(viewer.page.locator(".feed")).to_contain_text("bus-1 观测到")
        expect(viewer.page.locator(".feed")).not_to_contain_text("bus-2 观测到")  # a pole that stands is no news
        assert viewer.problems == []
        assert viewer.width_beyond_the_window() == 0


@pytest.mark.parametrize(
    ("language", "title", "state"), [("zh", "病害列表", "已确认"), ("en", "Findings", "Confirmed")], ids=["zh", "en"]
)
def test_keyboard_leads_from_the_list_to_a_finding(
    browser: Browser, url: str, language: Language, title: str, state: str
) -> None:
    with open_viewer(browser, url, language=language) as viewer:
        viewer.open("/findings?sort=-existence")
        expect(viewer.page.get_by_role("heading", level=1)).to_have_text(title)
        expect(viewer.page.locator("tbody tr").first).to_contain_text(state)
        viewer.page.locator("a.row-link").first.focus()
        viewer.page.keyboard.press("ArrowDown")
        viewer.page.keyboard.press("ArrowUp")
        viewer.page.keyboard.press("Enter")
        viewer.page.wait_for_url("**/findings/f1")
        expect(viewer.page.locator(".why tbody tr")).to_have_count(3)
        assert viewer.problems == []


def test_finding_shows_picture_case_and_reasons(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/findings/f1")
        viewer.wait_for_map()
        expect(viewer.page.locator(".large img")).to_have_js_property("naturalWidth", 640)
        expect(viewer.page.locator(".large rect.box")).to_have_attribute("x", "200")
        expect(viewer.page.locator("section.case")).to_contain_text("两次见到")
        expect(viewer.page.locator(".facts")).to_contain_text("把握 93%")
        expect(viewer.page.locator(".facts")).to_contain_text("每年 0.31")
        viewer.page.get_by_role("button", name="上一张").click()
        viewer.page.wait_for_url("**/findings/f1?pass=1")
        expect(viewer.page.locator(".why tr.selected")).to_contain_text("bus-1")
        assert viewer.problems == []


def test_address_keeps_the_filter_and_the_selection(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/findings")
        viewer.choose("类别", "坑槽")
        expect(viewer.page.locator("tbody tr")).to_have_count(1)
        viewer.page.reload()
        expect(viewer.page.locator("tbody tr")).to_have_count(1)
        viewer.open("/?finding=f1")
        expect(viewer.page.get_by_role("complementary")).to_contain_text("demo-2026-000001")
        viewer.page.keyboard.press("Escape")
        expect(viewer.page.get_by_role("complementary")).to_have_count(0)


def test_choice_of_language_and_theme_stays(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, scheme="dark") as viewer:
        viewer.open("/cases")
        viewer.page.get_by_role("button", name="外观").click()
        expect(viewer.page.locator("html")).to_have_attribute("data-theme", "light")
        expect(viewer.page.locator("tbody tr").first).to_contain_text("demo-2026-000001")
        viewer.page.reload()
        expect(viewer.page.locator("html")).to_have_attribute("data-theme", "light")


def test_far_away_the_map_counts_and_a_click_or_enter_leads_nearer(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open(f"/?layers=findings&place={data.LON},{data.LAT},15.5")
        live_map = viewer.page.locator(".live-map")
        expect(live_map).to_have_attribute("data-view", "findings")
        for _ in range(4):
            viewer.page.get_by_role("button", name="缩小").click()
        expect(live_map).to_have_attribute("data-view", "cells")
        expect(live_map).to_have_attribute("data-shown", "127")
        box = live_map.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        viewer.page.mouse.move(x, y)
        expect(viewer.page.locator(".live-map .hint")).to_contain_text("12,001 处病害")
        with viewer.page.expect_request(lambda request: "/map?" in request.url) as first:
            viewer.page.get_by_role("button", name="缩小").click()
        with viewer.page.expect_request(lambda request: zoom_of(request) > zoom_of(first.value)):
            viewer.page.mouse.click(x, y)
        with viewer.page.expect_request(lambda request: "/map?" in request.url) as second:
            viewer.page.get_by_role("button", name="缩小").click()
        with viewer.page.expect_request(lambda request: zoom_of(request) > zoom_of(second.value)):
            viewer.press(live_map.get_by_role("region"))
        assert viewer.problems == []


def zoom_of(request: Request) -> float:
    """How near the map is that a request asks for; 0 of another one."""
    url = urlsplit(request.url)
    return float(parse_qs(url.query)["zoom"][0]) if url.path.endswith("/map") else 0.0


def test_an_event_changes_the_map_at_once(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address) as viewer:
        viewer.open("/")
        live_map = viewer.page.locator(".live-map")
        expect(live_map).to_have_attribute("data-shown", "3")
        stub.tell("finding", data.finding("f9", code="D40", state="candidate", existence=0.5, east=0.001))
        expect(live_map).to_have_attribute("data-shown", "4")
        stub.tell("finding", data.finding("f9", code="D40", state="rejected", existence=0.01, east=0.001))
        expect(live_map).to_have_attribute("data-shown", "3")


def test_whose_roads_are_drawn_is_said(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        for page in ("/", "/wall", "/roads", "/findings/f1"):
            viewer.open(page)
            expect(viewer.page.get_by_text("© OpenStreetMap contributors")).to_be_visible()


def test_missing_finding_says_so(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/findings/nothing")
        expect(viewer.page.get_by_role("heading", name="没有这处病害")).to_be_visible()


def test_lost_connection_is_shown_and_found_again(browser: Browser) -> None:
    with ExitStack() as first:
        address = first.enter_context(stub_api())
        port = int(address.rsplit(":", 1)[1])
        with open_viewer(browser, address) as viewer:
            viewer.open("/")
            first.close()
            expect(viewer.page.locator("[data-connection=waiting]")).to_contain_text("正在重连")
            with stub_api(port):
                expect(viewer.page.locator("[data-connection=live]")).to_be_visible()


def test_a_large_fleet_is_drawn_in_parts(browser: Browser, url: str) -> None:
    (bus, *_), number = data.buses(), 210
    fleet = {"items": [bus | {"device": f"bus-{place:04d}"} for place in range(number)]}
    with open_viewer(browser, url, language="en") as viewer:
        viewer.page.route("**/api/v1/buses", lambda route: route.fulfill(json=fleet))
        viewer.open("/fleet?sort=-device")
        expect(viewer.page.locator("tbody tr")).to_have_count(200)
        expect(viewer.page.locator("tbody tr").first).to_contain_text("bus-0209")
        viewer.page.get_by_role("button", name="Load more").click()
        expect(viewer.page.locator("tbody tr")).to_have_count(number)
        expect(viewer.page.locator("tbody tr").last).to_contain_text("bus-0000")
