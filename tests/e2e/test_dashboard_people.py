"""Signing in, one's account and everybody's, in a browser."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.browser import open_viewer
from tests.e2e.stub_data import BOSS, DESK

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def keep(viewer_page: object, name: str) -> None:
    """Keep a picture where BUSENSE_SCREENSHOTS says."""
    if folder := os.environ.get("BUSENSE_SCREENSHOTS"):
        viewer_page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_sign_in_offers_what_the_server_offers(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=(1280, 800)) as viewer:
        viewer.go("/login?problem=no_account&then=//evil.example")
        page = viewer.page
        expect(page.get_by_role("alert")).to_contain_text("没有账号")
        expect(page.locator("[data-demo=desk]")).to_be_visible()
        expect(page.get_by_role("link", name="浙政钉")).to_have_attribute("href", "/api/v1/oidc/start?then=%2F")
        expect(page.get_by_role("button", name="登录", exact=True)).to_be_disabled()
        keep(page, "login")
        assert viewer.problems == []


def test_account_lists_sessions_and_tokens(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, size=(1280, 1000)) as viewer:
        viewer.go("/account")
        page = viewer.page
        expect(page.get_by_text("本设备", exact=True)).to_be_visible()
        expect(page.get_by_text("大屏", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="账号管理")).to_have_count(0)
        keep(page, "account")
        assert viewer.problems == []


def test_one_sets_what_one_is_told_by_mail(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, size=(1280, 1000)) as viewer:
        asked: list[tuple[str, object]] = []

        def take(route: Route) -> None:
            asked.append((route.request.method, route.request.post_data_json))
            route.fulfill(status=204)

        viewer.page.route("**/api/v1/account/notices", lambda route: take(route) if told(route) else route.fallback())
        viewer.go("/account")
        card = viewer.page.get_by_role("region", name="邮件提醒")
        expect(card.get_by_label("邮箱")).to_have_value("desk@county.example")
        expect(card).to_contain_text("22:00")
        card.scroll_into_view_if_needed()
        keep(viewer.page, "account-notices")
        card.get_by_label("邮箱").fill("liu@county.example")
        card.get_by_role("button", name="保存").click()
        expect(viewer.page.get_by_text("提醒已保存")).to_be_visible()
        card.get_by_role("button", name="停止提醒").click()
        expect(viewer.page.get_by_text("提醒已停止")).to_be_visible()

        wish = {"classes": ["D20", "D40"], "quiet_from": "22:00", "quiet_to": "07:00", "digest_min": 60}
        assert asked == [("PUT", {"address": "liu@county.example", **wish}), ("DELETE", None)]
        assert viewer.problems == []


def test_half_a_quiet_night_cannot_be_saved(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en", size=(1280, 1000)) as viewer:
        viewer.go("/account")
        card = viewer.page.get_by_role("region", name="Notices by mail")
        save = card.get_by_role("button", name="Save")
        expect(save).to_be_enabled()
        keep(viewer.page, "account-notices-en")
        card.locator(".hours .el-select").nth(1).hover()
        card.locator(".hours .el-select__clear").last.click()
        expect(save).to_be_disabled()
        assert viewer.problems == []


def told(route: Route) -> bool:
    """Whether something is said, not asked."""
    return route.request.method != "GET"


def test_administrator_sees_all_accounts(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=BOSS, language="en", size=(1280, 800)) as viewer:
        viewer.go("/people")
        page = viewer.page
        expect(page.get_by_role("row")).to_have_count(5)
        expect(page.get_by_role("row", name="chen")).to_contain_text("disabled")
        keep(page, "people")
        page.get_by_role("button", name="New account").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
        dialog.get_by_label("Account", exact=True).first.fill("zhao")
        expect(dialog.get_by_role("button", name="Save")).to_be_enabled()
        keep(page, "people-new")
        assert viewer.problems == []
