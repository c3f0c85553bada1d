"""The mechanic's page in a real browser, at the size of a phone: what it says, and that it says nothing wrong."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from edge_agent.config import MODELS
from edge_agent.preview.preview import Preview
from edge_agent.preview.server import serving
from edge_agent.vision.privacy import Privacy
from tests.e2e.browser import TIMEOUT_MS, Viewer, running_browser
from tests.unit.edge_agent.preview.scenes import BUS, horizon, scene
from tests.unit.edge_agent.scenes import CAMERA
from wire.messages import Unusable

PHONE = {"width": 390, "height": 844}
IN_BAND_PX = CAMERA.horizon_px

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def privacy() -> Privacy:
    return Privacy(MODELS / "faces" / "manifest.toml", threads=1)


@pytest.fixture
def preview(privacy: Privacy) -> Preview:
    return Preview(CAMERA, privacy=privacy, bus=lambda: BUS)


@contextmanager
def opened(browser: Browser, preview: Preview, *, locale: str = "zh-CN") -> Generator[Viewer]:
    """A phone that has opened the address of the log; nothing may have gone wrong at the end."""
    with serving(preview, "127.0.0.1:0") as url:
        context = browser.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]}, locale=locale)
        context.set_default_timeout(TIMEOUT_MS)
        parts = urlsplit(url)
        viewer = Viewer(context.new_page(), f"{parts.scheme}://{parts.netloc}")
        viewer.watch()
        viewer.page.goto(url)
        yield viewer
        assert viewer.problems == []
        context.close()


def wait_for(page: Page, selector: str) -> None:
    page.wait_for_selector(selector)


def test_a_well_aimed_camera_is_green_in_chinese(browser: Browser, preview: Preview) -> None:
    preview.show(scene(horizon_px=IN_BAND_PX))
    with opened(browser, preview) as viewer:
        wait_for(viewer.page, "#aim[data-tilt=right]")
        wait_for(viewer.page, "#frame[data-number='1']")
        assert viewer.page.inner_text("#aim-words") == "角度合适"
        assert viewer.page.inner_text("#verdict") == "可用"
        assert "D40 坑洞" in viewer.page.inner_text("#things")
        assert "83 %" in viewer.page.inner_text("#things")
        assert "近处细看" in viewer.page.inner_text("#steps")
        assert "token" not in viewer.page.url
        assert viewer.width_beyond_the_window() == 0


def test_a_tilted_camera_is_told_how_far_to_turn_in_english(browser: Browser, preview: Preview) -> None:
    preview.show(scene(horizon_px=CAMERA.height_px / 2))
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#aim[data-tilt=down]")
        assert viewer.page.inner_text("#aim-words") == "Tilt the camera down 14.5°"
        viewer.page.click("#language")
        assert viewer.page.inner_text("#aim-words") == "请把摄像头向下转 14.5°"
        assert viewer.width_beyond_the_window() == 0


def test_the_page_follows_the_camera(browser: Browser, preview: Preview) -> None:
    preview.show(scene(horizon_px=CAMERA.height_px / 2))
    with opened(browser, preview) as viewer:
        wait_for(viewer.page, "#aim[data-tilt=down]")
        preview.show(scene(horizon_px=IN_BAND_PX, verdict=Unusable.BLURRED, found=None, tracks=()))
        wait_for(viewer.page, "#aim[data-tilt=right]")
        wait_for(viewer.page, "#frame[data-number='2']")
        assert viewer.page.inner_text("#verdict") == "模糊（运动、雨水或污渍）"
        assert viewer.page.inner_text("#things") == "无"


def test_a_camera_that_hangs_upside_down_is_told_what_to_write(browser: Browser, preview: Preview) -> None:
    preview.show(scene(verdict=Unusable.WRONG_VIEW, found=None, tracks=()))
    with opened(browser, preview) as viewer:
        wait_for(viewer.page, "#aim[data-tilt=wrong]")
        assert viewer.page.inner_text("#aim-words") == "天空不在上方：摄像头倒装或侧装"
        assert "upside_down" in viewer.page.inner_text("#aim-more")
        viewer.page.click("#language")
        assert "true: it hangs so" in viewer.page.inner_text("#aim-more")
        assert viewer.width_beyond_the_window() == 0


def test_a_standing_bus_is_aimed_by_touching_the_horizon(browser: Browser, preview: Preview) -> None:
    preview.show(scene(has_position=False, verdict=Unusable.NO_POSITION, found=None, tracks=()))
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#frame[data-number='1']")
        assert viewer.page.get_attribute("#aim", "data-tilt") == "unknown"
        assert viewer.page.inner_text("#fix") == "no fix: go outside"
        box = viewer.page.locator("#frame").bounding_box()
        assert box is not None
        viewer.page.click("#frame", position={"x": 50, "y": box["height"] * IN_BAND_PX / CAMERA.height_px})
        wait_for(viewer.page, "#aim[data-tilt=right]")
        wait_for(viewer.page, "#mark:not([hidden])")
        viewer.page.click("#unmark")
        wait_for(viewer.page, "#aim[data-tilt=unknown]")


def test_the_horizon_of_a_rolled_camera_may_be_touched_anywhere(browser: Browser, privacy: Privacy) -> None:
    rolled = replace(CAMERA, roll_deg=10.0)
    preview = Preview(rolled, privacy=privacy, bus=lambda: BUS)
    preview.show(scene(has_position=False, verdict=Unusable.NO_POSITION, found=None, tracks=()))
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#frame[data-number='1']")
        box = viewer.page.locator("#frame").bounding_box()
        assert box is not None
        scale = box["width"] / CAMERA.width_px
        u_px, v_px = 20.0, rolled.horizon_px + rolled.horizon_fall * (20.0 - CAMERA.width_px / 2)
        viewer.page.click("#frame", position={"x": scale * u_px, "y": scale * v_px})
        wait_for(viewer.page, "#mark:not([hidden])")
        assert f"Pitch {CAMERA.pitch_deg}" in viewer.page.inner_text("#aim-more")


def test_a_standing_bus_is_aimed_by_keys(browser: Browser, preview: Preview) -> None:
    preview.show(scene(has_position=False, verdict=Unusable.NO_POSITION, found=None, tracks=()))
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#frame[data-number='1']")
        view = viewer.page.get_by_role("slider", name="Height of the horizon")
        view.press("ArrowDown")
        wait_for(viewer.page, "#aim[data-tilt=right]")
        wait_for(viewer.page, f"#view[aria-valuenow='{100 * (IN_BAND_PX / CAMERA.height_px + 0.005):.1f}']")
        view.press("Escape")
        wait_for(viewer.page, "#aim[data-tilt=unknown]")


def test_a_camera_turned_to_the_left_is_told_so(browser: Browser, preview: Preview) -> None:
    preview.show(scene(horizon=horizon(yaw_deg=-3.0)))
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#aim[data-tilt=right]")
        assert "looks 3° to the left of straight ahead" in viewer.page.inner_text("#aim-more")


def test_without_the_models_that_blur_the_page_says_why_there_is_no_picture(browser: Browser) -> None:
    blind = Preview(CAMERA, privacy=None, bus=lambda: BUS)
    blind.show(scene())
    with opened(browser, blind, locale="en-GB") as viewer:
        wait_for(viewer.page, "#no-picture:not([hidden])")
        assert "blur faces and plates are missing" in viewer.page.inner_text("#no-picture")
        assert {problem.split()[0] for problem in viewer.problems} <= {"503", "console:"}
        viewer.problems.clear()


def test_an_agent_that_has_ended_is_told(browser: Browser, preview: Preview) -> None:
    preview.show(scene())
    with opened(browser, preview, locale="en-GB") as viewer:
        wait_for(viewer.page, "#frame[data-number='1']")
        viewer.page.route("**/status.json*", lambda route: route.abort())
        preview.show(scene())
        wait_for(viewer.page, "#aim[data-tilt=lost]")
        assert viewer.page.inner_text("#aim-words") == "The agent does not answer"
        viewer.problems.clear()
