"""Every route of the pages: what it shows of nothing, while it waits, of a fault, without a network, to who may not."""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Route

from deploy.build_dashboard import DASHBOARD
from tests.e2e import stub_data as data
from tests.e2e.browser import Viewer, open_viewer
from tests.e2e.stub_data import Json
from tests.e2e.test_dashboard_access import AXE, NOTE_CLICKS, UNSEEN_FOCUS, serious_faults, unreached

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ROUTER: Final = (DASHBOARD / "src" / "router.ts").read_text()
ROUTES: Final = {name: path for path, name in re.findall(r'path: "([^"]+)", name: "([^"]+)"', ROUTER)}
NOBODY: Final = "x1"
"""Id of what there is not."""
NOW: Final = datetime.now(UTC).isoformat()
PERMISSIONS: Final = (
    *("account", "see", "see_cases", "handle_cases", "see_driving", "review_driving", "look_at_drivers", "care"),
    *("manage_fleet", "see_network", "upkeep", "handle_requests", "manage_people"),
)
ADMIN: Final[Json] = {"name": "boss", "role": "admin", "unit": None, "crew": None, "areas": [], "way": "session"}
CREW: Final[Json] = ADMIN | {"name": "crew-1", "role": "crew", "unit": "roads", "crew": "roads-1"}
LISTS: Final = (
    *("items", "features", "waiting", "layers", "units", "crews", "classes", "groups", "lines", "shifts", "findings"),
    *("hours", "late_s", "stations", "too_little", "kept", "demo", "areas", "scopes"),
)
NOTHING: Final[Json] = {
    **{name: [] for name in LISTS},
    **dict.fromkeys(("next", "bbox", "first_hour", "contact", "provider", "wish")),
    **dict.fromkeys(("at", "since", "until_at"), NOW),
    **dict.fromkeys(("silent_km", "never_km"), 0.0),
    **dict.fromkeys(("has_visitors", "is_demo", "has_password", "has_second_factor"), False),
    **data.summary({}),
    **data.condition_summary(),
    **ADMIN,
    "findings_by_class": {},
    "type": "FeatureCollection",
    "kind": "findings",
    "is_complete": True,
    "by": "bus",
    "days": 7,
    "city": "demo",
}
"""The answer of every list, of every summary and of the account, where there is nothing."""

WITHOUT_DATA: Final = {"settings", "not-found"}
NEVER_EMPTY: Final = {"login", "notice", "account"}
"""Their content is texts and forms."""
OTHERWISE: Final = {
    ("empty", "guardian"): "empty",
    ("forbidden", "welcome"): "empty",  # a link that the server does not take says so itself
}
SAID: Final = """([state, isWordless]) => {
  const isSaid = (element) => {
    const [heading, text] = ["h2", "p"].map((tag) => element.querySelector(tag)?.textContent.trim() ?? "");
    const isWhole = heading && text && !/undefined|null|Error/.test(heading + text);
    return element.checkVisibility() && (isWordless || isWhole);
  };
  const states = [...document.querySelectorAll(`[data-state=${state}]:not([data-before])`)];
  return states.some((element) => isSaid(element) && !element.closest(".live-map, .map-frame"));
}"""
WITHOUT_MAPS: Final = """const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : real.call(this, kind, ...more);
};"""
"""Drawing them costs more than all else, and a page says its state beside them."""
HAS_LOADED: Final = "() => document.querySelector('[data-state=loading]:not([data-before])') === null"
GO: Final = """path => {
  document.querySelectorAll("[data-state]").forEach((element) => (element.dataset.before = ""));
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state: null }));
}"""


def address_of(path: str) -> str:
    """A route with an id that nothing has."""
    return re.sub(r":\w+", NOBODY, re.sub(r"/:\w+\?|\(.*", "", path))


def problem(status: int) -> Json:
    return {"type": "about:blank", "title": "refused", "status": status, "detail": "refused"}


class Server:
    """Answers every question in one way, and who one is always."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.me = ADMIN

    def answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path.removeprefix("/api/v1")
        if path == "/me":
            route.fulfill(json=self.me | {"permissions": PERMISSIONS})
            return
        match self.state:
            case "loading":
                pass  # never
            case "offline":
                route.abort()
            case "failed":
                route.fulfill(status=500, json=problem(500))
            case "forbidden":
                route.fulfill(status=403, json=problem(403))
            case _ if f"/{NOBODY}" in path or path == "/welcome/name":
                route.fulfill(status=404, json=problem(404))
            case _:
                route.fulfill(json=NOTHING)


def expected(state: str, name: str, path: str) -> str | None:
    """Which state the page shows; None where it shows none."""
    if name in WITHOUT_DATA or (state == "empty" and name in NEVER_EMPTY):
        return None
    usual = "missing" if state == "empty" and re.search(r":\w+(?!\?|\w|\()", path) else state
    return OTHERWISE.get((state, name), usual)


def look(viewer: Viewer, server: Server, name: str) -> list[str]:
    """What is amiss on one page in the state of the server; the viewer is on another page of the same visit."""
    path = ROUTES[name]
    if name == "crew":
        server.me = CREW
        viewer.go(address_of(path))
    else:
        viewer.page.evaluate(GO, address_of(path))
    wanted = expected(server.state, name, path)
    try:
        if wanted is None:
            viewer.page.wait_for_function(HAS_LOADED, timeout=8_000)
        else:
            viewer.page.wait_for_function(SAID, arg=[wanted, wanted == "loading"], timeout=8_000)
    except Error:
        return [f"{server.state}: {name} does not show that it is {wanted}"]
    if server.state != "empty":
        return []
    faults = serious_faults(viewer) if AXE.is_file() else []
    faults += [f"Tab does not lead to {control}" for control in unreached(viewer)]
    faults += [f"no focus is seen on {control}" for control in viewer.page.evaluate(UNSEEN_FOCUS)]
    return [f"{name}: {fault}" for fault in faults]


def test_every_route_is_walked() -> None:
    assert len(ROUTES) == ROUTER.count("component:")


@pytest.mark.parametrize("state", ["loading", "failed", "offline", "forbidden", "empty"])
def test_every_page_says_its_state_and_what_to_do(browser: Browser, url: str, state: str) -> None:
    server = Server(state)
    with open_viewer(browser, url) as viewer:
        viewer.page.add_init_script(WITHOUT_MAPS + NOTE_CLICKS)
        viewer.page.route("**/api/v1/**", server.answer)
        viewer.go("/settings")
        viewer.page.wait_for_selector("section .who")
        amiss = [line for name in sorted(ROUTES, key="crew".__eq__) for line in look(viewer, server, name)]
        viewer.page.unroute_all(behavior="ignoreErrors")
    assert amiss == []
