import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.findings.catalogue import load_catalogue
from cloud.findings.fuse import MAX_LOG_ODDS, fuse
from cloud.findings.geometry import metres_between, sigma_m
from cloud.findings.model import FindingState, Observation, Severity
from tests.unit.cloud.findings.builders import ORIGIN_LAT, ORIGIN_LON, look, observation

CATALOGUE = load_catalogue()


def seen(count: int, **changes: object) -> list[Observation]:
    return [observation(minutes=number * 10, device=f"bus-{number % 5}", **changes) for number in range(count)]  # pyright: ignore[reportArgumentType]


def test_one_sighting_of_usual_confidence_is_a_candidate() -> None:
    fused = fuse(seen(1), [], catalogue=CATALOGUE)

    assert fused.state is FindingState.CANDIDATE
    assert fused.existence == pytest.approx(0.718, abs=0.001)  # odds 1/9 x (1 - 0.6 + 0.6/0.04 x (0.6/0.4)/(0.5/0.5))


def test_second_pass_that_sees_it_opens_the_finding() -> None:
    assert fuse(seen(2), [], catalogue=CATALOGUE).state is FindingState.OPEN


def test_two_observations_of_one_pass_are_worth_one() -> None:
    once = fuse([observation()], [], catalogue=CATALOGUE)
    twice = fuse([observation(), observation(north_m=0.5)], [], catalogue=CATALOGUE)

    assert twice.existence == once.existence
    assert len(twice.passes) == 1


def test_existence_rises_with_passes_that_saw_it() -> None:
    beliefs = [fuse(seen(count), [], catalogue=CATALOGUE).existence for count in range(1, 8)]

    assert beliefs == sorted(beliefs)
    assert beliefs[0] < beliefs[1]


def test_existence_falls_with_passes_that_looked_and_saw_nothing() -> None:
    looks = [look(minutes=100 + number * 10, device="bus-9") for number in range(12)]
    beliefs = [fuse(seen(3), looks[:count], catalogue=CATALOGUE).existence for count in range(12)]

    assert beliefs == sorted(beliefs, reverse=True)
    assert fuse(seen(3), looks, catalogue=CATALOGUE).state is FindingState.GONE


def test_bad_look_counts_less() -> None:
    good = fuse(seen(2), [look(minutes=60)], catalogue=CATALOGUE)
    bad = fuse(seen(2), [look(minutes=60, share=0.2)], catalogue=CATALOGUE)

    assert good.existence < bad.existence


def test_look_before_the_first_sighting_does_not_count() -> None:
    """Damage appears one day; that nothing was there before says nothing against it."""
    observations = seen(2)

    assert fuse(observations, [look(minutes=-600)], catalogue=CATALOGUE) == fuse(observations, [], catalogue=CATALOGUE)


def test_coverage_of_the_pass_that_saw_it_does_not_count_against_it() -> None:
    with_look = fuse(seen(1), [look(device="bus-0", share=0.9)], catalogue=CATALOGUE)

    assert with_look.existence == fuse(seen(1), [], catalogue=CATALOGUE).existence


def test_gone_damage_that_is_seen_again_is_a_candidate_again() -> None:
    looks = [look(minutes=100 + number * 10, device="bus-9") for number in range(12)]
    again = observation(minutes=1000)

    assert fuse(seen(3), looks, catalogue=CATALOGUE).state is FindingState.GONE
    assert fuse([*seen(3), again], looks, catalogue=CATALOGUE).state is FindingState.CANDIDATE


def test_thousand_sightings_do_not_outlive_a_repair() -> None:
    beliefs = fuse(seen(200), [], catalogue=CATALOGUE)

    assert beliefs.existence == pytest.approx(1 / (1 + np.exp(-MAX_LOG_ODDS)))


def test_surest_position_weighs_most() -> None:
    near = observation(north_m=0.0, along_m=1.0)
    far = observation(north_m=10.0, along_m=9.0, minutes=30)
    fused = fuse([near, far], [], catalogue=CATALOGUE)
    offset = metres_between(lon=fused.lon, lat=fused.lat, origin_lon=ORIGIN_LON, origin_lat=ORIGIN_LAT)

    assert offset[1] == pytest.approx(10 / 82, abs=1e-3)


def test_sigma_shrinks_with_passes_but_not_below_what_they_share() -> None:
    sigmas = [sigma_m(fuse(seen(count), [], catalogue=CATALOGUE).covariance) for count in (1, 4, 100)]

    assert sigmas[0] > sigmas[1] > sigmas[2] > 0.5


def test_many_passes_come_near_the_truth() -> None:
    generator = np.random.default_rng(7)
    errors = generator.normal(scale=(1.5, 3.0), size=(30, 2))
    observations = [
        observation(minutes=number * 10, east_m=east, north_m=north) for number, (east, north) in enumerate(errors)
    ]
    fused = fuse(observations, [], catalogue=CATALOGUE)
    offset = metres_between(lon=fused.lon, lat=fused.lat, origin_lon=ORIGIN_LON, origin_lat=ORIGIN_LAT)

    assert np.hypot(*offset) < 1.0


@pytest.mark.parametrize(
    ("area_m2", "expected"),
    [(None, Severity.MEDIUM), (0.01, Severity.LIGHT), (0.05, Severity.MEDIUM), (0.1, Severity.HEAVY)],
)
def test_severity_follows_the_size(area_m2: float | None, expected: Severity) -> None:
    assert fuse(seen(1, area_m2=area_m2), [], catalogue=CATALOGUE).severity is expected


def test_net_that_became_a_hole_is_a_hole() -> None:
    grown = [observation(minutes=100_000 + number * 10) for number in range(10)]

    assert fuse([*seen(10, class_code="D20"), *grown], [], catalogue=CATALOGUE).class_code == "D40"


def test_best_picture_stands_for_the_finding() -> None:
    observations = [observation(picture_sha256="a"), observation(minutes=60, confidence=0.9, picture_sha256="b")]

    assert fuse(observations, [], catalogue=CATALOGUE).picture_sha256 == "b"


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 12))
def test_order_of_arrival_does_not_matter(seed: int, count: int, looked: int) -> None:
    generator = random.Random(seed)
    observations = [
        observation(
            minutes=generator.uniform(0, 500), device=f"bus-{generator.randrange(4)}", north_m=generator.gauss()
        )
        for _ in range(count)
    ]
    looks = [
        look(minutes=generator.uniform(0, 500), device=f"bus-{generator.randrange(4)}", share=generator.random())
        for _ in range(looked)
    ]
    expected = fuse(observations, looks, catalogue=CATALOGUE)
    generator.shuffle(observations)
    generator.shuffle(looks)

    assert fuse(observations, looks, catalogue=CATALOGUE) == expected


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), max_size=20))
def test_belief_stays_a_probability(confidences: list[float], shares: list[float]) -> None:
    observations = [observation(minutes=number, confidence=value) for number, value in enumerate(confidences)]
    looks = [look(minutes=number * 3, device="bus-2", share=value) for number, value in enumerate(shares)]
    fused = fuse(observations, looks, catalogue=CATALOGUE)

    assert all(0 < taken.probability_after < 1 for taken in fused.passes)


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.floats(0, 1))
def test_sighting_never_counts_against(confidence: float) -> None:
    more = [*seen(2), observation(minutes=500, confidence=confidence)]

    assert fuse(more, [], catalogue=CATALOGUE).existence >= fuse(seen(2), [], catalogue=CATALOGUE).existence
