"""The rules of a year without a network: `benchmarks.year`, on a county so small that days take moments."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from benchmarks.year import Year, make_year
from benchmarks.year_findings import GONE_AFTER
from cloud.cases.lifecycle import ENDED
from cloud.cases.model import CaseState
from cloud.findings.growing import Growing
from cloud.findings.model import FindingState
from simulator.county.scenario import Scenario

MakeScenario = Callable[..., Scenario]
DAYS = 12


def _lived(scenario: Scenario, *, days: int = DAYS) -> Year:
    year = make_year(scenario, folder=Path(), every=1)
    for day in range(days):
        year.live(day)
    return year


@pytest.fixture(scope="module")
def scenario(make_scenario: MakeScenario) -> Scenario:
    return make_scenario(county={"lines": 1}, repairs={"jobs_a_day": 3, "bad_share": 0.0})


@pytest.fixture(scope="module")
def year(scenario: Scenario) -> Year:
    return _lived(scenario)


def test_most_holes_are_found_and_near_where_they_are(year: Year) -> None:
    holes = [each for each in year.ledger.watched if each.class_code == "D40" and each.shown_day < DAYS - 7]
    found = [each for each in holes if each.found_day is not None]
    assert len(holes) > 3
    assert len(found) >= 0.8 * len(holes)
    assert all(each.off_m is not None and each.off_m < 8 for each in found)


def test_repaired_damage_is_gone_and_verified_by_later_passes(year: Year) -> None:
    done = [each for each in year.ledger.opened if each.done_day is not None and each.done_day < DAYS - 7]
    verified = [each for each in done if each.verified_day is not None]
    assert len(done) > 3
    assert len(verified) >= 0.7 * len(done)
    assert all(each.done_day is not None and (each.verified_day or DAYS) > each.done_day for each in done)


def test_no_more_jobs_are_done_a_day_than_crews_can(year: Year) -> None:
    days = [int(each.done_day) for each in year.ledger.opened if each.done_day is not None]
    assert max(days.count(day) for day in days) <= 3


def test_what_is_not_there_is_rejected_by_the_desk(year: Year) -> None:
    for case in year.office.cases.values():
        if case.opened.meaning == "nothing" and case.opened.opened_day < DAYS - 2:
            assert case.state in {*ENDED, CaseState.DISPATCHED, CaseState.DONE}


def test_every_day_is_in_the_ledger_and_adds_up(year: Year) -> None:
    assert [day.day for day in year.ledger.days] == list(range(DAYS))
    assert all(day.found + day.missed == day.there for day in year.ledger.days)
    assert all(0 <= day.told_of_nothing <= day.told for day in year.ledger.days)
    assert sum(seen.shown for seen in year.ledger.by_month.values()) == sum(each.shown for each in year.ledger.watched)


def test_the_same_seed_lives_the_same_days(scenario: Scenario, year: Year) -> None:
    again = _lived(scenario, days=2)
    assert again.ledger.days == year.ledger.days[:2]


def test_a_finding_that_took_in_one_of_another_square_can_be_forgotten(scenario: Scenario) -> None:
    findings = _lived(scenario, days=1).findings
    one, other = next((a, b) for a, b in permutations(findings.all.values(), 2) if a.square != b.square)
    one.growing = Growing(one.number, other.growing.things[0])
    one.has_case, one.fused = False, replace(one.fused, state=FindingState.GONE)
    findings.forget(one.fused.last_seen_at + 2 * GONE_AFTER)
    assert one.number not in findings.all
