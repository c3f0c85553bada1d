"""A demo with real photos: it finds real damage, and a person sees it in a real browser."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.plane import distance_m
from simulator.score import GATE_M
from simulator.world import World, make_world
from tests.e2e.browser import Viewer, find_browser, open_viewer, running_browser
from tests.e2e.demo import assert_nothing_lost, read_summary, running_demo
from tests.waiting import wait_until

pytestmark = [pytest.mark.town, pytest.mark.timeout(330), pytest.mark.browser, pytest.mark.data]


def _has_browser() -> bool:
    try:
        find_browser()
    except pytest.skip.Exception:
        return False
    return True


def _screenshot_folder(fallback: Path) -> Path:
    """Where the pictures go: BUSENSE_SCREENSHOTS keeps them."""
    folder = Path(os.environ.get("BUSENSE_SCREENSHOTS", fallback))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _real_damage(url: str, world: World) -> dict[str, Any] | None:
    """A believed finding that has its picture and agrees with a photo's box in place and class."""
    answer = httpx.get(f"{url}/api/v1/findings", params={"state": "open"}, timeout=10)
    findings: list[dict[str, Any]] = answer.raise_for_status().json()["features"]
    return next((each for each in findings if _is_true(each, world) and _is_picture_there(url, each)), None)


def _is_true(finding: dict[str, Any], world: World) -> bool:
    plane, (lon, lat) = world.town.plane, finding["geometry"]["coordinates"]
    return any(
        defect.class_code == finding["properties"]["class_code"]
        and distance_m(plane.spot(lon=lon, lat=lat), plane.spot(lon=defect.lon, lat=defect.lat)) < GATE_M
        for defect in world.truth.defects
    )


def _is_picture_there(url: str, finding: dict[str, Any]) -> bool:
    sha256 = finding["properties"]["picture"]
    return sha256 is not None and httpx.get(f"{url}/api/v1/pictures/{sha256}", timeout=10).is_success


def _shows_a_picture(viewer: Viewer) -> bool:
    return viewer.page.evaluate("() => [...document.images].some(image => image.complete && image.naturalWidth >= 300)")


def _look(url: str, world: World, folder: Path) -> list[str]:
    """Watch the map until real damage has its photo, and take a picture of both; tells what went wrong on the pages."""
    with running_browser() as browser, open_viewer(browser, url) as viewer:
        viewer.open("/")
        viewer.wait_for_map()
        finding = wait_until(lambda: _real_damage(url, world), 60)
        assert finding is not None
        for name, page in (("map", f"/?finding={finding['id']}"), ("finding", f"/findings/{finding['id']}")):
            viewer.open(page)
            wait_until(lambda: _shows_a_picture(viewer), 20)
            viewer.page.screenshot(path=folder / f"demo-photos-{name}.png")
        return viewer.problems


def test_with_real_photos_it_finds_real_damage_and_the_page_shows_it(tmp_path: Path, data_folder: Path) -> None:
    file, folder, has_browser = tmp_path / "summary.json", _screenshot_folder(tmp_path), _has_browser()
    world = make_world(seed=0, buses=6, frames=data_folder, is_dense=True)
    options = ("--for", "60", "--json", str(file), "--frames", str(data_folder), "--buses", "6", "--full", "2")
    with running_demo(*options) as demo:
        problems = _look(demo.url(), world, folder) if has_browser else []
        assert demo.wait(180) == 0, demo.text
    assert problems == []
    summary = read_summary(file)
    assert_nothing_lost(summary)
    assert summary["found"] >= 1
    assert summary["found"] > summary["invented"]
    if not has_browser:
        pytest.skip("the demo was right, but no browser is installed to look at its page")
