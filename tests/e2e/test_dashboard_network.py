"""The network in a browser: who is heard and how, and where nobody passes."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import Scheme, open_viewer
from tests.e2e.stub_data import BOSS, LAT, LON
from tests.e2e.test_dashboard_access import serious_faults
from tests.e2e.test_dashboard_people import keep
from tests.e2e.test_dashboard_travel import answer, be

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NOW: Final = datetime.now(UTC).replace(microsecond=0)
SINCE: Final = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=6)


def way(stop: str | None, messages: int, late: list[int]) -> dict[str, Any]:
    return {"stop": stop, "messages": messages, "last_at": NOW.isoformat(), "late": late}


def station(device: str, number: int, **changes: object) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "device": device,
        "is_relay": False,
        "name": None,
        "presence": "online",
        "last_seen_at": NOW.isoformat(),
        "lon": LON + 0.004 * (number % 4 - 1.5),
        "lat": LAT + 0.003 * (number // 4 - 1),
        "ways": [way(None, 8000 + 37 * number, [7400, 500, 100, 0, 0, 0])],
        "tags": 140 + number,
        "carried": None,
        "gap": None,
    }
    return usual | changes


CARRIED: Final = {
    "messages": 2210,
    "buses": 2,
    "last_at": NOW.isoformat(),
    "waiting": 3,
    "oldest_s": 4.0,
    "refused": 0,
    "said_at": NOW.isoformat(),
}
STATIONS: Final = [
    station("stop-1", 2, is_relay=True, name="汽车站", ways=[], carried=CARRIED, tags=0),
    *[station(f"bus-{number}", number) for number in range(1, 7)],
    station("bus-7", 7, gap="only_by_stops", ways=[way("stop-1", 1105, [0, 200, 700, 205, 0, 0])]),
    station("bus-8", 8, gap="silent", last_seen_at=(NOW - timedelta(days=3)).isoformat()),
    station("bus-9", 9, gap="never", last_seen_at=None, ways=[], lon=None, lat=None, tags=0),
]
HOURS: Final = [
    {"at": (SINCE + timedelta(hours=hour)).isoformat(), "devices": 1 + hour % 8}
    for hour in range(int((NOW - SINCE).total_seconds() // 3600) + 1)
    if (SINCE + timedelta(hours=hour)).hour not in range(17, 21)
]
ROADS: Final = [
    {"id": "r1", "name": "人民大道", "kind": "primary", "length_km": 3.1, "silent_km": 0.42, "never_km": 0.0}
    | {"last_passed_at": (NOW - timedelta(days=9)).isoformat()},
    {"id": "r2", "name": "公园路", "kind": "residential", "length_km": 1.2, "silent_km": 0.0, "never_km": 1.2}
    | {"last_passed_at": None},
]


def segment(identity: str, north: float, passed_at: object) -> dict[str, Any]:
    line = {"type": "LineString", "coordinates": [[LON - 0.004, LAT + north], [LON + 0.002, LAT + north]]}
    properties = {"name": "人民大道", "length_m": 420.0, "last_passed_at": passed_at}
    return {"type": "Feature", "id": identity, "geometry": line, "properties": properties}


def answer_all(page: Any) -> None:  # noqa: ANN401 - a page of the browser
    be(page, "fleet", "account", "see", "see_network", "manage_fleet")
    view = {"at": NOW.isoformat(), "since": SINCE.date().isoformat(), "late_s": [10, 60, 600, 3600, 21600]}
    answer(page, "/network?*", view | {"stations": STATIONS, "hours": HOURS, "first_hour": SINCE.isoformat()})
    answer(page, "/network/roads?*", {"length_km": 41.0, "silent_km": 0.42, "never_km": 1.2, "items": ROADS})
    features = [segment("a", 0.001, ROADS[0]["last_passed_at"]), segment("b", -0.002, None)]
    answer(page, "/network/segments?*", {"type": "FeatureCollection", "features": features, "is_complete": True})


def test_network_tells_ways_queues_and_gaps(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        answer_all(page)
        viewer.open("/network")
        rows = page.get_by_role("region", name="车辆与站点").locator("tbody tr")
        expect(rows).to_have_count(10)
        expect(rows.filter(has_text="汽车站")).to_contain_text("2,210（2 辆）")
        expect(rows.filter(has_text="bus-7")).to_contain_text("stop-1 1,105")
        expect(page.get_by_role("region", name="没有车经过的道路").first).to_contain_text("420 m")
        expect(page.locator(".network-map[data-ready=true]")).to_be_visible()
        assert serious_faults(viewer) == []
        keep(page, "network")
        page.locator("tbody a.row-link").first.focus()
        page.keyboard.press("ArrowDown")
        expect(page.locator("tbody a.row-link:focus")).to_have_count(1)
        assert viewer.problems == []


def test_network_fits_a_phone_and_a_dark_wall(browser: Browser, url: str) -> None:
    sizes: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
        ("phone", (390, 844), "light"),
        ("wall", (3840, 2160), "dark"),
    )
    for name, size, scheme in sizes:
        with open_viewer(browser, url, token=BOSS, size=size, scheme=scheme, language="en") as viewer:
            page = viewer.page
            answer_all(page)
            viewer.open("/network")
            expect(page.get_by_role("heading", name="Network")).to_be_visible()
            expect(page.locator(".network-map[data-ready=true]")).to_be_visible()
            keep(page, f"network-{name}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def series(*means: float) -> list[dict[str, Any]]:
    return [
        {"at": (NOW - timedelta(minutes=5 * (len(means) - number))).isoformat(), "mean": mean}
        | {"low": mean - 0.01, "high": mean + 0.01}
        for number, mean in enumerate(means)
    ]


def sensor(quantity: str, value: float, *means: float, **changes: object) -> dict[str, Any]:
    usual = {"sensor": "underpass", "quantity": quantity, "at": NOW.isoformat(), "value": value, "is_stale": False}
    return usual | {"is_flooded": None, "points": series(*means)} | changes


def test_a_stop_shows_what_it_measures_and_what_is_too_old(browser: Browser, url: str) -> None:
    rise = [0.02 * 1.05**step for step in range(55)]
    hum = [58 + 6 * math.sin(step / 9) for step in range(200)]
    stop = {"device": "stop-1", "name": "汽车站", "presence": "online", "last_seen_at": NOW.isoformat()}
    stop |= {"lon": LON, "lat": LAT}
    sensors = [
        sensor("water_level_m", 0.29, *rise, is_flooded=True),
        sensor("sound_level_dba", 61.3, *hum, sensor="street"),
        sensor("temperature_c", 21.4, *[20 + step / 90 for step in range(120)], sensor="shelter", is_stale=True),
    ]
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        be(page, "fleet", "account", "see", "see_network")
        answer(page, "/stops/stop-1?*", stop | {"sensors": sensors})
        viewer.open("/stops/stop-1")
        expect(page.get_by_role("region", name="积水深度 · underpass").first).to_contain_text("0.29 m")
        expect(page.get_by_text("积水", exact=True)).to_be_visible()
        expect(page.get_by_text("数据过时")).to_have_count(1)
        expect(page.locator(".chart canvas")).to_have_count(3)
        assert serious_faults(viewer) == []
        keep(page, "stop")
        assert viewer.problems == []
