"""The wall display: both sizes, live within a second, no growth over many events, found again after a break."""

import time
from typing import Final, cast

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from tests.e2e.browser import Viewer, open_viewer
from tests.e2e.stub_api import Stub
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ROUND: Final = 1500
MOST_GROWTH_BYTES: Final = 3_000_000


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (3840, 1080)], ids=["hd", "4k", "wide"])
def test_wall_fills_the_screen_and_nothing_more(browser: Browser, url: str, size: tuple[int, int]) -> None:
    with open_viewer(browser, url, size=size) as viewer:
        viewer.open("/wall")
        expect(viewer.page.locator("[data-tile=overdue]")).to_contain_text("1")
        box = viewer.page.locator("main.wall").bounding_box()
        assert box is not None
        assert (round(box["width"]), round(box["height"])) == size
        assert viewer.width_beyond_the_window() == 0
        expect(viewer.page.locator(".classes li").last).to_be_in_viewport()
        expect(viewer.page.locator("[data-layer=cases]")).to_be_in_viewport()
        assert viewer.problems == []


def open_wall(viewer: Viewer) -> None:
    """Open the wall and wait until it has read the present state: only then is a change news to it."""
    viewer.open("/wall")
    expect(viewer.page.locator(".feed li", has_text="案件 demo-2026-000001 生成")).to_have_count(1)


def test_wall_shows_a_case_within_a_second(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=(1920, 1080)) as viewer:
        open_wall(viewer)
        sent = time.monotonic()
        stub.change("c2", state="dispatched")
        expect(viewer.page.locator(".feed li").first).to_contain_text("案件 demo-2026-000002：已派遣")
        assert time.monotonic() - sent < 5


def used_bytes(session: CDPSession) -> int:
    session.send("HeapProfiler.collectGarbage")  # pyright: ignore[reportUnknownMemberType]
    usage = cast("dict[str, int]", session.send("Runtime.getHeapUsage"))  # pyright: ignore[reportUnknownMemberType]
    return usage["usedSize"]


def test_wall_does_not_grow_over_thousands_of_events(browser: Browser, stub: Stub) -> None:
    with open_viewer(browser, stub.address, size=(1920, 1080)) as viewer:
        open_wall(viewer)
        session = viewer.page.context.new_cdp_session(viewer.page)

        def send_a_round() -> None:
            for number in range(ROUND):
                stub.change("c3", state=("dispatched", "accepted")[number % 2])
            last = stub.cases["c3"]["version"]
            stub.change("c3", state="returned", number=f"demo-2026-{last:06d}")
            expect(viewer.page.locator(".feed")).to_contain_text(f"demo-2026-{last:06d}")

        send_a_round()
        send_a_round()
        before = used_bytes(session)
        send_a_round()
        send_a_round()
        wait_until(lambda: used_bytes(session) - before < MOST_GROWTH_BYTES, 20)
        assert viewer.page.locator(".feed li").count() <= 200
