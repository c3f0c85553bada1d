from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from simulator.errors import SimulatorError
from simulator.exposure import Exposures
from simulator.readback import CloudReader, FindingFeature
from simulator.watching import LOOK_EVERY_S, Watching
from simulator.world import World, make_world

BEGAN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class FakeReader(CloudReader):
    """A cloud that believes what it is told to, or does not answer."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.believed: list[FindingFeature] = []
        self.is_away = False

    def group_of(self) -> Mapping[str, str]:
        return {}

    def findings(self) -> list[FindingFeature]:
        if self.is_away:
            raise SimulatorError("nobody answers")
        return self.believed

    def findings_of_cases(self) -> set[str]:
        return set()


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=0, buses=1, frames=None)


def _claim(world: World, number: int) -> FindingFeature:
    defect = world.truth.defects[number]
    properties = {
        "class_code": defect.class_code,
        "state": "open",
        "existence": 0.9,
        "passes_seen": 2,
        "passes_missed": 0,
    }
    return FindingFeature.model_validate(
        {"id": f"f{number}", "geometry": {"coordinates": [defect.lon, defect.lat]}, "properties": properties}
    )


def _shown(world: World, *numbers: int) -> Exposures:
    exposures = Exposures()
    for number in numbers:
        exposures.add(world.truth.defects[number].id, frames=5)
    return exposures


def test_what_was_found_is_noted_with_when_and_after_how_many_passes(world: World) -> None:
    exposures, reader = _shown(world, 0, 1), FakeReader()
    watching = Watching(world, exposures, name="town-0", seed=0, facts={})
    watching.look(reader, elapsed_s=10, began_at=BEGAN)
    exposures.add(world.truth.defects[0].id, frames=5)
    reader.believed = [_claim(world, 0)]
    watching.look(reader, elapsed_s=40, began_at=BEGAN)
    found, missed = watching.ledger.watched
    assert (found.shown_before_found, missed.found_day) == (2, None)
    assert found.found_day == pytest.approx(40 / 86_400)
    assert found.off_m is not None
    assert found.off_m < 0.1
    assert [(day.found, day.missed, day.invented) for day in watching.ledger.days] == [(0, 2, 0), (1, 1, 0)]


def test_it_looks_every_few_seconds_only_and_bears_with_a_cloud_that_is_away(world: World) -> None:
    reader = FakeReader()
    watching = Watching(world, _shown(world, 0), name="town-0", seed=0, facts={})
    for elapsed_s in (1.0, LOOK_EVERY_S, LOOK_EVERY_S + 1):
        watching.look(reader, elapsed_s=elapsed_s, began_at=BEGAN)
    assert len(watching.ledger.days) == 1
    reader.is_away = True
    watching.look(reader, elapsed_s=3 * LOOK_EVERY_S, began_at=BEGAN)
    assert len(watching.ledger.days) == 1
