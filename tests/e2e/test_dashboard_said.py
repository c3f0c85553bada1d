"""What people say of findings on their pages, and what left the system: in a real browser, against canned answers."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import stub_data as data
from tests.e2e.browser import open_viewer
from tests.e2e.stub_api import Stub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_two_findings_are_said_to_be_one_and_that_is_taken_back(browser: Browser, stub: Stub) -> None:
    data.FINDINGS.append(data.finding("f4", code="D20", state="open", existence=0.8, east=0.0022))
    try:
        with open_viewer(browser, stub.address, token=data.DESK) as viewer:
            viewer.open("/findings/f1")
            viewer.page.get_by_role("button", name="合并为同一处").click()
            viewer.page.get_by_role("textbox", name="说明").fill("同一个坑")
            viewer.page.get_by_role("button", name="确定").click()
            said = viewer.page.locator("[data-decision=merge]")
            expect(said).to_contain_text("同一个坑")
            said.get_by_role("button", name="撤销判断").click()
            viewer.page.get_by_role("textbox", name="说明").fill("看错了")
            viewer.page.get_by_role("button", name="确定").click()
            expect(said).to_contain_text("desk 于")
            assert stub.decisions[-1]["other_finding"] == "f4"
            assert viewer.problems == []
    finally:
        data.FINDINGS.pop()


def test_a_finding_is_split_by_its_sightings(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=data.DESK, language="en") as viewer:
        viewer.open("/findings/f1")
        viewer.page.get_by_role("button", name="These are two").click()
        confirm = viewer.page.get_by_role("button", name="Confirm")
        viewer.page.get_by_role("textbox", name="Reason").fill("the other lane")
        expect(confirm).to_be_disabled()
        viewer.page.get_by_role("checkbox").first.check()
        confirm.click()
        expect(viewer.page.locator("[data-decision=split]")).to_contain_text("the other lane")


def test_who_may_only_look_sees_what_was_said_and_no_buttons(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address) as viewer:
        viewer.open("/findings/f1")
        expect(viewer.page.locator("[data-decision=different]")).to_contain_text("井盖旁边的另一处")
        expect(viewer.page.get_by_role("button", name="撤销判断")).to_have_count(0)


def test_dead_letters_are_seen_and_sent_again(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=data.DESK) as viewer:
        viewer.open("/deliveries")
        rows = viewer.page.locator("tr[data-state=dead]")
        expect(rows).to_have_count(3)
        rows.first.get_by_role("button", name="重新发送").click()
        expect(rows).to_have_count(2)
        viewer.page.get_by_role("button", name="全部重新发送").click()
        expect(viewer.page.get_by_role("heading", name="没有失败的投递")).to_be_visible()
        assert viewer.problems == []
