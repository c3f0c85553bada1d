"""What counts as driving and what as rest, also where nobody looked on."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.config import DrivingSettings
from edge_agent.readings import GnssReading
from edge_agent.scenarios.safe_driving.rests import Driven, DrivenFile, LongDrivingRule
from edge_agent.scenarios.safe_driving.rules import Event, Whereabout
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from wire.messages import DrivingKind

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
KM = 0.0101  # degrees of longitude at 27.5 north


def fixes(*parts: tuple[float, float], start_s: float = 0.0, lon: float = 120.4) -> list[Whereabout]:
    """A fix each five seconds: (seconds, speed) after each other, at one place."""
    found: list[Whereabout] = []
    for seconds, speed in parts:
        for _ in range(round(seconds / 5)):
            start_s += 5
            at = START + timedelta(seconds=start_s)
            found.append(Whereabout(at=at, lon=lon, lat=27.5, speed_mps=speed))
    return found


def all_of(rule: LongDrivingRule, taken: Sequence[Whereabout]) -> list[Event]:
    return [event for fix in taken if (event := rule.take(fix)) is not None]


def rule(driven: Driven | None = None) -> LongDrivingRule:
    return LongDrivingRule(driving_s=3600, rest_s=1200, driven=driven)


def test_long_driving_is_told_once_and_stops_for_passengers_are_part_of_it() -> None:
    way = [(600.0, 8.0), (60.0, 0.0)] * 12
    (event,) = all_of(rule(), fixes(*way))
    assert event.kind is DrivingKind.LONG_DRIVING
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(3600, abs=10)


def test_a_rest_begins_it_anew_and_a_short_one_does_not() -> None:
    assert all_of(rule(), fixes((3000, 8), (1300, 0), (3000, 8))) == []
    assert len(all_of(rule(), fixes((3000, 8), (1000, 0), (3000, 8)))) == 1


def test_a_gap_that_ends_elsewhere_counts_neither_as_driving_nor_as_rest() -> None:
    watched = rule()
    assert all_of(watched, [*fixes((3000, 8)), *fixes((500, 8), start_s=10_200, lon=120.4 + 5 * KM)]) == []
    assert len(all_of(watched, fixes((300, 8), start_s=10_700, lon=120.4 + 5 * KM))) == 1


def test_a_gap_as_long_as_a_rest_that_ends_where_it_began_is_a_rest() -> None:
    night = [*fixes((3000, 8)), *fixes((3000, 8), start_s=3000 + 28_800, lon=120.4 + 0.3 * KM)]
    assert all_of(rule(), night) == []


def test_a_short_gap_at_one_place_is_no_rest() -> None:
    assert len(all_of(rule(), [*fixes((3000, 8)), *fixes((900, 8), start_s=3000 + 600)])) == 1


def test_a_time_that_goes_back_neither_adds_nor_takes() -> None:
    watched = rule()
    all_of(watched, fixes((1000, 8)))
    watched.take(fixes((5, 8))[0])
    assert watched.driven.driven_s == pytest.approx(995)


@pytest.mark.parametrize("after_s", [5, 700, 2995])
def test_a_rule_that_goes_on_says_what_one_that_was_not_stopped_says(after_s: int, tmp_path: Path) -> None:
    way = fixes((3000, 8), (60, 0), (1000, 8))
    whole = all_of(rule(), way)
    first = rule()
    found = all_of(first, way[: after_s // 5])
    file = DrivenFile(tmp_path / "driven.json")
    file.keep(first.driven)
    found += all_of(rule(file.read()), way[after_s // 5 :])
    assert found == whole


def test_it_is_written_once_a_minute(tmp_path: Path) -> None:
    file = DrivenFile(tmp_path / "driven.json")
    watched = rule()
    kept: set[Driven] = set()
    for fix in fixes((600, 8)):
        watched.take(fix)
        file.keep_when_due(watched.driven)
        kept.add(file.read())
    assert len(kept) == 10


@pytest.mark.parametrize("content", [b"", b"{", b'{"driven_s": "much"}', b"\xff\xfe"])
def test_a_damaged_file_is_no_memory(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "driven.json"
    path.write_bytes(content)
    assert DrivenFile(path).read() == Driven()
    assert "driven_time_lost" in caplog.text


def test_a_disk_that_refuses_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    DrivenFile(tmp_path / "gone" / "driven.json").keep(Driven(driven_s=1))
    assert "driven_time_not_kept" in caplog.text


def test_an_agent_that_is_restarted_on_the_way_still_asks_for_the_rest(tmp_path: Path) -> None:
    settings = DrivingSettings(driving_s=3600, rest_s=1200)
    kinds: list[DrivingKind] = []
    for part in range(4):
        scenario = SafeDriving(settings, DrivenFile(tmp_path / "driven.json"))
        for second in range(part * 1000, (part + 1) * 1000):
            at = START + timedelta(seconds=second)
            lon = 120.4 + second * 8 / 1000 * KM
            fix = GnssReading(at=at, lon=lon, lat=27.5, speed_mps=8.0, heading_deg=90.0, accuracy_m=3.0)
            kinds += [happening.message.kind for happening in scenario.take(fix, None)]
        kinds += [happening.message.kind for happening in scenario.end()]
    assert kinds == [DrivingKind.LONG_DRIVING]
