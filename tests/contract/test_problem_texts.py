"""The pages tell a bus's problems by their words: each pattern must know what a bus really says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.errors import UpdateError
from edge_agent.updates.merge import check_settings
from edge_agent.updates.slots import Slots
from edge_agent.updates.trial import MAX_STARTS, Work, verdict
from edge_agent.updates.wanted import split_settings
from tests.unit.edge_agent.updates.releases import FOREIGN, KEY, settings_release
from tests.unit.edge_agent.updates.test_slots import prepare
from wire.errors import PackageError
from wire.messages import CameraState
from wire.package import read_package

SOURCE = Path(__file__).parents[2] / "cloud" / "dashboard" / "src" / "fleet" / "problems.ts"
PATTERNS = dict(re.findall(r"^  (\w+): /(.+)/,$", SOURCE.read_text(), re.MULTILINE))


def slow() -> str:
    return judged(Work(frames_per_s=3.1, camera=CameraState.WORKING))


def blind() -> str:
    return judged(Work(frames_per_s=8.0, camera=CameraState.MISSING))


def judged(now: Work) -> str:
    before = Work(frames_per_s=8.0, camera=CameraState.WORKING)
    found = verdict(before=before, now=now, asked_per_s=8.0, passed_s=300, trial_s=300)
    assert found is not None
    return found.problem or ""


def refused(ask: Callable[[], object]) -> str:
    with pytest.raises((UpdateError, PackageError)) as caught:
        ask()
    return str(caught.value)


def foreign() -> str:
    _, problem = split_settings({"broker.url": "mqtt://elsewhere"})
    return problem or ""


def fixed() -> str:
    return refused(lambda: check_settings({"identity": {"device": "bus-2"}}))


def unsigned() -> str:
    release = settings_release("", pair=FOREIGN)
    said = refused(lambda: read_package(release.content, signature=release.signature, keys=[KEY]))
    return f"package {release.sha256[:8]}: {said}"


@pytest.mark.parametrize(
    ("problem", "say"),
    [("tooSlow", slow), ("camera", blind), ("foreign", foreign), ("fixed", fixed), ("unsigned", unsigned)],
)
def test_the_pages_know_what_a_bus_says(problem: str, say: Callable[[], str]) -> None:
    assert re.fullmatch(PATTERNS[problem], say()), say()


def test_the_pages_know_what_a_crash_loop_says(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    prepare(slots, 1)
    for _ in range(MAX_STARTS + 1):
        slots.start()
    assert re.fullmatch(PATTERNS["unfinished"], slots.report.problem or "")
    for _ in range(MAX_STARTS):
        slots.begin_attempt(2)
    assert re.fullmatch(PATTERNS["unopened"], refused(lambda: slots.begin_attempt(2)))
