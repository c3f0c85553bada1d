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
REASONS: Final = {"passes": PASSES, "pictures": [], "problems": [], "decisions": []}
SAID: Final = [
    {"at": ago(0), "actor": "boss", "action": "keep", "reason": {"zh": "仍在原处", "en": "仍在原处"}},
    {"at": ago(1), "actor": "system:furniture", "action": "move", "reason": {"zh": "与另一设施为同一件", "en": "one"}},
]
REMOVED: Final = {"state": "removed", "removed_at": ago(0), "removed_by": "boss", "removed_reason": "路口改造"}


def test_a_missing_sign_is_found_explained_and_said_to_be_removed(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        be(page, "operator", "account", "see", "operate")
        answer(page, "/furniture?*", {"type": "FeatureCollection", "features": [thing()], "next": None})
        counts = {"items": [{"kind": "SIGN", "kind_name": SIGN, "state": "missing", "things": 1}]}
        answer(page, "/furniture/summary", counts)
        answer(page, "/furniture/lists/refused", {"items": [], "is_complete": True})
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
        back = answer(page, f"/furniture/{THING}/keep", None, method="POST", status=204)
        page.get_by_role("button", name="撤销拆除标记").click()
        page.get_by_label("说明").fill("仍在原处")
        answer(page, f"/furniture/{THING}", thing(**{**REASONS, "decisions": SAID}))
        page.get_by_role("button", name="确认撤销").click()
        expect(page.get_by_role("button", name="标记为有意拆除")).to_be_visible()
        lines = page.get_by_role("region", name="拆除标记记录").get_by_role("listitem")
        expect(lines.nth(0)).to_contain_text("boss 撤销了拆除标记")
        expect(lines.nth(1)).to_contain_text("系统 拆除标记随设施转到新编号")
        assert back == [{"reason": "仍在原处"}]
        assert serious_faults(viewer) == []
        assert viewer.problems == []


def picture(hours: float, difference: float | None) -> dict[str, Any]:
    kept = {"sha256": "a" * 64, "available": True, "width_px": 96, "height_px": 96}
    box = {"box_xyxy_px": [16, 16, 80, 80], "frame_width_px": 96, "frame_height_px": 96}
    return {"at": ago(hours), "device": "bus-1", "picture": kept, "difference": difference} | box


def test_a_case_of_a_damaged_thing_shows_it_then_and_now(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        pictures = [picture(2, 0.8), picture(200, None)]
        answer(page, "/furniture?finding=*", {"type": "FeatureCollection", "features": [thing()], "next": None})
        answer(page, f"/furniture/{THING}", thing(state="damaged", **{**REASONS, "pictures": pictures}))
        viewer.open("/cases/c1")
        told = page.get_by_role("region", name="前后照片")
        expect(told.locator(".pictures > figure")).to_have_count(2)
        expect(told.locator(".pictures > figure > figcaption").nth(0)).to_contain_text("此前")
        expect(told.locator(".pictures > figure > figcaption").nth(1)).to_contain_text("80%")
        told.get_by_role("link", name="查看该设施").click()
        expect(page.get_by_role("heading", name="标志 · 让行标志")).to_be_visible()
        assert viewer.problems == []


def test_a_list_is_brought_and_what_was_refused_is_shown_with_the_reason(browser: Browser, url: str) -> None:
    refused = {"file": "list.geojson", "number": 2, "at": ago(0), "reason": "kind: TREE is not known", "feature": "{}"}
    with open_viewer(browser, url, token=BOSS, size=(1440, 900)) as viewer:
        page = viewer.page
        be(page, "operator", "account", "see", "operate")
        answer(page, "/furniture?*", {"type": "FeatureCollection", "features": [thing()], "next": None})
        answer(page, "/furniture/summary", {"items": []})
        answer(page, "/furniture/lists/refused", {"items": [refused], "is_complete": True})
        taken = {"added": 1, "known": 0, "refused": 1}
        asked = answer(page, "/furniture/lists?file=list.geojson", taken, method="POST")
        viewer.open("/furniture")
        page.get_by_text("导入清单").first.click()
        content = b'{"type": "FeatureCollection", "features": []}'
        page.get_by_label("选择文件").set_input_files(
            {"name": "list.geojson", "mimeType": "application/geo+json", "buffer": content}
        )
        expect(page.get_by_role("status").filter(has_text="新增 1 处")).to_be_visible()
        expect(page.get_by_role("cell", name="kind: TREE is not known")).to_be_visible()
        assert asked == [{"type": "FeatureCollection", "features": []}]
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
