"""Roll-outs and the page of a bus, in a browser, against the real server on a real database."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import minisign
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from psycopg import Connection

from cloud.db.pool import connect
from cloud.fleet.releases import add_release
from cloud.fleet.rollout import Deed, Terms
from cloud.fleet.rollouts import Proposal, carry_on, do
from cloud.fleet.rollouts import propose as suggest
from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.e2e.browser import Language, Scheme, Viewer, open_viewer
from tests.e2e.test_dashboard_access import AXE, serious_faults
from tests.e2e.test_dashboard_hostile import CREATED, spoil
from tests.e2e.test_dashboard_people import keep
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people
from tests.integration.ingest_database import enrol_devices
from tests.integration.office import token_of
from tests.unit.cloud.ingest.messages import CITY
from wire.envelope import make_id
from wire.package import About, PackageKind, write_package

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BUSES: Final = tuple(f"bus-{number}" for number in range(1, 21))
PHONE: Final = (390, 844)
WALL: Final = (3840, 2160)
SLOW: Final = "3.10 frames per second; before it were 8.00, at least 5.60 are expected"
HEALTH: Final = {
    "software": "busense 0.1.0",
    "models": [{"name": "road-damage", "version": "2", "sha256": "0" * 64}],
    "outbox_depth": 12,
    "outbox_bytes": 40_000,
    "outbox_oldest_s": 95.0,
    "given_up": [],
    "frames_per_s": 9.7,
    "frames_dropped": 3,
    "pictures_waiting": 1,
    "camera": "working",
    "clock": "gnss",
    "clock_offset_s": 0.01,
    "temperature_c": 61.0,
    "disk_free_bytes": 21_400_000_000,
    "outbox": "disk",
}

_REPORT: Final = """
INSERT INTO health_reports (id, id_at, city, device, stream, sequence, received_at, at, report)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def signed_release(connection: Connection[Any], version: str = "1", *, kind: PackageKind = PackageKind.SETTINGS) -> str:
    """Add settings for the winter, or a model, signed with a key of the city."""
    pair = minisign.KeyPair.generate()
    is_model = kind is PackageKind.MODEL
    about = About(kind=kind, name="road_damage" if is_model else "winter", version=version)
    files = (
        {"manifest.toml": b"", "model.onnx": b"weights"} if is_model else {"settings.toml": b"health.every_s = 30\n"}
    )
    content = write_package(about, files)
    signature = bytes(pair.secret_key.sign(content)).decode()
    keys = [pair.public_key.to_base64().decode()]
    return add_release(connection, content, signature=signature, keys=keys, actor="li", at=datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Depot:
    """Twenty buses, two people who manage them, and a signed release."""

    browser: Browser
    database: str
    address: str
    release: str

    @contextmanager
    def person(
        self,
        name: str,
        *,
        size: tuple[int, int] = (1440, 900),
        language: Language = "zh",
        scheme: Scheme = "light",
    ) -> Generator[Viewer]:
        with open_viewer(
            self.browser, self.address, token=token_of(name), size=size, language=language, scheme=scheme
        ) as viewer:
            yield viewer

    def carry_on(self, *, after: timedelta = timedelta()) -> None:
        """Do what the worker does."""
        with connect(self.database, autocommit=True) as connection:
            carry_on(connection, at=datetime.now(UTC) + after)

    def answer(self, *, failing: int = 0) -> None:
        """Let the buses that are told something report it; so many of them that they could not take it."""
        with connect(self.database, autocommit=True) as connection:
            told = connection.execute("SELECT device, version, settings FROM device_wishes ORDER BY device").fetchall()
            for place, (device, version, settings) in enumerate(told):
                problem = SLOW if place < failing else None
                twin: dict[str, object] = {"version": version, "settings": settings, "problem": problem}
                if problem:
                    twin["settings"] = {}
                connection.execute(
                    "UPDATE devices SET twin_reported = %s, twin_reported_at = now() WHERE device = %s",
                    (json.dumps(twin), device),
                )

    def begun(self, *, failing: int) -> UUID:
        """A roll-out whose second group waits, since so many of the first could not take it."""
        terms = Terms(stop_at_failed=0.1, go_on_at_done=0.8, watch=timedelta(minutes=30))
        proposal = Proposal(release=self.release, shares=[0.15, 0.25], terms=terms)
        with connect(self.database, autocommit=True) as connection:
            roll_out = suggest(connection, proposal, city=CITY, actor="li", at=datetime.now(UTC))
            do(connection, roll_out, Deed.APPROVE, actor="wang", at=datetime.now(UTC), reason="tried on the bench")
        self.carry_on()
        self.answer(failing=failing)
        self.carry_on()
        return roll_out

    def sends_picture(self, device: str) -> None:
        """Let a bus answer with a picture of now: 1920 by 1080."""
        content = BytesIO()
        Image.linear_gradient("L").resize((1920, 1080)).save(content, "JPEG")
        with connect(self.database, autocommit=True) as connection:
            connection.execute(
                "UPDATE device_commands SET told_at = now(), answered_at = now(), media_type = 'image/jpeg',"
                " answer = %s WHERE device = %s AND kind = 'send_picture'",
                (content.getvalue(), device),
            )

    def looks_on(self, release: str, *, frames: int) -> None:
        """Let each bus that was told so have seen so many frames with a new model, too."""
        counts = {
            "D00": {"agreeing": 4, "only_old": 1, "only_new": 0},
            "D40": {"agreeing": 31, "only_old": 2, "only_new": 7},
        }
        report = {
            "package": release,
            "run": make_id(datetime.now(UTC)),
            "frames": frames,
            "dropped": 12,
            "failed": 0,
            "classes": counts,
        }
        report |= {"old_s": 0.049, "new_s": 0.061, "model": {"name": "road_damage", "version": "9", "sha256": "0" * 64}}
        with connect(self.database, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO shadow_reports (release, city, device, run, at, report)"
                " SELECT %(release)s, city, device, gen_random_uuid(), now(), %(report)s FROM device_wishes"
                " WHERE settings ->> 'package.shadow' = %(release)s",
                {"release": release, "report": json.dumps(report)},
            )

    def speaks(self, device: str) -> None:
        """Let a bus have told of itself for a day, with a gap."""
        now = datetime.now(UTC)
        with connect(self.database, autocommit=True) as connection:
            connection.execute(
                "UPDATE devices SET health = %s, presence = 'online', last_seen_at = now() WHERE device = %s",
                (json.dumps(HEALTH), device),
            )
            for minutes in [*range(2, 400, 4), *range(700, 1400, 4)]:
                at = now - timedelta(minutes=minutes)
                report = HEALTH | {
                    "frames_per_s": 9.5 + (minutes % 7) / 10,
                    "temperature_c": 55 + (minutes % 90) / 6,
                    "outbox_depth": max(0, 300 - minutes),
                    "disk_free_bytes": 20_000_000_000 + minutes * 1_000_000,
                }
                connection.execute(_REPORT, (uuid4(), at, CITY, device, uuid4(), minutes, at, at, json.dumps(report)))


@pytest.fixture
def depot(browser: Browser, database: str, tmp_path: Path) -> Iterator[Depot]:
    add_people(database, Wish(name="li", role=Role.FLEET), Wish(name="wang", role=Role.FLEET))
    add_people(database, Wish(name="desk", role=Role.OPERATOR))
    enrol_devices(database, BUSES)
    with connect(database, autocommit=True) as connection:
        release = signed_release(connection)
    with running_server(database, tmp_path) as (_, address):
        yield Depot(browser=browser, database=database, address=address, release=release)


def propose(viewer: Viewer, *, shares: str) -> None:
    """Propose the release, in English."""
    viewer.open("/fleet")
    page = viewer.page
    page.get_by_role("link", name="Roll-outs", exact=True).click()
    expect(page.get_by_role("heading", name="No roll-outs yet")).to_be_visible()
    page.get_by_role("button", name="Propose a roll-out…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Groups, in percent of the buses").fill(shares)
    dialog.get_by_label("Watch each group (minutes)").fill("0")


def test_a_roll_out_is_proposed_approved_by_another_person_and_goes_group_by_group(depot: Depot) -> None:
    with depot.person("li", language="en") as li:
        page = li.page
        propose(li, shares="5, 15")
        preview = page.get_by_label("What will happen")
        expect(preview).to_contain_text("first 1, then 3, then 16")
        keep(page, "fleet-propose-en")
        page.get_by_role("dialog").get_by_label("Groups, in percent of the buses").fill("60, 50")
        expect(page.get_by_role("alert")).to_contain_text("all together below 100")
        expect(page.get_by_role("button", name="Propose", exact=True)).to_be_disabled()
        page.get_by_role("dialog").get_by_label("Groups, in percent of the buses").fill("5, 15")
        page.get_by_role("button", name="Propose", exact=True).click()
        expect(page.get_by_role("heading", name="Settings winter 1")).to_be_visible()
        expect(page.get_by_text("You have proposed it")).to_be_visible()
        page.get_by_role("button", name="Approve…").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("another person has to approve it")
        keep(page, "fleet-approve-own-en")
        address = page.url.removeprefix(li.origin)
        problems = [problem for problem in li.problems if "409" not in problem]
        assert problems == []
    with depot.person("wang") as wang:
        page = wang.page
        wang.open(address)
        wang.press(page.get_by_role("button", name="批准…"))
        wang.reach(page.get_by_label("理由"))
        page.keyboard.insert_text("台架上试过")
        wang.press(page.get_by_role("dialog").get_by_role("button", name="批准", exact=True))
        expect(page.get_by_role("button", name="暂停…")).to_be_visible()
        depot.carry_on()
        expect(page.locator("[data-group='1']")).to_contain_text("开始")
        expect(page.locator("[data-group='1'] svg")).to_have_attribute("aria-label", "完成 0，失败 0，已通知 1，等待 0")
        expect(page.locator("[data-group='2']")).to_contain_text("尚未开始")
        for done in ("1 / 20", "4 / 20", "20 / 20"):
            depot.answer()
            depot.carry_on()  # notes the answers, and begins the next group
            expect(page.get_by_label("进度", exact=True)).to_contain_text(f"{done} 辆完成")
            keep(page, f"fleet-roll-out-{done.split()[0]}")
        expect(page.locator("header .tag")).to_have_text("已完成")
        expect(page.get_by_role("group", name="办理").get_by_role("button")).to_have_count(0)
        expect(page.locator("main")).to_contain_text("台架上试过")
        assert wang.problems == []


def test_a_roll_out_that_fails_waits_and_shows_which_bus_and_why(depot: Depot) -> None:
    with depot.person("li", language="en") as li:
        propose(li, shares="15")
        li.page.get_by_role("button", name="Propose", exact=True).click()
        expect(li.page.get_by_role("heading", name="Settings winter 1")).to_be_visible()
        address = li.page.url.removeprefix(li.origin)
    with depot.person("wang", language="en") as wang:
        page = wang.page
        wang.open(address)
        page.get_by_role("button", name="Approve…").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).click()
        expect(page.get_by_role("button", name="Pause…")).to_be_visible()
        depot.carry_on()
        depot.answer(failing=1)
        depot.carry_on()
        expect(page.locator("main")).to_contain_text("1 of 3 buses of group 1 could not take it")
        expect(page.locator("tbody tr").first).to_contain_text(SLOW)
        keep(page, "fleet-paused-en")
        page.locator("a.row-link").first.click()
        expect(page.locator("[data-twin=refused]")).to_contain_text(SLOW)
        page.go_back()
        page.get_by_role("button", name="Stop…").click()
        page.get_by_label("Why").fill("too slow")
        page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator("header .tag")).to_have_text("Stopped")
        page.get_by_role("link", name="All roll-outs").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("Stopped")
        keep(page, "fleet-roll-outs-en")
        assert wang.problems == []


def test_a_camera_is_calibrated_from_what_a_mechanic_measures(depot: Depot) -> None:
    depot.speaks("bus-7")
    with depot.person("li", language="en") as li:
        page = li.page
        li.open("/fleet?device=bus-7")
        page.locator("a.row-link").click()
        expect(page.get_by_role("heading", name="Bus bus-7")).to_be_visible()
        expect(page.locator("canvas")).to_have_count(4)
        keep(page, "fleet-bus-en")
        page.get_by_role("button", name="Calibrate the camera…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Ask for a picture").click()
        expect(dialog.get_by_role("status")).to_contain_text("on its way")
        depot.sends_picture("bus-7")
        expect(dialog.get_by_role("status")).to_contain_text("There is a picture")
        dialog.get_by_label("Lens above the road (m)").fill("2.5")
        dialog.get_by_label("Focal length (px)").fill("1400")
        keep(page, "fleet-pose-1-en")
        dialog.get_by_label("Focal length (px)").press("Enter")
        horizon = dialog.get_by_role("slider", name="Choose the horizon in the picture")
        row = dialog.get_by_label("Row of the horizon (px)")
        expect(horizon).to_have_attribute("aria-valuemax", "1080")
        box = horizon.bounding_box()
        assert box is not None
        horizon.click(position={"x": box["width"] / 2, "y": box["height"] / 4})
        assert abs(float(row.input_value()) - 270) < 3, "a quarter of 1080"
        row.fill("300")
        horizon.press("ArrowDown")
        expect(row).to_have_value("301")
        row.fill("305.7")
        expect(dialog.get_by_role("status")).to_contain_text("Pitch 9.50°, the camera looks down")
        keep(page, "fleet-pose-2-en")
        row.press("Enter")
        expect(dialog.get_by_role("slider", name="Choose the mark in the picture")).to_be_visible()
        dialog.get_by_label("Distance of the mark (m)").fill("7")
        dialog.get_by_label("Row of the mark (px)").fill("866.3")
        expect(dialog.get_by_role("status")).to_contain_text("lies 6.00 m ahead. That is 1.00 m (14%) too near")
        keep(page, "fleet-pose-3-en")
        dialog.get_by_role("button", name="Take the pitch").click()
        expect(dialog.get_by_role("status")).to_contain_text("that confirms the pose")
        dialog.get_by_label("Distance of the mark (m)").press("Enter")
        expect(dialog.locator("tbody")).to_contain_text("6.53°")
        keep(page, "fleet-pose-4-en")
        dialog.get_by_role("button", name="Save as wanted").click()
        row = page.locator("[data-setting='camera.pitch_deg']")
        expect(row).to_contain_text("6.53°")
        expect(row).to_contain_text("differs")
        expect(page.locator("[data-twin=untold]")).to_be_visible()
        depot.answer()
        expect(page.locator("[data-twin=same]")).to_be_visible()
        assert li.problems == []


def test_an_agent_is_restarted_after_a_second_thought(depot: Depot) -> None:
    depot.speaks("bus-7")
    with depot.person("li", size=PHONE) as li:
        page = li.page
        li.open("/buses/bus-7")
        keep(page, "fleet-bus-phone")
        assert li.width_beyond_the_window() == 0
        page.get_by_role("button", name="标定摄像头…").click()
        expect(page.get_by_role("dialog").get_by_label("焦距（像素）")).to_be_visible()
        keep(page, "fleet-pose-phone")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="重启车载程序…").click()
        page.get_by_role("dialog").get_by_role("button", name="取消").click()
        expect(page.locator("[data-command]")).to_have_count(0)
        page.get_by_role("button", name="重启车载程序…").click()
        page.get_by_role("dialog").get_by_role("button", name="重启", exact=True).click()
        expect(page.locator("[data-command=waiting]")).to_contain_text("重启车载程序")
        expect(page.locator("main")).to_contain_text("li 请求重启车载程序")
        assert li.problems == []


def test_the_last_lines_of_a_log_are_asked_for_and_shown(depot: Depot) -> None:
    with depot.person("li", language="en") as li:
        page = li.page
        li.open("/buses/bus-7")
        page.get_by_role("button", name="Its log…").click()
        page.get_by_role("dialog").get_by_role("button", name="Ask for it").click()
        expect(page.locator("[data-command=waiting]")).to_contain_text("Its log")
        with connect(depot.database, autocommit=True) as connection:
            connection.execute(
                "UPDATE device_commands SET told_at = now(), answered_at = now(), media_type = 'text/plain',"
                " answer = 'agent_started <b>bus</b>'"
            )
        page.locator("[data-command=answered]").get_by_role("button", name="Show").click()
        expect(page.get_by_role("dialog").locator("pre")).to_have_text("agent_started <b>bus</b>")
        assert li.problems == []


def test_who_does_not_manage_the_fleet_goes_to_the_map_instead(depot: Depot) -> None:
    with depot.person("desk", language="en") as desk:
        desk.open("/fleet")
        expect(desk.page.get_by_role("link", name="Roll-outs")).to_have_count(0)
        expect(desk.page.locator("a.row-link").first).to_have_attribute("href", "/?bus=bus-1")
        desk.open("/roll-outs")
        expect(desk.page.get_by_role("alert")).to_contain_text("may not")
        desk.open("/buses/bus-1")
        expect(desk.page.get_by_role("alert")).to_contain_text("may not")


@pytest.mark.parametrize(
    ("size", "language"), [(PHONE, "zh"), (PHONE, "en"), ((1440, 900), "zh"), (WALL, "zh"), (WALL, "en")]
)
def test_the_pages_fit_every_screen(depot: Depot, size: tuple[int, int], language: Language) -> None:
    depot.speaks("bus-7")
    roll_out = depot.begun(failing=1)
    with depot.person("li", size=size, language=language) as li:
        pages = {
            "/fleet": "tbody tr",
            "/roll-outs": "tbody tr",
            "/roll-outs?new=1": ".preview",
            f"/roll-outs/{roll_out}": "[data-group]",
            "/buses/bus-7": "canvas",
        }
        for number, (path, sign) in enumerate(pages.items()):
            li.open(path)
            li.page.wait_for_selector(sign)
            keep(li.page, f"fleet-{number}-{size[0]}-{language}")
            assert li.width_beyond_the_window() == 0, path
        assert li.problems == []


def test_hostile_texts_are_shown_and_not_run(depot: Depot) -> None:
    depot.speaks("bus-7")
    roll_out = depot.begun(failing=1)
    with depot.person("li") as li:
        page = li.page
        page.route(lambda address: "/api/v1/" in address and "/events" not in address, spoil)
        for path, sign in {"/roll-outs": "tbody", f"/roll-outs/{roll_out}": "tbody", "/buses/bus-7": "dl"}.items():
            li.go(path)
            page.wait_for_selector(sign)
            assert page.evaluate("typeof window.pwned") == "undefined", path
            assert page.evaluate(CREATED) == 0, path
        page.unroute_all(behavior="ignoreErrors")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make dashboard)")
def test_axe_finds_nothing_serious(depot: Depot) -> None:
    depot.speaks("bus-7")
    with depot.person("li") as li:
        for path, sign in {"/roll-outs": "h2", "/roll-outs?new=1": ".preview", "/buses/bus-7": "canvas"}.items():
            li.open(path)
            li.page.wait_for_selector(sign)
            assert serious_faults(li) == [], path
        li.page.get_by_role("button", name="标定摄像头…").click()
        expect(li.page.get_by_role("dialog")).to_be_visible()
        assert serious_faults(li) == []


def test_a_model_looks_on_before_anybody_can_approve_it(depot: Depot) -> None:
    with connect(depot.database, autocommit=True) as connection:
        model = signed_release(connection, "9", kind=PackageKind.MODEL)
    with depot.person("li", language="en") as li:
        li.open("/roll-outs")
        page = li.page
        page.get_by_role("button", name="Propose a roll-out…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("combobox", name="Release")).to_be_visible()
        dialog.get_by_label("Frames to look on at before it is approved").fill("1000")
        dialog.get_by_role("button", name="Propose", exact=True).click()
        card = page.get_by_role("region", name="Looking on")
        expect(card).to_contain_text("on no bus now")
        card.get_by_label("Frames (%)").fill("25")
        card.get_by_role("button", name="Look on at the bus of group 1").click()
        expect(card.get_by_role("button", name="Look on no longer")).to_be_visible()
        expect(card).to_contain_text("1,000 frames asked for before it is approved, 0 seen so far")
        depot.looks_on(model, frames=400)
        expect(card).to_contain_text("400 frames seen by both, on 1 bus")
        address = page.url.removeprefix(li.origin)
        assert li.problems == []
    with depot.person("wang") as wang:
        wang.open(address)
        page = wang.page
        page.get_by_role("button", name="批准…").click()
        page.get_by_role("dialog").get_by_role("button", name="批准", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("400 frames; 1000 are asked for")
        page.get_by_role("dialog").get_by_role("button", name="取消").click()
        depot.looks_on(model, frames=700)
        card = page.get_by_role("region", name="影子运行")
        expect(card).to_contain_text("已看过 1,100 帧")
        expect(card.locator("tbody tr")).to_have_count(2)
        keep(page, "fleet-shadow")
        if AXE.is_file():
            assert serious_faults(wang) == []
        page.get_by_role("button", name="批准…").click()
        page.get_by_role("dialog").get_by_role("button", name="批准", exact=True).click()
        expect(page.get_by_role("button", name="暂停…")).to_be_visible()
        assert [problem for problem in wang.problems if "409" not in problem] == []
