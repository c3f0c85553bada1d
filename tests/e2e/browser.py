"""A real browser that looks at the pages, and notes what a person would not see: errors, requests to elsewhere."""

import contextlib
import os
import shutil
import signal
from collections.abc import Generator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Error,
    FloatRect,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.waiting import wait_until

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_MS: Final = 60_000  # a map drawn without a graphics card, on a busy machine
MOST_STOPS: Final = 120
COLOURS_OF_BLANK: Final = 4  # the ground, and the edges of what lies over the map

# What scrolls in a box of its own can be reached; what is wider than the page or than its button cannot.
CUT: Final = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  if (element.closest(".sr-only, .skip, svg, table")) return false;
  for (let box = element; box && box.id !== "content" && box !== document.body; box = box.parentElement) {
    const { overflowX, textOverflow } = getComputedStyle(box);
    if (/auto|scroll/.test(overflowX) || textOverflow === "ellipsis") return false;
  }
  const frame = element.closest("button, .button")?.getBoundingClientRect() ?? { left: 0, right: innerWidth };
  return texts.some((text) => {
    const words = document.createRange();
    words.selectNode(text);
    const { width, left, right } = words.getBoundingClientRect();
    return width > 0 && (right > Math.min(innerWidth, frame.right) + 1 || left < frame.left - 1);
  });
}).map((element) => element.textContent.trim())"""

Scheme = Literal["light", "dark"]
Language = Literal["zh", "en"]


def find_browser() -> str:
    """Path of a browser; without one the test is skipped."""
    named = os.environ.get("BUSENSE_BROWSER")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(
            "no Chromium (install it, or name one in BUSENSE_BROWSER): skipped the look at the pages in a browser"
        )
    return found


@contextmanager
def running_browser() -> Generator[Browser]:
    """Start Chromium without a window."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        yield browser
        browser.close()


@dataclass
class Viewer:
    """A page, and what went wrong on it."""

    page: Page
    origin: str
    problems: list[str] = field(default_factory=list[str])

    def watch(self) -> None:
        """Note errors of the console, of scripts and of answers, and requests that leave the origin."""
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("request", self._note_request)
        self.page.on("response", self._note_response)

    def open(self, path: str) -> None:
        """Go to a page of the dashboard and wait until it is live."""
        self.page.goto(f"{self.origin}{path}", wait_until="domcontentloaded")
        self.page.wait_for_selector("[data-connection=live]", timeout=TIMEOUT_MS)

    def choose(self, label: str, option: str) -> None:
        """Choose one entry of a select of the component library."""
        # What is chosen lies over the field itself.
        self.page.get_by_role("combobox", name=label).first.click(force=True)
        self.page.get_by_role("option", name=option).first.click()

    def reach(self, control: Locator) -> None:
        """Go to a control by Tab alone."""
        control.wait_for(state="attached")
        for _ in range(MOST_STOPS):
            if control.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"Tab does not lead to {control}")

    def press(self, control: Locator, key: str = "Enter") -> None:
        """Press a key on a control to which Tab leads."""
        self.reach(control)
        self.page.keyboard.press(key)

    def go(self, path: str) -> None:
        """Go to a page that has no live connection."""
        self.page.goto(f"{self.origin}{path}", wait_until="domcontentloaded")

    def wait_for_requests(self, sent: Sized, number: int = 1) -> None:
        """Wait until that many requests were noted by a route of this page."""
        turn = "0"  # a route is called only while something is asked of the page
        wait_until(lambda: self.page.evaluate(turn) or len(sent) >= number)

    def wait_for_map(self) -> None:
        """Wait until the map has drawn something on its ground."""
        self.page.wait_for_selector("[data-ready=true] canvas", timeout=TIMEOUT_MS)
        wait_until(lambda: self.colours_of_map() > COLOURS_OF_BLANK, timeout_s=TIMEOUT_MS / 1000)

    def colours_of_map(self) -> int:
        """How many colours the middle of the map has."""
        box = self.page.locator("[data-ready=true] canvas").first.bounding_box()
        if box is None:
            return 0
        width, height = box["width"] / 2, box["height"] / 2
        clip: FloatRect = {"x": box["x"] + width / 2, "y": box["y"] + height / 2, "width": width, "height": height}
        picture = Image.open(BytesIO(self.page.screenshot(clip={**clip})))
        return len(picture.convert("RGB").getcolors(maxcolors=1 << 24) or ())

    def width_beyond_the_window(self) -> int:
        """Pixels by which the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def cut_texts(self) -> list[str]:
        """Texts that nobody can read whole, however they scroll down."""
        return self.page.evaluate(CUT)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "GPU stall" not in message.text:
            self.problems.append(f"console: {message.text}")

    def _note_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in {"data", "blob"} and f"{url.scheme}://{url.netloc}" != self.origin:
            self.problems.append(f"left the origin: {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status} {response.url}")


@contextmanager
def open_profile(
    kind: BrowserType, folder: Path, url: str, *, size: tuple[int, int] = (1440, 900), token: str | None = None
) -> Generator[Viewer]:
    """Open a browser whose profile stays in a folder, as a person's own does; it may be killed meanwhile."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    width, height = size
    context = kind.launch_persistent_context(
        folder,
        executable_path=find_browser(),
        args=arguments,
        viewport={"width": width, "height": height},
        timezone_id="Asia/Shanghai",
        locale="zh-CN",
    )
    yield _viewer(context, url, language="zh", token=token)
    with contextlib.suppress(Error):  # it was killed
        context.close()


def has_settled(folder: Path, key: str) -> bool:
    """Whether the browser of a profile has an entry of `localStorage` on the disk: seconds after it was made."""
    files = (folder / "Default" / "Local Storage" / "leveldb").glob("*.log")
    return any(key.encode() in file.read_bytes() for file in files)


def kill_browser(folder: Path) -> None:
    """Kill the browser of a profile with all that it started, as a phone does whose memory is short."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and f"--user-data-dir={folder}".encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


@contextmanager
def open_viewer(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = (1440, 900),
    scheme: Scheme = "light",
    language: Language = "zh",
    token: str | None = None,
) -> Generator[Viewer]:
    """Open a fresh browser profile that looks at the dashboard under this URL, signed in with a token or not."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="Asia/Shanghai", locale="zh-CN"
    )
    yield _viewer(context, url, language=language, token=token)
    context.close()


def _viewer(context: BrowserContext, url: str, *, language: Language, token: str | None) -> Viewer:
    context.add_init_script(f"localStorage.setItem('busense.language', '{language}')")
    if token is not None:
        context.add_init_script(f"localStorage.setItem('busense.token', '{token}')")
    context.set_default_timeout(TIMEOUT_MS)
    parts = urlsplit(url)
    viewer = Viewer(context.new_page(), f"{parts.scheme}://{parts.netloc}")
    viewer.watch()
    return viewer


def take_screenshot(  # the one call for a picture of a running system
    url: str,
    path: Path,
    *,
    page: str = "/",
    size: tuple[int, int] = (1440, 900),
    scheme: Scheme = "light",
    language: Language = "zh",
) -> list[str]:
    """Save a picture of a page of the running dashboard; returns what went wrong on the page (nothing, one hopes)."""
    with running_browser() as browser, open_viewer(browser, url, size=size, scheme=scheme, language=language) as viewer:
        viewer.open(page)
        if page.startswith(("/?", "/findings/")) or page == "/":
            viewer.wait_for_map()
        viewer.page.screenshot(path=path)
        return viewer.problems
