"""The whole loop on the real system in a real browser: buses, operator, crew without network, buses again, the wall."""

import os
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from paho.mqtt import publish
from playwright.sync_api import Browser, Page, expect
from typing_extensions import override

from busense.demo_place import CITY, Place
from busense.demo_town import Town, TownPlan
from busense.local.processes import free_port
from simulator.devices import device_names, secret_file
from simulator.faults.link import SOUND, Behaviour, FaultyLink
from simulator.plane import ahead
from simulator.world import World, make_world
from tests.e2e.browser import Viewer, open_viewer
from tests.e2e.phone import PHONE, photo, press, stand_at, wait_for_worker
from tests.unit.cloud.ingest.messages import Outbox
from tests.waiting import wait_until
from wire.messages import Kind

pytestmark = [pytest.mark.town, pytest.mark.browser, pytest.mark.timeout(400)]

BUSES: Final = 9  # three see the crack, the others come when it is repaired
SEEN_ON_TIME_S: Final = 60  # by a page on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskDispatches(Place):
    """A place whose county dispatches by hand."""

    @override
    def write_config(
        self, *, database_url: str, broker_url: str, port: int, rules: Mapping[str, Path] | None = None
    ) -> None:
        handling = self.folder / "handling.toml"
        shipped = files("cloud.cases").joinpath("handling.toml").read_text()
        handling.write_text(shipped.replace("by_itself = true", "by_itself = false"))
        by_hand = dict(rules or {}) | {"handling": handling}
        Place.write_config(self, database_url=database_url, broker_url=broker_url, port=port, rules=by_hand)


@dataclass(kw_only=True)
class Fleet:
    """Buses that pass one crack, and say so through the real broker."""

    town: Town
    place: Place
    world: World
    outboxes: dict[str, Outbox] = field(default_factory=dict[str, Outbox])

    @property
    def crack(self) -> tuple[float, float, float]:
        """Longitude, latitude and heading of its lane."""
        defect = self.world.truth.defects[0]
        return defect.lon, defect.lat, defect.heading_deg

    def see(self, *devices: str) -> None:
        """Pass the crack and see it."""
        lon, lat, heading_deg = self.crack
        where = {"lon": lon, "lat": lat, "heading_deg": heading_deg}
        for device in devices:
            self._publish(device, Kind.DETECTION, class_code="D00", confidence=0.8, picture=None, **where)

    def look(self, *devices: str) -> None:
        """Pass its place with open eyes and see nothing."""
        lon, lat, heading = self.crack
        plane = self.world.town.plane
        spot = plane.spot(lon=lon, lat=lat)
        line = [plane.lon_lat(ahead(spot, heading=heading, forward_m=way_m)) for way_m in (-60.0, 0.0, 40.0)]
        for device in devices:
            self._publish(device, Kind.COVERAGE, line=line, heading_deg=heading, accuracy_m=1.0, usable_share=1.0)

    def _publish(self, device: str, kind: Kind, **changes: object) -> None:
        outbox = self.outboxes.setdefault(device, Outbox(device=device, city=CITY))
        outbox.at = datetime.now(UTC)
        message = outbox.message(kind, **changes)
        broker = urlsplit(self.town.broker.mqtt_url)
        publish.single(
            message.topic,
            message.payload,
            qos=1,
            hostname=broker.hostname or "",
            port=broker.port or 0,
            client_id=f"test-{device}",
            auth={"username": device, "password": secret_file(self.place.secrets, device).read_text()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Center:
    """A running operations center and its buses."""

    fleet: Fleet
    url: str
    place: Place

    def token(self, name: str) -> str:
        return self.place.token_file(name).read_text()

    def cases(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/cases", headers={"Authorization": f"Bearer {self.token('desk')}"})
        return answer.raise_for_status().json()["items"]

    def wait_for(self, state: str) -> dict[str, Any]:
        """Wait until the one case is in this state."""

        def found() -> list[dict[str, Any]]:
            return [case for case in self.cases() if case["state"] == state]

        return wait_until(found, 60)[0]


@pytest.fixture
def center(tmp_path: Path) -> Generator[Center]:
    place = DeskDispatches(folder=tmp_path)
    plan = TownPlan(seed=0, port=free_port(), buses=BUSES, full=0, without_network=0, for_s=None, frames=None)
    town = Town(plan, place, say=print)
    with town.running():
        world = make_world(seed=0, buses=BUSES, frames=None, is_dense=True)
        yield Center(fleet=Fleet(town=town, place=place, world=world), url=town.url, place=place)


def on_the_wall(wall: Page, words: str) -> None:
    """The wall has said so by itself: it is never loaded again."""
    expect(wall.locator(".feed li", has_text=words).first).to_be_visible(timeout=SEEN_ON_TIME_S * 1000)


def keep_picture(page: Page, name: str) -> None:
    """Into BUSENSE_SCREENSHOTS, if that is set."""
    if folder := os.environ.get("BUSENSE_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"loop-{name}.png")


def file_and_dispatch(desk: Viewer, number: str) -> None:
    desk.open("/cases?state=reported")
    desk.page.locator("a.row-link", has_text=number).click()
    desk.page.locator("header [data-action=file]").click()
    expect(desk.page.locator("article header")).to_contain_text("Filed")
    desk.page.locator("header [data-action=dispatch]").click()
    desk.choose("Crew", "Road crew 1")
    desk.page.get_by_role("button", name="Confirm").click()
    expect(desk.page.locator("article header")).to_contain_text("Dispatched")


def repair_with_the_network_cut(page: Page, link: FaultyLink, number: str) -> None:
    wait_for_worker(page)
    page.locator("a.item", has_text=number).click()
    press(page, "接单")
    expect(page.get_by_role("button", name="我已到场")).to_be_visible()
    expect(page.get_by_text("步待发送")).to_have_count(0)

    link.behave(Behaviour(is_cut=True))
    page.context.set_offline(True)
    press(page, "我已到场")
    page.get_by_label("拍照：处置前照片").set_input_files(photo())
    page.get_by_label("拍照：处置后照片").set_input_files(photo("#8899aa"))
    expect(page.locator(".waiting img")).to_have_count(2)
    press(page, "处置完成")
    expect(page.get_by_text("4 步待发送")).to_be_visible()
    keep_picture(page, "phone")

    link.behave(SOUND)
    page.context.set_offline(False)
    expect(page.get_by_text("步待发送")).to_have_count(0)


def test_a_crack_is_found_judged_repaired_without_network_and_verified_by_later_buses(
    browser: Browser, center: Center
) -> None:
    buses = device_names(BUSES)
    lon, lat, _ = center.fleet.crack
    with ExitStack() as stack:
        link = stack.enter_context(FaultyLink(center.url))

        def view(url: str, **how: Any) -> Viewer:  # noqa: ANN401 - what open_viewer takes
            return stack.enter_context(open_viewer(browser, url, **how))

        wall = view(center.url, size=(1920, 1080), scheme="dark", language="zh")
        wall.open("/wall")

        center.fleet.see(*buses[:3])
        number = center.wait_for("reported")["number"]
        on_the_wall(wall.page, f"案件 {number} 生成")

        desk = view(center.url, language="en", token=center.token("desk"))
        file_and_dispatch(desk, number)
        on_the_wall(wall.page, f"案件 {number}：已派遣")

        phone = view(link.url, size=PHONE, language="zh", token=center.token("crew-roads-1"))
        stand_at(phone.page, lon=lon, lat=lat)
        phone.go("/crew")
        repair_with_the_network_cut(phone.page, link, number)
        done = center.wait_for("done")
        on_the_wall(wall.page, f"案件 {number}：已处置")
        expect(desk.page.locator("article header")).to_contain_text("Done")

        center.fleet.look(*buses[3:])
        verified = center.wait_for("verified")
        on_the_wall(wall.page, f"案件 {number}：已核查")
        expect(desk.page.locator("article header")).to_contain_text("Verified")
        keep_picture(wall.page, "wall")
        keep_picture(desk.page, "case")

        assert (done["crew"], verified["id"]) == ("roads-1", done["id"])
        assert (wall.problems, desk.problems) == ([], [])
