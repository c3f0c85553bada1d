"""Street furniture in a browser: what is missing, why that is believed, and that it was removed on purpose."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import open_viewer
from tests.e2e.stub_data import BOSS, LAT, LON
from tests.e2e.test_dashboard_access import serious_faults
from tests.e2e.test_dashboard_travel import answer, be

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NOW: Final = datetime.now(UTC).replace(microsecond=0)
THING: Final = "0193d5a1-0000-7000-8000-000000000001"
SIGN: Final = {"zh": "标志", "en": "Sign"}


def ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


def thing(**changes: object) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "kind": "SIGN",
        "kind_name": SIGN,
        "source": "imported",
        "reference": "S-17",
        "name": "让行标志",
        "faces_deg": 90.0,
        "state": "missing",
        "state_since": ago(5),
        "there": 0.02,
        "gone": 0.95,
        "hidden": 0.03,
        "damaged": 0.01,
        "segment_id": None,
        "last_seen_at": ago(72),
        "passes_seen": 9,
        "passes_missed": 6,
        "position_sigma_m": 0.8,
        "picture": None,
        "removed_at": None,
        "removed_by": None,
        "removed_reason": None,
    }
    return {
        "type": "Feature",
        "id": THING,
        "geometry": {"type": "Point", "coordinates": [LON, LAT]},
        "properties": usual | changes,
    }


PASSES: Final = [{"at": ago(5), "device": "bus-1", "is_seen": False, "looked_share": 0.8, "confidence": None}]
REASONS: Final = {"passes": PASSES, "pictures": [], "problems": []}
REMOVED: Final = {"state": "removed", "removed_at": ago(0), "removed_by": "boss", "removed_reason": "路口改造"}


def test_a_missing_sign_is_found_explained_and_said_to_be_removed(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        be(page, "operator", "account", "see", "operate")
        answer(page, "/furniture?*", {"type": "FeatureCollection", "features": [thing()], "next": None})
        counts = {"items": [{"kind": "SIGN", "kind_name": SIGN, "state": "missing", "things": 1}]}
        answer(page, "/furniture/summary", counts)
        answer(page, f"/furniture/{THING}", thing(**REASONS))
        asked = answer(page, f"/furniture/{THING}/remove", None, method="POST", status=204)
        viewer.open("/furniture")
        row = page.locator("tbody tr").filter(has_text="让行标志")
        expect(row).to_contain_text("缺失")
        assert serious_faults(viewer) == []
        row.locator("a.row-link").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="标志 · 让行标志")).to_be_visible()
        expect(page.get_by_role("region", name="判断")).to_contain_text("95%")
        expect(page.get_by_text("未见（可见 80%）")).to_be_visible()
        page.get_by_role("button", name="标记为有意拆除").click()
        page.get_by_label("说明").fill("路口改造")
        answer(page, f"/furniture/{THING}", thing(**REASONS, **REMOVED))
        page.get_by_role("button", name="确认拆除").click()
        expect(page.get_by_text("标记为有意拆除 — 路口改造")).to_be_visible()
        assert asked == [{"reason": "路口改造"}]
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def test_furniture_fits_a_phone_and_says_what_it_does_not_know(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(390, 844), language="en") as viewer:
        page = viewer.page
        be(page, "viewer", "account", "see")
        answer(page, "/furniture?*", {"type": "FeatureCollection", "features": [thing()], "next": None})
        answer(page, "/furniture/summary", {"title": "away", "status": 503}, status=503)
        viewer.open("/furniture")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator(".tiles")).to_contain_text("—")
        assert viewer.width_beyond_the_window() == 0
