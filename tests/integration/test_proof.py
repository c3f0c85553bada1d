"""A proof of a repair weighs passes as the fusion did: real database, real worker."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.cases import proof
from cloud.cases.proof import read_passes_after
from cloud.cases.verification import PassAfter
from cloud.db.pool import connect
from cloud.findings.error_models import register
from cloud.findings.rates import assumed_surer
from tests.integration.town import Town
from wire.error_model import load_error_model

BEFORE_ALL = datetime(2020, 1, 1, tzinfo=UTC)
MEASURED = load_error_model(Path("models/road_damage/error_model.json"))
MODEL = {"name": MEASURED.model.name, "version": MEASURED.model.version, "sha256": MEASURED.model.sha256}


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def passes_of(town: Town) -> list[PassAfter]:
    (finding,) = town.findings()
    with connect(town.url) as connection:
        return read_passes_after(
            connection, finding["id"], done_at=BEFORE_ALL, class_code="D40", catalogue=town.catalogue
        )


def pothole(town: Town) -> None:
    """Seen by two buses of the measured model, then looked for in vain."""
    town.sees(bus="bus-1", confidence=0.99, model=MODEL)
    town.sees(bus="bus-2", minutes=10, confidence=0.7, model=MODEL)
    town.looks(bus="bus-3", minutes=20, model=MODEL)
    town.store()
    town.work()


def test_passes_are_weighed_by_what_was_measured(town: Town) -> None:
    with connect(town.url) as connection:
        register(connection, MEASURED, at=datetime.now(UTC))
    pothole(town)
    sure, unsure, missed = passes_of(town)

    assert [each.is_seen for each in (sure, unsure, missed)] == [True, True, False]
    assert all(each.rates.is_measured for each in (sure, unsure, missed))
    assert sure.rates.surer > 0 > unsure.rates.surer
    rows = town.rows("SELECT surer FROM finding_passes ORDER BY at")
    assert [each.rates.surer for each in (sure, unsure, missed)] == [row["surer"] for row in rows]


def test_pass_that_was_weighed_before_counts_as_the_catalogue_assumes(town: Town) -> None:
    pothole(town)
    town.change("UPDATE finding_passes SET surer = NULL, hit = NULL, false_alarm = NULL")
    sure, _, missed = passes_of(town)
    entry = town.catalogue.classes["D40"]

    assert sure.rates.surer == pytest.approx(assumed_surer(0.99, entry))
    assert (sure.rates.hit, sure.rates.false_alarm) == (entry.hit_rate, entry.false_alarm_rate)
    assert missed.rates.surer == 0.0


def test_pass_in_poor_light_proves_less_of_a_repair(town: Town) -> None:
    """From the message to the rates by which the fleet verifies."""
    with connect(town.url) as connection:
        register(connection, MEASURED, at=datetime.now(UTC))
    pothole(town)
    town.looks(bus="bus-4", minutes=30, model=MODEL, quality="dark")
    town.store()
    town.work()
    *_, by_day, in_the_dark = passes_of(town)

    told = [row["quality"] for row in town.rows("SELECT quality FROM finding_passes ORDER BY at")]
    assert told == [None, None, None, "dark"]
    assert not any(each.is_seen for each in (by_day, in_the_dark))
    assert in_the_dark.rates.hit < by_day.rates.hit


def test_glances_that_prove_nothing_do_not_hide_a_pass_that_does(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "MAX_PASSES", 3)
    pothole(town)
    town.looks(bus="bus-4", minutes=30, model=MODEL)
    town.store()
    town.work()
    town.change("UPDATE finding_passes SET looked_share = 0.01 WHERE device = 'bus-3'")
    *seen, last = passes_of(town)
    assert all(taken.is_seen for taken in seen)
    assert last.looked_share > 0.5
