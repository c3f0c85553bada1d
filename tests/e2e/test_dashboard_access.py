"""Who cannot see or cannot use a mouse: axe finds nothing serious on any page, in light and dark."""

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from deploy.build_dashboard import DASHBOARD
from tests.e2e.browser import Scheme, Viewer, open_viewer
from tests.e2e.stub_data import BOSS, CREW, DESK

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

AXE: Final = DASHBOARD / "node_modules" / "axe-core" / "axe.min.js"
PAGES: Final = {
    "/": ".feed li",
    "/?finding=f1": "aside .belief",
    "/?layers=condition,findings,cases,buses&at=2026-11-28T00:00:00Z": "[data-layer=condition] .signs",
    "/findings": "tbody tr",
    "/findings/f1": ".why tbody tr",
    "/cases": "tbody tr",
    "/cases/c5": ".verdict",
    "/triage": ".verdict",
    "/roads?segment=s1": "aside .estimate",
    "/fleet": "tbody tr",
    "/statistics": "canvas",
    "/settings": "section .who",
    "/login": ".choices .button",
    "/notice": "dl div",
    "/account": "section .line",
    "/people": "tbody tr",
    "/wall": ".tile",
    "/nothing/here": "h2",
}


STANDS_STILL = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


def serious_faults(viewer: Viewer) -> list[str]:
    """Rule, place and reason of each fault that axe calls serious or critical, once nothing fades in any more."""
    viewer.page.wait_for_function(STANDS_STILL)
    viewer.page.evaluate(AXE.read_text())
    found: dict[str, Any] = viewer.page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['html'][:160]} {node['failureSummary'][-200:]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(browser: Browser, url: str, path: str, scheme: Scheme) -> None:
    with open_viewer(browser, url, scheme=scheme, token=DESK) as viewer:
        (viewer.go if path in {"/login", "/notice"} else viewer.open)(path)
        expect(viewer.page.locator(PAGES[path]).first).to_be_visible()
        assert serious_faults(viewer) == []


@pytest.mark.parametrize("path", [path for path in PAGES if "layers" not in path and path != "/wall"])
def test_nothing_is_cut_on_a_phone(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, size=(390, 844), token=DESK, language="en") as viewer:
        (viewer.go if path in {"/login", "/notice"} else viewer.open)(path)
        expect(viewer.page.locator(PAGES[path]).first).to_be_visible()
        assert viewer.cut_texts() == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
@pytest.mark.parametrize("path", ["/crew", "/crew/c3", "/crew/c4"])
def test_axe_finds_nothing_serious_on_a_crews_phone(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, size=(390, 844), token=CREW) as viewer:
        viewer.go(path)
        expect(viewer.page.locator("a.item, article.job").first).to_be_visible()
        assert serious_faults(viewer) == []
        assert viewer.width_beyond_the_window() == 0


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
def test_axe_finds_nothing_serious_in_a_dialog(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en") as viewer:
        viewer.open("/cases/c1")
        viewer.page.locator("header [data-action=reject]").click()
        expect(viewer.page.get_by_role("dialog").get_by_role("button", name="Confirm")).to_be_visible()
        assert serious_faults(viewer) == []


def test_a_phone_has_four_ways_and_the_rest_behind_one_more(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=(390, 844), token=BOSS, language="en") as viewer:
        viewer.open("/findings")
        ways = viewer.page.get_by_role("navigation", name="Main")
        expect(ways.get_by_role("link")).to_have_count(4)
        ways.get_by_role("button", name="More").click()
        assert serious_faults(viewer) == []
        viewer.page.keyboard.press("Escape")
        expect(ways.get_by_role("link")).to_have_count(4)
        ways.get_by_role("button", name="More").click()
        ways.get_by_role("link", name="Driving").click()
        viewer.page.wait_for_url("**/driving")
        expect(ways.get_by_role("link")).to_have_count(4)
        assert viewer.width_beyond_the_window() == 0


def test_keys_lead_to_every_page(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/settings")
        for letter, path in {"f": "/findings", "c": "/cases", "r": "/roads", "v": "/fleet", "s": "/statistics"}.items():
            viewer.page.keyboard.press("g")
            viewer.page.keyboard.press(letter)
            viewer.page.wait_for_url(f"**{path}")
