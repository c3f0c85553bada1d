"""What a pass tells, against the tracker on the bus and against what every such rule must hold to."""

import math

import numpy as np
import pytest

from cloud.findings.told import CONFIRMED, Betas, told_of_damage, told_of_nothing, tracker_says
from edge_agent.scenarios.road_damage.evidence import Evidence
from edge_agent.scenarios.road_damage.known_errors import known_errors
from edge_agent.scenarios.road_damage.tracker import CONFIRMED as TRACKER_CONFIRMED
from tests.unit.cloud.findings.test_rates import error_model

BETAS = Betas((6.0, 2.0), (3.0, 3.0))


def test_sums_are_those_of_the_tracker() -> None:
    odds = known_errors(error_model(), input_scale=1.0).odds
    rates = np.array([0.0, 0.1, 0.3, 0.6, 0.7, 0.9])
    chance = np.random.default_rng(1)
    hits = chance.random((200, len(rates))) < 0.3
    confidences = chance.beta(*BETAS.hit, hits.shape)

    says = tracker_says(hits, confidences, rates, BETAS)

    for number in np.flatnonzero(hits.any(axis=1)):
        evidence = Evidence(odds=odds, class_code="D00")
        for rate, is_hit, confidence in zip(rates, hits[number], confidences[number], strict=True):
            again = min(max(math.sqrt(rate), odds.least_hit), odds.most_hit)
            if is_hit:
                evidence.see(confidence, class_code="D00", hit=again)
            elif evidence.looks:
                evidence.miss(hit=again)
            elif rate > 0:
                evidence.lack(hit=min(rate * (1 - odds.hidden), odds.most_hit))
        assert says[number] == pytest.approx(evidence.probability)
    assert CONFIRMED == TRACKER_CONFIRMED


def test_what_is_found_in_more_pictures_is_told_more_often_and_surer() -> None:
    tells = [told_of_damage((rate,) * 8, BETAS) for rate in (0.1, 0.4, 0.9)]

    assert [each.often for each in tells] == sorted(each.often for each in tells)
    assert tells[2].density(0.99) > tells[0].density(0.99)


def test_what_no_picture_shows_is_never_told() -> None:
    assert told_of_damage((0.0,) * 8, BETAS).often == 0.0


def test_twice_the_false_alarms_are_told_twice_as_often() -> None:
    assert told_of_nothing(0.2, BETAS).often == pytest.approx(2 * told_of_nothing(0.1, BETAS).often)


def test_small_false_alarms_are_told_more_often() -> None:
    """Of what is so small that even damage is hardly ever found twice, one look is taken for enough."""
    often = [told_of_nothing(0.1, BETAS, (rate,)).often for rate in (0.9, 0.4, 0.05)]

    assert often == sorted(often)
    assert often[0] < often[-1]


def test_each_share_of_sizes_counts_alike() -> None:
    mixed = told_of_nothing(0.1, BETAS, (0.1, 0.9)).often
    alone = [told_of_nothing(0.1, BETAS, (rate,)).often for rate in (0.1, 0.9)]

    assert mixed == pytest.approx(sum(alone) / 2, rel=0.05)


def test_sure_ones_are_rather_damage() -> None:
    damage, nothing = told_of_damage((0.6,) * 9, BETAS), told_of_nothing(0.1, BETAS)

    assert damage.density(0.97) > nothing.density(0.97)
    assert damage.density(0.5) < nothing.density(0.5)
