"""A crew on a phone whose network goes in the middle of a job."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e import stub_data as data
from tests.e2e.browser import Viewer, has_settled, kill_browser, open_profile, open_viewer
from tests.e2e.phone import PHONE, photo, press, stand_at, wait_for_worker
from tests.e2e.stub_api import Stub
from tests.e2e.stub_data import CREW, DESK
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def open_crew(viewer: Viewer) -> None:
    stand_at(viewer.page, lon=data.LON + 0.0026, lat=data.LAT)
    viewer.go("/crew")
    expect(viewer.page.locator("a.item").first).to_be_visible()


def cut_network(viewer: Viewer, stub: Stub, *, is_cut: bool) -> None:
    stub.is_cut = is_cut
    viewer.page.context.set_offline(is_cut)


def test_job_is_done_with_the_network_cut_in_the_middle(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=PHONE, token=CREW) as viewer:
        page = viewer.page
        open_crew(viewer)
        wait_for_worker(page)
        viewer.press(page.locator("a.item", has_text="demo-2026-000003"))
        viewer.press(page.get_by_role("button", name="接单"))
        wait_until(lambda: len(stub.acted) == 1, 10)

        cut_network(viewer, stub, is_cut=True)
        viewer.press(page.get_by_role("button", name="我已到场"))
        for when in ("处置前照片", "处置后照片"):
            camera = page.get_by_label(f"拍照：{when}")
            viewer.reach(camera)
            camera.set_input_files(photo())
        expect(page.locator(".waiting img")).to_have_count(2)
        page.get_by_label("长", exact=True).fill("1.2")
        page.get_by_label("沥青混合料").fill("0,4")
        viewer.press(page.get_by_role("button", name="处置完成"))
        expect(page.get_by_text("已完成，等待公交复查")).to_be_visible()
        expect(page.get_by_text("4 步待发送")).to_be_visible()
        page.reload()  # the phone was put away and taken out again
        expect(page.get_by_text("4 步待发送")).to_be_visible()
        assert len(stub.acted) == 1

        cut_network(viewer, stub, is_cut=False)
        wait_until(lambda: len(stub.acted) == 3, 30)
        expect(page.get_by_text("步待发送")).to_have_count(0)
        assert [body["action"] for _, body in stub.acted] == ["accept", "arrive", "done"]
        assert [(case_id, kind) for case_id, kind, _ in stub.photos] == [("c3", "before"), ("c3", "after")]
        done = stub.acted[2][1]
        assert (done["length_m"], done["materials"][0]["amount"]) == (1.2, 0.4)
        assert stub.acted[1][1]["at"] < done["at"]


def test_what_waits_on_the_phone_survives_the_browser_being_killed(
    browser: Browser, stub: Stub, tmp_path: Path
) -> None:
    with open_profile(browser.browser_type, tmp_path, stub.address, size=PHONE, token=CREW) as viewer:
        open_crew(viewer)
        wait_for_worker(viewer.page)
        wait_until(lambda: has_settled(tmp_path, "busense.crew"), 60)
        viewer.page.locator("a.item", has_text="demo-2026-000003").click()
        stub.is_mute = True
        press(viewer.page, "接单")
        wait_until(lambda: len(stub.acted) == 1, 10)  # the city has it, the phone does not know
        cut_network(viewer, stub, is_cut=True)
        press(viewer.page, "我已到场")
        viewer.page.get_by_label("拍照：处置前照片").set_input_files(photo())
        expect(viewer.page.get_by_role("status").filter(has_text="3 步待发送")).to_be_visible()
        kill_browser(tmp_path)

    with open_profile(browser.browser_type, tmp_path, stub.address, size=PHONE, token=CREW) as viewer:
        viewer.page.context.set_offline(True)
        open_crew(viewer)
        expect(viewer.page.get_by_role("status").filter(has_text="3 步待发送")).to_be_visible()
        stub.is_mute = False
        cut_network(viewer, stub, is_cut=False)
        wait_until(lambda: len(stub.photos) == 1, 30)
        expect(viewer.page.get_by_text("步待发送")).to_have_count(0)
    assert [body["action"] for _, body in stub.acted] == ["accept", "arrive"]


def test_two_pages_of_a_crew_keep_the_steps_of_each_other(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=PHONE, token=CREW) as viewer:
        open_crew(viewer)
        wait_for_worker(viewer.page)
        other = viewer.page.context.new_page()
        other.goto(f"{stub.address}/crew/c3")
        expect(other.get_by_role("button", name="接单")).to_be_visible()
        cut_network(viewer, stub, is_cut=True)
        press(other, "接单")
        expect(other.get_by_text("1 步待发送")).to_be_visible()
        expect(viewer.page.get_by_text("1 步待发送").first).to_be_visible()  # told, without a reload
        viewer.page.locator("a.item", has_text="demo-2026-000003").click()
        press(viewer.page, "我已到场")
        expect(viewer.page.get_by_text("2 步待发送")).to_be_visible()
        other.close()

        cut_network(viewer, stub, is_cut=False)
        wait_until(lambda: len(stub.acted) == 2, 30)
        expect(viewer.page.get_by_text("步待发送")).to_have_count(0)
        assert [body["action"] for _, body in stub.acted] == ["accept", "arrive"]


def test_case_that_was_taken_away_meanwhile_is_explained(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=PHONE, token=CREW) as viewer:
        page = viewer.page
        open_crew(viewer)
        page.locator("a.item", has_text="demo-2026-000003").click()
        expect(page.get_by_role("button", name="接单")).to_be_visible()
        cut_network(viewer, stub, is_cut=True)
        press(page, "接单")
        expect(page.get_by_text("1 步待发送")).to_be_visible()
        stub.change("c3", state="returned")
        cut_network(viewer, stub, is_cut=False)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("这件案件已有变化", timeout=30_000)
        expect(alert).to_contain_text("已退回")
        press(page, "放弃我的步骤")
        expect(page.get_by_text("步待发送")).to_have_count(0)
        assert stub.acted == []


def test_a_warning_of_the_clock_does_not_stop_the_crew(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=PHONE, token=CREW) as viewer:
        page = viewer.page
        open_crew(viewer)
        page.locator("a.item", has_text="demo-2026-000003").click()
        expect(page.get_by_role("button", name="接单")).to_be_visible()
        stub.change("c3")
        press(page, "接单")
        wait_until(lambda: len(stub.acted) == 1, 10)
        expect(page.get_by_role("alert")).to_have_count(0)


def test_only_a_crew_gets_in(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=PHONE, token=DESK) as viewer:
        viewer.go("/crew")
        expect(viewer.page.get_by_role("alert")).to_contain_text("不属于班组")
        viewer.page.get_by_label("令牌").fill("crew-token")
        viewer.page.get_by_role("button", name="使用令牌").click()
        expect(viewer.page.locator("a.item").first).to_be_visible()
        assert viewer.problems == []


def test_a_crew_that_came_by_its_account_has_its_jobs_until_it_signs_out(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=PHONE) as viewer:
        session = {"authorization": f"Bearer {CREW}"}  # the server knows it by something that the page does not hold

        def answer(route: Route) -> None:
            if route.request.method == "DELETE":
                session.clear()
                route.fulfill(status=204)
            else:
                route.continue_(headers={**route.request.headers, **session})

        viewer.page.route("**/api/v1/**", answer)
        viewer.go("/crew")
        expect(viewer.page.locator("a.item").first).to_be_visible()
        viewer.page.get_by_role("button", name="退出登录").click()
        expect(viewer.page.get_by_label("令牌")).to_be_visible()
        viewer.page.reload()
        expect(viewer.page.get_by_label("令牌")).to_be_visible()


def test_token_in_a_link_is_taken_out_of_the_address(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=PHONE) as viewer:
        viewer.go("/crew#token=crew-token")
        expect(viewer.page.locator("a.item").first).to_be_visible()
        assert "token" not in viewer.page.url
