"""The map's layers and its time in a real browser: what is there for whom, as it was, by keys, in the address."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browser import open_viewer
from tests.e2e.stub_data import BOSS, CARER, DESK
from tests.e2e.test_dashboard_access import serious_faults

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EVERYTHING = "/?layers=tag_coverage,condition,driving,furniture,stops,findings,cases,search,buses"
PHONE = (390, 844)


def named(page: Page) -> list[str]:
    expect(page.locator("[data-layer]").first).to_be_visible()
    return [row.get_attribute("data-layer") or "" for row in page.locator("[data-layer]").all()]


def layer_map(page: Page) -> Locator:
    return page.locator(".live-map")


@pytest.mark.parametrize(
    ("token", "more"), [(DESK, {"cases"}), (BOSS, {"cases", "driving"}), (CARER, {"tag_coverage", "search"})]
)
def test_what_somebody_may_not_see_is_not_named_and_not_drawn(
    browser: Browser, url: str, token: str, more: set[str]
) -> None:
    with open_viewer(browser, url, token=token) as viewer:
        viewer.open(EVERYTHING)
        viewer.wait_for_map()
        assert set(named(viewer.page)) == {"condition", "furniture", "stops", "findings", "buses"} | more
        drawn = layer_map(viewer.page).get_attribute("data-layers") or ""
        assert set(drawn.split()) == set(named(viewer.page))
        assert viewer.problems == []


def test_a_slide_shows_what_was_and_the_link_shows_the_same(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en") as viewer:
        viewer.open("/")
        viewer.wait_for_map()
        page = viewer.page
        expect(page.locator("[data-layer=cases]")).to_have_attribute("data-shown", "2")
        page.get_by_role("slider", name="Moment").press("PageDown")
        expect(page.locator("[data-layer=findings]")).to_have_attribute("data-shown", "2")
        expect(page.locator("[data-layer=cases]")).to_have_attribute("data-shown", "1")
        expect(page.locator("[data-layer=buses]")).to_contain_text("not named")
        expect(page.get_by_role("button", name="Back to now")).to_be_visible()
        page.get_by_role("switch", name="Road condition").click()
        page.wait_for_url("**layers=*condition*")
        page.locator("canvas").first.press("+")
        page.wait_for_url("**place=*")
        link, moment = page.url, layer_map(page).get_attribute("data-at")
        page.goto(link)
        expect(layer_map(page)).to_have_attribute("data-at", moment or "")
        expect(page.locator("[data-layer=condition]")).to_have_attribute("data-shown", "128")
        page.get_by_role("slider", name="Moment").press("End")
        expect(layer_map(page)).to_have_attribute("data-at", "now")
        assert "at=" not in page.url
        assert viewer.problems == []


def test_it_plays_until_now(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en") as viewer:
        viewer.open("/?span=hour")
        viewer.wait_for_map()
        slider = viewer.page.get_by_role("slider", name="Moment")
        for _ in range(2):
            slider.press("ArrowLeft")
        expect(layer_map(viewer.page)).not_to_have_attribute("data-at", "now")
        viewer.page.get_by_role("button", name="Play").click()
        expect(layer_map(viewer.page)).to_have_attribute("data-at", "now")
        expect(viewer.page.get_by_role("button", name="Play")).to_be_visible()


def test_a_layer_that_cannot_be_loaded_says_so(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en") as viewer:
        viewer.page.route("**/map/layers/condition?*", lambda route: route.fulfill(status=503, body="{}"))
        viewer.open("/?layers=condition")
        expect(viewer.page.locator("[data-layer=condition]")).to_contain_text("Could not be loaded")


@pytest.mark.parametrize("path", [EVERYTHING, EVERYTHING + "&at=2026-11-29T00:00:00Z"], ids=["now", "then"])
def test_axe_finds_nothing_serious_on_a_phone(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, size=PHONE, scheme="dark", token=BOSS, language="en") as viewer:
        viewer.open(path)
        viewer.page.get_by_role("button", name="Layers and legend").click()
        expect(viewer.page.locator("[data-layer=driving]")).to_be_visible()
        assert serious_faults(viewer) == []
        assert viewer.width_beyond_the_window() == 0
        viewer.page.keyboard.press("Escape")
        expect(viewer.page.locator("[data-layer]")).to_have_count(0)
