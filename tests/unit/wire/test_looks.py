"""How sure the pictures of one pass make."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.error_model import Confidence
from wire.looks import (
    CORRELATION,
    FLASH_SHARE,
    LIKENESS_SHARE,
    PATCH_SHARE,
    STEPS,
    Looks,
    chances,
    false_things,
    probabilities,
    probability,
)

SURE = Confidence.model_validate({"hit": (6.0, 2.0), "false": (3.0, 3.0)})
RATE = st.floats(0.02, 0.95)


def log_ratio(*, found: int = 1, missed: int = 0, lacked: int = 0, rate: float = 0.6, gain: float = 0.0) -> float:
    looks = Looks()
    for _ in range(lacked):
        looks.lack(rate)
    for _ in range(found):
        looks.find(rate, gain)
    for _ in range(missed):
        looks.miss(rate)
    return looks.log_ratio.item()


def of_steps(steps: str, *, rate: float = 0.5) -> float:
    """After the first look, one after the other."""
    looks = Looks()
    looks.find(rate, 0.0)
    for step in steps:
        if step == "+":
            looks.find(rate, 0.0)
        else:
            looks.miss(rate)
    return looks.log_ratio.item()


@given(rate=RATE, gain=st.floats(-3, 3))
def test_a_single_look_says_what_its_confidence_says(rate: float, gain: float) -> None:
    assert log_ratio(rate=rate, gain=gain) == pytest.approx(gain, abs=1e-9)


@given(rate=st.floats(0.05, 0.95))
def test_two_pictures_hang_together_as_much_as_was_measured(rate: float) -> None:
    by_luck = chances(rate)
    assert by_luck.mean() == pytest.approx(rate, abs=0.02)
    both = float((by_luck**2).mean())
    assert both == pytest.approx(rate * (CORRELATION + (1 - CORRELATION) * rate), abs=0.02)


def test_a_picture_without_it_speaks_for_a_flash() -> None:
    missed = 0.6 * (1 - CORRELATION - (1 - CORRELATION) * 0.6) / 0.6
    nothing = FLASH_SHARE + PATCH_SHARE / 2 + LIKENESS_SHARE * (1 + missed) / 2
    assert log_ratio(missed=1) == pytest.approx(math.log(missed / nothing), abs=0.03)
    nothing = PATCH_SHARE / 2 + LIKENESS_SHARE * (1 - missed) / 2
    assert log_ratio(found=2) == pytest.approx(math.log((1 - missed) / nothing), abs=0.03)


def test_what_flashes_up_once_is_no_damage_that_every_picture_shows() -> None:
    assert log_ratio(missed=6, rate=0.8) < -2.0
    assert log_ratio(missed=6, rate=0.1) > -1.8, "of small damage one look is all there is"


def test_what_is_found_again_is_no_flash() -> None:
    assert of_steps("----+", rate=0.4) > 0 > of_steps("-----", rate=0.4)


def test_many_pictures_of_one_pass_are_not_many_witnesses() -> None:
    ratios = [log_ratio(found=found, gain=0.5) for found in (1, 2, 8, 60)]
    assert ratios == sorted(ratios)
    assert max(ratios) < 7.0
    assert log_ratio(found=2) > log_ratio(found=2, missed=1)


@given(lacked=st.integers(0, 30), rate=RATE)
def test_what_should_have_been_seen_before_is_less_likely(lacked: int, rate: float) -> None:
    assert log_ratio(lacked=lacked + 1, rate=rate) <= log_ratio(lacked=lacked, rate=rate) <= 1e-9


def test_what_is_found_again_was_hidden_before() -> None:
    assert log_ratio(found=3, lacked=20) == pytest.approx(log_ratio(found=3))


@given(st.text("+-", max_size=10), st.randoms())
def test_the_order_of_pictures_between_the_first_and_the_last_look_does_not_matter(steps: str, chance: Random) -> None:
    shuffled = "".join(chance.sample(steps, len(steps)))

    assert of_steps(steps + "+") == pytest.approx(of_steps(shuffled + "+"))


@given(st.text("+-", max_size=8), st.integers(1, 4))
def test_what_is_not_seen_from_nearer_by_is_rather_a_likeness(steps: str, missed: int) -> None:
    assert of_steps(steps + "+" + "-" * missed) < of_steps(steps + "-" * missed + "+")


def test_many_passes_at_once_are_summed_up_as_each_alone() -> None:
    rng = np.random.default_rng(5)
    rates = np.sort(rng.random((200, 12)), axis=1) * 0.9
    rates[:, :2] = 0.0
    hits = rng.random(rates.shape) < np.maximum(rates, 0.02) / 2
    confidences = rng.beta(*SURE.hit, rates.shape)

    at_once = probabilities(hits, rates, confidences, SURE)

    for row in range(len(hits)):
        looks = Looks()
        was_found = False
        for is_hit, rate, share in zip(hits[row], rates[row], confidences[row], strict=True):
            if is_hit:
                looks.find(rate, SURE.gain(share))
                was_found = True
            elif was_found:
                looks.miss(rate)
            else:
                looks.lack(rate)
        alone = probability(SURE.neutral, looks.log_ratio).item() if was_found else math.nan
        assert at_once[row] == pytest.approx(alone, nan_ok=True)


def test_rates_that_all_passes_share_are_given_once() -> None:
    rng = np.random.default_rng(6)
    rates = rng.random((1, 5))
    hits, confidences = rng.random((40, 5)) < 0.3, rng.beta(*SURE.hit, (40, 5))

    once, each = (probabilities(hits, some, confidences, SURE) for some in (rates, np.repeat(rates, 40, axis=0)))

    np.testing.assert_array_equal(once, each)


def test_a_hundred_million_to_one_is_still_a_number() -> None:
    looks = Looks()
    for _ in range(200):
        looks.find(0.95, 3.0)
    for _ in range(200):
        looks.miss(0.95)
    assert np.isfinite(looks.log_ratio).all()


def test_said_as_often_as_it_is_true() -> None:
    """Of things drawn as the four stories have them, those called 70 % sure are there in 70 of 100."""
    rng = np.random.default_rng(7)
    count, pictures = 60_000, 9
    rates = np.broadcast_to(rng.choice([0.2, 0.5, 0.8], (count, 1)), (count, pictures))
    lucks = chances(rates[:, 0])
    damage = rng.random((count, pictures)) < np.take_along_axis(lucks, rng.integers(STEPS, size=(count, 1)), axis=1)
    first = np.arange(pictures) == 0
    patch = np.logical_or(rng.random((count, pictures)) < rng.beta(2, 2, (count, 1)), first)
    lucky = (lucks.cumsum(axis=1) < rng.random((count, 1)) * lucks.sum(axis=1, keepdims=True)).sum(axis=1)[:, None]
    alike = np.logical_or(rng.random((count, pictures)) < np.take_along_axis(lucks, lucky, axis=1), first)
    likeness = alike & (np.arange(pictures) < rng.integers(1, pictures, size=(count, 1), endpoint=True))
    story, is_damage = rng.random((count, 1)), rng.random(count) < 0.5
    lasts = np.where(story < PATCH_SHARE, patch, likeness)
    nothing = np.where(story < PATCH_SHARE + LIKENESS_SHARE, lasts, first)
    hits = np.where(is_damage[:, None], damage, nothing)
    seen_at_once = hits[:, 0]
    hits, is_damage, rates = hits[seen_at_once], is_damage[seen_at_once], rates[seen_at_once]
    indifferent = Confidence.model_validate({"hit": (4.0, 4.0), "false": (4.0, 4.0)})

    said = probabilities(hits, rates, np.full(hits.shape, 0.5), indifferent)

    for rate in (0.2, 0.5, 0.8):  # each found at once in such a share, so it is damage so much less often than half
        of_rate = rates[:, 0] == rate
        odds = said[of_rate] / (1 - said[of_rate]) * rate
        believed, true = odds / (1 + odds), is_damage[of_rate]
        for low in np.arange(0.0, 1.0, 0.2):
            bin_ = (believed >= low) & (believed < low + 0.2)
            if bin_.sum() > 500:
                assert true[bin_].mean() == pytest.approx(believed[bin_].mean(), abs=0.05)


def test_things_that_are_none_make_the_false_alarms_that_were_measured() -> None:
    flash, patch, likeness = false_things(np.full((4000, 9), 0.6), np.random.default_rng(3))

    alarms = sum(things.of_an_alarm * things.hits.sum(axis=1).mean() for things in (flash, patch, likeness))
    assert alarms == pytest.approx(1.0)
    assert (flash.hits.sum(axis=1) == 1).all()
    by_picture = likeness.hits.mean(axis=0)
    assert by_picture[0] == pytest.approx(0.6, abs=0.03)
    assert (np.diff(by_picture) < 0.02).all()
    assert by_picture[-1] < 0.1, "seen for what they are from nearer by"
    assert patch.hits.mean(axis=0) == pytest.approx(np.full(9, 0.5), abs=0.03)


def test_between_the_means_lies_the_confidence_that_says_nothing() -> None:
    known = Confidence.model_validate({"hit": (9.0, 3.0), "false": (4.0, 5.0)})
    assert 4 / 9 < known.neutral < 9 / 12
    assert known.gain(known.neutral) == pytest.approx(0.0, abs=1e-6)


def test_where_false_alarms_are_as_sure_as_hits_confidence_says_nothing() -> None:
    assert Confidence.model_validate({"hit": (4.0, 4.0), "false": (4.0, 4.0)}).neutral == 0.5
