"""Working on cases in a real browser: the list, the page of a case, triage by keys, what a stale page does."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.browser import Language, Viewer, open_viewer
from tests.e2e.stub_api import Stub
from tests.e2e.stub_data import DESK
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def actions_of(stub: Stub) -> list[tuple[str, str]]:
    return [(case_id, body["action"]) for case_id, body in stub.acted]


def act(viewer: Viewer, action: str) -> None:
    viewer.page.locator(f"header [data-action={action}]").click()


def test_operator_files_and_dispatches_to_a_crew_by_the_keyboard_alone(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK) as viewer:
        page = viewer.page
        viewer.open("/cases?state=reported")
        viewer.press(page.locator("a.row-link", has_text="demo-2026-000001"))
        expect(page.locator("main")).to_be_focused()
        viewer.press(page.locator("header [data-action=file]"))
        expect(page.locator("article header")).to_contain_text("已立案")
        dispatch = page.locator("header [data-action=dispatch]")
        expect(dispatch).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(dispatch).to_be_focused()
        page.keyboard.press("Enter")
        viewer.press(page.get_by_role("combobox", name="派给班组"))
        crew = page.get_by_role("option", name="养护一班")
        expect(crew).to_be_visible()
        while "is-hovering" not in (crew.get_attribute("class") or ""):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        viewer.press(page.get_by_role("button", name="确定"))
        expect(page.locator("article header")).to_contain_text("已派遣")
        expect(page.locator("header [data-action]").first).to_be_focused()
        assert actions_of(stub) == [("c1", "file"), ("c1", "dispatch")]
        assert stub.acted[1][1]["crew"] == "roads-1"
        assert viewer.problems == []


def test_who_is_not_signed_in_sees_no_actions(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/cases/c1")
        expect(viewer.page.get_by_role("link", name="登录后可办理")).to_be_visible()
        expect(viewer.page.locator("[data-action]")).to_have_count(0)


def test_reject_needs_a_reason(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK, language="en") as viewer:
        viewer.open("/cases/c1")
        act(viewer, "reject")
        confirm = viewer.page.get_by_role("button", name="Confirm")
        expect(confirm).to_be_disabled()
        viewer.page.get_by_role("button", name="Shadow").click()
        confirm.click()
        expect(viewer.page.locator("article header")).to_contain_text("Rejected")
        assert stub.acted[0][1]["reason"] == "Shadow"


def test_a_stale_page_shows_the_case_as_it_is_now_and_covers_no_header(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK, size=(390, 844)) as viewer:
        viewer.open("/cases/c1")
        expect(viewer.page.locator("header [data-action=file]")).to_be_visible()
        stub.overtaken["c1"] = {"version": 5, "state": "rejected"}  # and no event tells of it
        act(viewer, "file")
        said = viewer.page.locator(".el-message")
        expect(said).to_contain_text("已被他人更新")
        box = said.bounding_box()
        assert box is not None
        assert box["y"] > 600
        expect(viewer.page.locator("article header")).to_contain_text("不予立案")
        assert stub.acted == []


def test_a_change_by_somebody_else_appears_by_itself(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address) as viewer:
        viewer.open("/cases/c2")
        expect(viewer.page.locator("article header")).to_contain_text("已立案")
        stub.change("c2", state="dispatched")
        expect(viewer.page.locator("article header")).to_contain_text("已派遣", timeout=10_000)


def test_triage_takes_one_key_each(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK) as viewer:
        viewer.open("/triage")
        current = viewer.page.locator("[aria-current=true]").filter(has_text="demo-2026")
        yes = viewer.page.locator("button.yes")
        for key, number in (("y", "000001"), ("3", "000008"), ("n", "000008"), ("j", "000010"), ("k", "000011")):
            expect(current).to_contain_text(number)
            expect(yes).to_be_enabled()
            viewer.page.keyboard.press(key)
        expect(current).to_contain_text("000010")
        expect(yes).to_be_enabled()
        viewer.page.keyboard.press("j")
        expect(current).to_contain_text("000011")
        expect(viewer.page.locator("button.verdict", has_text="合并到")).to_be_enabled()
        viewer.page.keyboard.press("m")
        wait_until(lambda: len(stub.acted) == 3, 10)
        assert actions_of(stub) == [("c1", "file"), ("c8", "reject"), ("c11", "merge")]
        assert stub.acted[1][1]["reason"] == "井盖、伸缩缝等设施"
        assert viewer.problems == []


def test_what_somebody_else_judged_meanwhile_leaves_the_queue(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK, language="en") as viewer:
        viewer.open("/triage")
        expect(viewer.page.locator("button.yes")).to_be_enabled()
        stub.overtaken["c1"] = {"version": 5, "state": "rejected"}
        viewer.page.keyboard.press("y")
        expect(viewer.page.locator(".el-message")).to_contain_text("dealt with demo-2026-000001 meanwhile")
        expect(viewer.page.locator("[aria-current=true]").filter(has_text="demo-2026")).to_contain_text("000008")
        assert stub.acted == []


def test_the_button_that_judged_has_the_focus_in_the_next_case(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK) as viewer:
        viewer.open("/triage")
        yes = viewer.page.locator("button.yes")
        for number in ("000001", "000008"):
            expect(viewer.page.locator("[aria-current=true]").filter(has_text="demo-2026")).to_contain_text(number)
            expect(yes).to_be_enabled()
            viewer.press(yes)
        expect(yes).to_be_focused()
        wait_until(lambda: actions_of(stub) == [("c1", "file"), ("c8", "file")], 10)


def test_triage_of_repairs_verifies_or_reopens(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, token=DESK) as viewer:
        viewer.open("/triage")
        viewer.press(viewer.page.get_by_role("radio", name="待研判"), "ArrowRight")
        expect(viewer.page.locator("button.yes")).to_contain_text("核查通过")
        expect(viewer.page.locator("button.no")).to_contain_text("重开")
        viewer.page.keyboard.press("n")
        expect(viewer.page.get_by_role("heading", name="没有待研判的案件")).to_be_visible()
        assert actions_of(stub) == [("c5", "reopen")]


def test_list_is_filtered_by_what_needs_attention(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/cases")
        viewer.choose("关注", "已超时")
        expect(viewer.page.locator("tbody tr")).to_have_count(1)
        viewer.page.get_by_role("button", name="清除筛选").click()
        expect(viewer.page.locator("tbody tr")).to_have_count(13)
        viewer.page.get_by_label("案件编号").fill("000012")
        expect(viewer.page.locator("tbody tr")).to_have_count(1)


def test_token_of_settings_is_used_and_forgotten(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        viewer.page.route("**/api/v1/me", hold, times=1)
        viewer.go("/settings")
        identity = viewer.page.get_by_role("region", name="身份")
        expect(identity.locator("[data-state=loading]")).to_be_visible()
        expect(identity).not_to_contain_text("未登录")
        held[0].continue_()
        viewer.reach(viewer.page.get_by_label("令牌"))
        viewer.page.keyboard.type(DESK)
        viewer.page.keyboard.press("Enter")
        expect(viewer.page.locator(".who").last).to_contain_text("坐席")
        viewer.press(viewer.page.get_by_role("button", name="退出登录"))
        expect(viewer.page.locator(".who").last).to_contain_text("未登录")


def test_roads_show_the_worst_and_one_segment(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/roads")
        viewer.wait_for_map()
        worst = viewer.page.locator(".items button").first
        worst.press("Enter")
        panel = viewer.page.get_by_role("complementary")
        expect(panel).to_be_focused()
        expect(panel).to_contain_text("90% 区间")
        expect(panel.get_by_role("link", name="坑槽")).to_have_attribute("href", "/findings/f1")
        expect(panel.get_by_role("listitem").filter(has_text="龟裂")).to_contain_text("待确认")
        viewer.page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
        expect(worst).to_be_focused()
        assert viewer.problems == []


def test_stale_segments_tell_which_bus_refreshes_them(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/roads")
        viewer.page.locator(".choice label", has_text="待刷新").click()
        items = viewer.page.locator(".items li")
        expect(items.first).to_contain_text("bus-2 · 预计")
        expect(items.first).to_contain_text("再次经过")
        expect(items.nth(1)).to_contain_text("没有公交经过此路段")
        assert viewer.problems == []


def test_fleet_and_statistics_tell_what_is_wrong_with_buses_and_how_cases_go(browser: Browser, url: str) -> None:
    with open_viewer(browser, url) as viewer:
        viewer.open("/fleet")
        bus = viewer.page.locator("tbody tr", has_text="bus-4")
        for words in ("缺 7 条", "182", "磁盘已满", "损坏文件 1", "轨迹 310 · 巡查路段 12 · 照片 4"):
            expect(bus).to_contain_text(words)
        expect(viewer.page.locator("dl.tiles")).to_contain_text("最久 1")
        viewer.open("/statistics")
        expect(viewer.page.locator("canvas").first).to_be_visible()
        viewer.page.get_by_role("button", name="看数据表").first.click()
        expect(viewer.page.locator("tbody").first).to_contain_text("派遣")
        assert viewer.problems == []


@pytest.mark.parametrize(
    ("language", "says"), [("zh", "服务器暂时无法处理（503）"), ("en", "The server cannot answer now (503)")]
)
def test_a_part_of_a_case_that_cannot_be_read_says_so_and_is_read_again(
    browser: Browser, url: str, language: Language, says: str
) -> None:
    with open_viewer(browser, url, token=DESK, language=language) as viewer:
        page = viewer.page
        for path in ("**/api/v1/findings/f1", "**/api/v1/cases?*bbox*"):
            page.route(path, lambda route: route.fulfill(status=503, body="{}"))
        viewer.open("/cases/c1")
        failed = page.get_by_role("alert")
        expect(failed).to_have_count(4)  # pictures, map, cases near, why
        for place in range(4):
            expect(failed.nth(place)).to_contain_text(says)
        page.unroute_all()
        failed.first.get_by_role("button").click()
        expect(page.locator(".large img")).to_be_visible()
        expect(failed).to_have_count(1)
        failed.get_by_role("button").click()
        expect(page.locator("ul.near li").first).to_be_visible()


def test_a_finding_says_that_its_case_cannot_be_read(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, token=DESK, language="en") as viewer:
        viewer.page.route("**/api/v1/cases/c1", lambda route: route.fulfill(status=403, body="{}"))
        viewer.open("/findings/f1")
        expect(viewer.page.get_by_role("region", name="Case").get_by_role("alert")).to_contain_text("Not allowed")
        expect(viewer.page.locator(".large img")).to_be_visible()
