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
    "/deliveries": "tbody tr",
    "/login": ".choices .button",
    "/notice": "dl div",
    "/account": "section .line",
    "/people": "tbody tr",
    "/wall": ".tile",
    "/nothing/here": "h2",
}


SIDEWAYS: Final = """[...document.querySelectorAll(".scroll, .list > .table, main")]
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1).map(({ className }) => className)"""
STANDS_STILL: Final = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


TWO_FRAMES: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""The first tells the page of its new colours, the second draws them."""
OTHER_SCHEME: Final[dict[Scheme, Scheme]] = {"light": "dark", "dark": "light"}
OF_COLOURS: Final = "{resultTypes: ['violations'], runOnly: ['color-contrast']}"
# Whether a control, or what holds it, looks another way when it has the focus that came by a key.
UNSEEN_FOCUS: Final = """async () => {
  const styleOf = (element, part) => {
    const { outline, boxShadow, borderColor, backgroundColor } = getComputedStyle(element, part);
    return [outline, boxShadow, borderColor, backgroundColor].join();
  };
  const around = (element, far) => (element && far > 0 ? [element, ...around(element.parentElement, far - 1)] : []);
  const look = (element) => around(element, 4)
    .flatMap((each) => [null, "::before", "::after"].map((part) => styleOf(each, part))).join(";");
  const kindOf = (each) => [each.tagName, each.type, each.className, each.parentElement.className].join();
  const controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  window.kindsSeen ??= new Set();  // of a visit of many pages
  const kinds = new Map(controls
    .filter((element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility())
    .filter((element) => !window.kindsSeen.has(kindOf(element)))
    .map((element) => [kindOf(element), element]));
  const unseen = [];
  for (const [kind, element] of kinds) {
    window.kindsSeen.add(kind);
    document.activeElement.blur();
    const before = look(element);
    element.focus({ focusVisible: true, preventScroll: true });
    await new Promise(requestAnimationFrame);
    if (document.activeElement === element && look(element) === before) unseen.push(element.outerHTML.slice(0, 160));
  }
  return unseen;
}"""

NOTE_CLICKS: Final = """
const listen = EventTarget.prototype.addEventListener;
window.clicked = new WeakSet();
EventTarget.prototype.addEventListener = function (kind, ...more) {
  if (kind === "click" || kind === "mousedown" || kind === "pointerdown") window.clicked.add(this);
  return listen.call(this, kind, ...more);
};"""
"""For a page that is still to be opened: what listens to a mouse is known."""
# Notes what gets the focus from the top of the page on, or in the dialog; tells how often Tab goes all the way round.
# The frame around the pages of a visit is gone through once.
BEGIN_ROUND: Final = """() => {
  window.reached = new Set();
  window.round?.abort();
  window.round = new AbortController();
  addEventListener("focusin", ({ target }) => window.reached.add(target), { signal: window.round.signal });
  const dialog = document.querySelector("[role=dialog]");
  const page = window.area ? document.querySelector("main") : null;
  window.area = dialog ?? page ?? document.body;
  if (!dialog) {
    const top = document.createElement("button");
    window.area.prepend(top);
    top.focus();
    top.remove();
  }
  const FIELDS_OF_A_TIME = 7;
  const times = window.area.querySelectorAll("[type=datetime-local], [type=date], [type=time]").length;
  const stops = [...window.area.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  return stops.filter((stop) => !stop.disabled && stop.checkVisibility()).length + 1 + FIELDS_OF_A_TIME * times;
}"""
UNREACHED: Final = """() => {
  const reached = [...window.reached];
  const leads = (element) => reached.some((each) => each.contains(element) || element.contains(each)
    || (element.type === "radio" && each.type === "radio" && each.name === element.name));
  const isThere = (element) => !element.disabled && element.checkVisibility({ visibilityProperty: true })
    && element.getClientRects().length > 0 && !element.closest("[aria-hidden=true], [inert]");
  const controls = "a[href], button, input, select, textarea, summary, [role=button], [role=slider], [role=tab]";
  return [...window.area.querySelectorAll("*")]
    .filter((each) => each instanceof HTMLElement && !each.matches("label, main, .maplibregl-map, :has(> canvas)"))
    .filter((each) => each.matches(controls) || window.clicked?.has(each))
    .filter((each) => isThere(each) && !leads(each)).map((each) => each.outerHTML.slice(0, 160));
}"""


def unreached(viewer: Viewer) -> list[str]:
    """What a mouse can use on the page, and Tab does not lead to: in one round by Tab alone."""
    for _ in range(viewer.page.evaluate(BEGIN_ROUND)):
        viewer.page.keyboard.press("Tab")
    return viewer.page.evaluate(UNREACHED)


def serious_faults(viewer: Viewer) -> list[str]:
    """Rule, place and reason of each fault that axe calls serious or critical, in light and in dark."""
    page = viewer.page
    page.wait_for_function(STANDS_STILL)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    faults = violations(viewer, "{resultTypes: ['violations']}")
    scheme: Scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    page.emulate_media(color_scheme=OTHER_SCHEME[scheme], reduced_motion="reduce")
    page.evaluate(TWO_FRAMES)
    page.wait_for_function(STANDS_STILL)
    faults += violations(viewer, OF_COLOURS)
    page.emulate_media(color_scheme=scheme, reduced_motion="no-preference")
    return faults


def violations(viewer: Viewer, options: str) -> list[str]:
    """What axe finds, once nothing fades in any more."""
    found: dict[str, Any] = viewer.page.evaluate(f"axe.run({options})")
    return [
        f"{fault['id']}: {node['html'][:160]} {node['failureSummary'][-200:]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious_and_the_focus_is_seen(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, token=DESK) as viewer:
        viewer.page.add_init_script(NOTE_CLICKS)
        (viewer.go if path in {"/login", "/notice"} else viewer.open)(path)
        expect(viewer.page.locator(PAGES[path]).first).to_be_visible()
        assert serious_faults(viewer) == []
        assert unreached(viewer) == []
        viewer.page.emulate_media(reduced_motion="reduce")
        assert viewer.page.evaluate(UNSEEN_FOCUS) == []


@pytest.mark.parametrize("path", [path for path in PAGES if "layers" not in path and path != "/wall"])
def test_nothing_is_cut_on_a_phone(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, size=(360, 780), token=DESK, language="en") as viewer:
        (viewer.go if path in {"/login", "/notice"} else viewer.open)(path)
        expect(viewer.page.locator(PAGES[path]).first).to_be_visible()
        assert viewer.cut_texts() == []
        assert viewer.page.evaluate(SIDEWAYS) == []


def test_lists_can_be_read_in_a_low_window(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=(720, 450), token=DESK) as viewer:  # a desk's 1440 by 900, twice as large
        for path, row in {"/": ".feed li", "/roads": ".items li", "/fleet": "tbody tr"}.items():
            viewer.open(path)
            viewer.page.locator(row).last.click(trial=True)  # scrolls there, and nothing lies over it


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
@pytest.mark.parametrize("path", ["/crew", "/crew/c3", "/crew/c4"])
def test_axe_finds_nothing_serious_on_a_crews_phone(browser: Browser, url: str, path: str) -> None:
    with open_viewer(browser, url, size=(360, 780), token=CREW) as viewer:
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
    with open_viewer(browser, url, size=(360, 780), token=BOSS, language="en") as viewer:
        viewer.open("/findings")
        ways = viewer.page.get_by_role("navigation", name="Main")
        expect(ways.get_by_role("link")).to_have_count(4)
        ways.get_by_role("button", name="More").click()
        assert serious_faults(viewer) == []
        viewer.page.keyboard.press("Escape")
        expect(ways.get_by_role("link")).to_have_count(4)
        expect(ways.get_by_role("button", name="More")).to_be_focused()
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
