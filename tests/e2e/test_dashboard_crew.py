"""A crew on a phone whose network goes in the middle of a job."""

from io import BytesIO
from typing import Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e import stub_data as data
from tests.e2e.browser import Viewer, open_viewer
from tests.e2e.stub_api import Stub
from tests.e2e.stub_data import CREW, DESK
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE: Final = (390, 844)
LONGEST_PX: Final = 1920


def photo() -> FilePayload:
    content = BytesIO()
    Image.new("RGB", (4000, 3000), "#556677").save(content, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": content.getvalue()}


def stand_at_the_place(page: Page) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": data.LON + 0.0026, "latitude": data.LAT, "accuracy": 8})


def open_crew(viewer: Viewer) -> None:
    stand_at_the_place(viewer.page)
    viewer.go("/crew")
    expect(viewer.page.locator("a.item").first).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def wait_for_worker(page: Page) -> None:
    """Until the page would open without network."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_until(
        lambda: (
            page.evaluate("caches.open('busense-crew-files-1').then(cache => cache.keys()).then(keys => keys.length)")
            > 10
        ),
        20,
    )


def cut_network(viewer: Viewer, stub: Stub, *, is_cut: bool) -> None:
    stub.is_cut = is_cut
    viewer.page.context.set_offline(is_cut)


def test_job_is_done_with_the_network_cut_in_the_middle(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=PHONE, token=CREW) as viewer:
        page = viewer.page
        open_crew(viewer)
        wait_for_worker(page)
        page.locator("a.item", has_text="demo-2026-000003").click()
        press(page, "接单")
        wait_until(lambda: len(stub.acted) == 1, 10)

        cut_network(viewer, stub, is_cut=True)
        press(page, "我已到场")
        page.get_by_label("拍照: 处置前照片").set_input_files(photo())
        page.get_by_label("拍照: 处置后照片").set_input_files(photo())
        expect(page.locator(".waiting img")).to_have_count(2)
        page.get_by_label("长", exact=True).fill("1.2")
        page.get_by_label("沥青混合料").fill("0,4")
        press(page, "处置完成")
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


def test_token_in_a_link_is_taken_out_of_the_address(browser: Browser, url: str) -> None:
    with open_viewer(browser, url, size=PHONE) as viewer:
        viewer.go("/crew#token=crew-token")
        expect(viewer.page.locator("a.item").first).to_be_visible()
        assert "token" not in viewer.page.url
