"""From the form of the public notice to the erased picture, in a browser against the real server."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.e2e.browser import Language, Scheme, Viewer, open_viewer
from tests.e2e.test_dashboard_access import AXE, serious_faults
from tests.e2e.test_dashboard_people import keep
from tests.integration.api_server import running_server
from tests.integration.browser_client import PASSWORD, add_people
from tests.integration.test_api_pictures import announce, jpeg, put
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HOSTILE = "<img src=x onerror=alert(1)> I stood at the bus stop."
LON, LAT = place(0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Office:
    """A server over a town in which pictures were taken, and somebody at the desk."""

    browser: Browser
    address: str

    @contextmanager
    def desk(
        self, *, language: Language = "zh", scheme: Scheme = "light", size: tuple[int, int] = (1440, 900)
    ) -> Generator[Viewer]:
        with open_viewer(self.browser, self.address, language=language, scheme=scheme, size=size) as viewer:
            credentials = {"name": "desk", "password": PASSWORD}
            headers = {"Origin": self.address}
            answer = viewer.page.request.post(f"{self.address}/api/v1/session", data=credentials, headers=headers)
            assert answer.status == 201
            yield viewer

    def ask(self, kind: str) -> None:
        wish = {"kind": kind, "name": "Li Lei", "contact": "li@example.org", "text": HOSTILE, "place": "East Gate"}
        wish |= {"from_at": AT.isoformat(), "to_at": (AT + timedelta(hours=1)).isoformat()}
        assert httpx.post(f"{self.address}/api/v1/notice/requests", json=wish).status_code == 201


@pytest.fixture
def office(browser: Browser, database: str, tmp_path: Path) -> Iterator[Office]:
    add_people(database, Wish(name="desk", role=Role.OPERATOR))
    with running_server(database, tmp_path, visitors=False) as (_, address):
        with ThreadPoolExecutor(max_workers=1) as beside:  # this thread's event loop is the browser's
            beside.submit(take_pictures, database, address).result()
        yield Office(browser=browser, address=address)


def take_pictures(database: str, address: str) -> None:
    """Let a bus take four pictures, of which three have come."""
    town = Town(url=database)
    with httpx.Client(base_url=f"{address}/api/v1") as api:
        for number in range(3):
            picture = jpeg(shade=60 * (number + 1))
            sha256 = announce(town, picture, minutes=number, east_m=5.0 * number)
            assert put(api, sha256, picture).status_code == 201
    announce(town, jpeg(shade=33), minutes=5)


def test_a_person_asks_and_the_office_erases(office: Office) -> None:
    with open_viewer(office.browser, office.address, language="en", size=(390, 844)) as person:
        person.go("/notice")
        page = person.page
        form = page.get_by_role("region", name="Ask what is known of you")
        expect(form.get_by_role("button", name="Send")).to_be_disabled()
        form.get_by_text("Erasure", exact=True).click()
        form.get_by_label("Name").fill("Li Lei")
        form.get_by_label("Telephone, mail or address").fill("li@example.org")
        form.get_by_label("Place").fill("East Gate")
        form.get_by_label("What it is about").fill(HOSTILE)
        keep(page, "requests-form-en")
        form.get_by_role("button", name="Send").click()
        expect(form.get_by_role("status")).to_contain_text("testcity-P")
        assert person.width_beyond_the_window() == 0
        assert [problem for problem in person.problems if "401" not in problem] == [], "who is signed in is asked once"
    with office.desk() as desk:
        desk.open("/settings")
        page = desk.page
        page.get_by_role("link", name="查看个人信息请求").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        keep(page, "requests")
        page.locator("a.row-link").click()
        expect(page.get_by_role("region", name="申请人")).to_contain_text(HOSTILE)
        pictures = page.get_by_role("region", name="查找图片")
        pictures.get_by_label("纬度, 经度").fill(f"{LAT:.6f}, {LON:.6f}")
        pictures.get_by_label("从").fill((AT - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"))
        pictures.get_by_label("到").fill((AT + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
        pictures.get_by_role("button", name="查找").click()
        expect(pictures.get_by_text("找到 4 张图片")).to_be_visible()
        expect(pictures.get_by_text("核实身份之后才能导出或删除图片")).to_be_visible()
        page.get_by_role("button", name="身份已核实").click()
        pictures.get_by_role("checkbox").first.check()
        pictures.get_by_role("checkbox").nth(1).check()
        keep(page, "request-pictures")
        if AXE.is_file():
            assert serious_faults(desk) == []
        pictures.get_by_role("button", name="删除所选…").click()
        page.get_by_role("dialog").get_by_role("button", name="永久删除").click()
        expect(page.get_by_text("已删除 2 张，存储中已无残留")).to_be_visible()
        expect(pictures.get_by_role("checkbox", disabled=True)).to_have_count(2)
        expect(page.get_by_role("region", name="记录")).to_contain_text("图片 2 张 · 存储中：删除前 2，删除后 0")
        keep(page, "request-erased")
        page.get_by_role("button", name="答复…").click()
        page.get_by_label("内容").fill("两张照片已删除。")
        page.get_by_role("button", name="记录答复").click()
        page.get_by_role("button", name="办结").click()
        expect(page.locator("header .tag")).to_have_text("已办结")
        expect(page.get_by_role("region", name="查找图片")).to_have_count(0)
        assert desk.problems == []


def test_pictures_are_handed_out_and_the_map_chooses_the_place(office: Office) -> None:
    office.ask("information")
    with office.desk(language="en") as desk:
        desk.open("/requests")
        page = desk.page
        page.locator("a.row-link").click()
        page.get_by_role("button", name="Identity is checked").click()
        pictures = page.get_by_role("region", name="Look for pictures")
        page.wait_for_selector(".place-map[data-ready=true] canvas")
        pictures.get_by_role("group", name="Map to choose a place").click()
        expect(pictures.get_by_label("Latitude, longitude")).not_to_have_value("")
        pictures.get_by_label("Latitude, longitude").fill(f"{LAT:.6f} {LON:.6f}")
        pictures.get_by_role("button", name="Search").click()
        expect(pictures.get_by_text("4 pictures found")).to_be_visible()
        pictures.get_by_role("button", name="Choose all").click()
        expect(pictures.get_by_text("3 chosen")).to_be_visible()  # the one that has not come cannot be
        keep(page, "request-information-en")
        with page.expect_download() as download:
            pictures.get_by_role("button", name="Hand out").click()
        assert download.value.suggested_filename.endswith(".zip")
        expect(page.get_by_role("region", name="Record")).to_contain_text("3 pictures")
        assert desk.problems == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
def test_axe_finds_nothing_serious_on_a_phone_in_the_dark(office: Office) -> None:
    office.ask("erasure")
    with office.desk(scheme="dark", size=(390, 844)) as desk:
        desk.open("/requests")
        expect(desk.page.locator("tbody tr")).to_have_count(1)
        assert serious_faults(desk) == []
        desk.page.locator("a.row-link").click()
        desk.page.get_by_label("纬度, 经度").fill(f"{LAT:.6f}, {LON:.6f}")
        desk.page.get_by_role("button", name="查找").click()
        expect(desk.page.get_by_text("找到 4 张图片")).to_be_visible()
        assert serious_faults(desk) == []
        assert desk.width_beyond_the_window() == 0
        keep(desk.page, "request-phone-dark")
