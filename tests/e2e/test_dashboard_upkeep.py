"""What was held back: seen, mended, tried again and given up, in a browser."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import open_viewer
from tests.e2e.stub_api import Stub
from tests.e2e.stub_data import BOSS
from tests.e2e.test_dashboard_access import AXE, serious_faults
from tests.e2e.test_dashboard_people import keep

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_message_is_mended_by_a_rule_with_the_keyboard_alone(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=BOSS) as viewer:
        viewer.open("/upkeep")
        page = viewer.page
        expect(page.locator("tbody tr")).to_have_count(4)
        keep(page, "upkeep")
        page.locator("a.row-link").first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("data.lat: Field required")
        keep(page, "upkeep-message")
        dialog.get_by_role("button", name="按规则修正…").press("Enter")
        dialog.get_by_label("规则名称").fill("old-bus")
        dialog.get_by_label("改名").fill("/data/longitude = /data/lon")
        dialog.get_by_role("button", name="预览").press("Enter")
        expect(dialog.get_by_role("status")).to_contain_text("修正后仍有误")
        dialog.get_by_label("改名").fill("/data/latitude = /data/lat")
        dialog.get_by_role("button", name="预览").press("Enter")
        expect(dialog.get_by_role("status")).to_contain_text("修正后可以读取")
        keep(page, "upkeep-rule")
        dialog.get_by_label("用于同一原因的全部消息").check()
        dialog.get_by_role("button", name="修正并入库").press("Enter")
        expect(dialog).to_contain_text("按规则 old-bus")
        page.keyboard.press("Escape")
        expect(page.locator("tbody tr")).to_have_count(2)
        assert viewer.problems == []


def test_messages_are_tried_again_and_given_up_for_a_reason(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=BOSS, language="en") as viewer:
        viewer.open("/upkeep?id=3")
        page, dialog = viewer.page, viewer.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Try again").click()
        expect(dialog).to_contain_text("tried again stays")
        dialog.get_by_role("button", name="Discard…").click()
        expect(dialog.get_by_role("button", name="Discard", exact=True)).to_be_disabled()
        dialog.get_by_label("Reason").fill("a test bench")
        dialog.get_by_role("button", name="Discard", exact=True).click()
        expect(dialog).to_contain_text("Discarded because")
        expect(dialog.get_by_role("button", name="Try again")).to_have_count(0)
        dialog.get_by_role("button", name="Close").click()
        expect(page.locator("tbody tr")).to_have_count(3)
        page.get_by_role("radiogroup", name="State").get_by_text("Discarded").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("radiogroup", name="State").get_by_text("Settled").click()
        expect(page.get_by_role("heading", name="Nothing was settled yet")).to_be_visible()
        assert viewer.problems == []


def test_work_set_aside_is_given_back(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=BOSS, size=(390, 844)) as viewer:
        viewer.open("/upkeep?what=work")
        page, dialog = viewer.page, viewer.page.get_by_role("dialog")
        keep(page, "upkeep-phone")
        page.locator("a.row-link").click()
        expect(dialog).to_contain_text("psycopg.errors.CheckViolation: poisoned")
        keep(page, "upkeep-work-phone")
        assert viewer.width_beyond_the_window() == 0
        dialog.get_by_role("button", name="重新执行").click()
        expect(dialog).to_contain_text("已解决")
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="没有待处理的数据")).to_be_visible()
        assert viewer.problems == []


def test_who_may_not_is_told_so(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address) as viewer:
        viewer.open("/upkeep")
        expect(viewer.page.get_by_role("alert")).to_contain_text("登录")
        viewer.page.goto(f"{stub.address}/settings")
        expect(viewer.page.get_by_role("link", name="查看滞留数据")).to_have_count(0)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
def test_axe_finds_nothing_serious(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=BOSS) as viewer:
        viewer.open("/upkeep")
        expect(viewer.page.locator("tbody tr")).to_have_count(4)
        assert serious_faults(viewer) == []
        viewer.open("/upkeep?id=2")
        viewer.page.get_by_role("dialog").get_by_role("button", name="按规则修正…").click()
        expect(viewer.page.get_by_label("规则名称")).to_be_visible()
        assert serious_faults(viewer) == []
