"""What a person sees of a demo, in a real browser."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.demo import assert_nothing_lost, read_summary, running_demo
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(240), pytest.mark.browser]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def open_browser(program: str) -> Generator[Browser]:
    """A headless browser of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def screenshot_folder(fallback: Path) -> Path:
    """Where the pictures go: BUSENSE_SCREENSHOTS keeps them."""
    folder = Path(os.environ.get("BUSENSE_SCREENSHOTS", fallback))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _believed(url: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/api/v1/findings", params={"state": "open"}, timeout=10)
    return [feature for feature in answer.raise_for_status().json()["features"] if feature["properties"]["picture"]]


def _is_picture_there(url: str, finding: dict[str, Any]) -> bool:
    return httpx.get(f"{url}/api/v1/pictures/{finding['properties']['picture']}", timeout=10).is_success


def _finding_with_picture(url: str, timeout_s: float) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        return next((finding for finding in _believed(url) if _is_picture_there(url, finding)), None)

    finding = wait_until(find, timeout_s)
    assert finding is not None
    return finding


def _open(browser: Browser, url: str, problems: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(url)
    return page


def _shows_a_picture(page: Page) -> bool:
    return page.evaluate("() => [...document.images].some(image => image.complete && image.naturalWidth >= 300)")


def _look(url: str, finding: dict[str, Any], *, program: str, folder: Path) -> list[str]:
    """Open the map and a finding's page, take a picture of each, and tell what went wrong in the browser."""
    problems: list[str] = []
    with open_browser(program) as browser:
        page = _open(browser, f"{url}/", problems)
        page.wait_for_selector("canvas")
        page.locator(".feed li").first.wait_for(timeout=30_000)
        page.screenshot(path=folder / "demo-photos-map.png")
        page.goto(f"{url}/findings/{finding['id']}")
        wait_until(lambda: _shows_a_picture(page), 20)
        page.screenshot(path=folder / "demo-photos-finding.png")
    return problems


@pytest.mark.data
def test_with_real_photos_it_finds_real_damage_and_the_page_shows_it(tmp_path: Path, data_folder: Path) -> None:
    file, folder, program = tmp_path / "summary.json", screenshot_folder(tmp_path), find_browser()
    options = ("--for", "40", "--json", str(file), "--frames", str(data_folder), "--buses", "3")
    with running_demo(*options) as demo:
        url = demo.url()
        finding = _finding_with_picture(url, 60)
        problems = _look(url, finding, program=program, folder=folder) if program else []
        assert demo.wait(150) == 0, demo.text
    assert problems == []
    summary = read_summary(file)
    assert_nothing_lost(summary)
    assert summary["found"] >= 1
    assert summary["found"] > summary["invented"]
    if program is None:
        pytest.skip(f"the demo was right, but none of {', '.join(BROWSERS)} is installed to look at its page")
    assert (folder / "demo-photos-map.png").stat().st_size > 20_000
