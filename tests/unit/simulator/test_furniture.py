"""Street furniture of an invented town."""

from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.ego import EgoState
from edge_agent.scenarios.street_furniture.kinds import read_outlines
from edge_agent.scenarios.street_furniture.place import place_of
from simulator.frames import DRAWN_CAMERA
from simulator.furniture import (
    FORMS,
    MANIFEST,
    PARKED_S,
    TREE_S,
    Fate,
    Fixture,
    Fixtures,
    FurnitureEyes,
    box_of,
    fixtures_geojson,
)
from simulator.route import Pose
from simulator.world import furniture_of, make_world

_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORLD = make_world(seed=3, buses=10, frames=None, is_dense=True)
EVERY_FATE = {fixture.fate: fixture for fixture in WORLD.fixtures.all}


def test_same_seed_same_things() -> None:
    assert furniture_of(seed=3, buses=10) == WORLD.fixtures.all
    assert furniture_of(seed=4, buses=10) != WORLD.fixtures.all


def test_list_leaves_out_what_is_to_be_learned() -> None:
    listed = {feature["id"] for feature in fixtures_geojson(WORLD.fixtures.all)["features"]}
    assert {fixture.id for fixture in WORLD.fixtures.all} - listed
    assert listed


@pytest.mark.parametrize(
    ("fate", "after_s", "shown"),
    [
        (Fate.STANDS, 1e6, 1.0),
        (Fate.GOES, -1.0, 1.0),
        (Fate.GOES, 1.0, 0.0),
        (Fate.OVERGROWN, TREE_S / 2, 0.5),
        (Fate.OVERGROWN, 1e6, 0.1),
        (Fate.PARKED, PARKED_S / 2, 0.0),
        (Fate.PARKED, PARKED_S + 1, 1.0),
    ],
)
def test_what_befalls_a_thing_shows_from_its_time_on(fate: Fate, after_s: float, shown: float) -> None:
    fixture = EVERY_FATE[fate]
    fixtures = Fixtures(WORLD.fixtures.all)
    fixtures.begin(lambda: fixture.from_s + after_s)
    assert fixtures.shown(fixture) == pytest.approx(shown)
    fixtures.restore(fixture)
    assert fixtures.shown(fixture) == 1.0


def test_people_find_only_what_is_really_wrong() -> None:
    fixture = EVERY_FATE[Fate.GOES]
    fixtures = Fixtures((fixture,))

    def looked_for(class_code: str) -> Fixture | None:
        plane = WORLD.town.plane
        return fixtures.with_problem_near(class_code, plane=plane, lon=fixture.lon, lat=fixture.lat)

    assert looked_for(f"{fixture.kind}_MISSING") is None  # it has not gone yet
    fixtures.begin(lambda: fixture.from_s + 1.0)
    assert looked_for(f"{fixture.kind}_MISSING") == fixture
    assert looked_for("NOTHING_MISSING") is None


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_box_leads_back_to_where_the_thing_stands(kind: str) -> None:
    ego = EgoState(at=_NOON, lon=120.4, lat=27.5, speed_mps=8.0, heading_deg=0.0, accuracy_m=1.0)
    box = box_of(DRAWN_CAMERA, kind, forward_m=12.0, right_m=3.0)
    assert box is not None
    point = place_of(np.array(box, np.float32), read_outlines(MANIFEST)[kind], ego=ego, camera=DRAWN_CAMERA)
    assert point is not None
    assert (point.road.forward_m, point.road.right_m) == (pytest.approx(12.0, abs=0.7), pytest.approx(3.0, abs=0.3))


def test_eyes_see_what_stands_and_not_what_is_gone() -> None:
    fixture = EVERY_FATE[Fate.GOES]
    line = next(line for line in WORLD.lines if line.id == fixture.line_id)
    fixtures = Fixtures((fixture,))
    eyes = FurnitureEyes(fixtures, line, camera=DRAWN_CAMERA, rng=np.random.default_rng(1))

    def times_seen() -> int:
        seen = 0
        for lap in range(100):
            image = np.zeros((4, 4, 3), np.uint8)
            spot, heading = line.place(fixture.along_m - 12.0)
            along_m = fixture.along_m - 12.0
            eyes.remember(image, Pose(spot=spot, heading_deg=heading, speed_mps=8.0, along_m=along_m, lap=lap))
            seen += fixture.kind in eyes.detect(image).class_codes
        return seen

    assert times_seen() > 60
    fixtures.begin(lambda: fixture.from_s + 1.0)
    assert times_seen() < 20
