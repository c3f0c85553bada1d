import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cases.handling import shipped_handling
from cloud.cases.verification import Judgement, PassAfter, Rates, judge, looks_needed, still_there

RULES = shipped_handling().verification
SURE = Rates(hit=0.9, false_alarm=0.02, usual_confidence=0.5)
DULL = Rates(hit=0.4, false_alarm=0.05, usual_confidence=0.5)
RATES = st.builds(
    Rates, hit=st.floats(0.3, 0.98), false_alarm=st.floats(0.001, 0.2), usual_confidence=st.floats(0.3, 0.7)
)


def miss(rates: Rates = SURE, *, looked_share: float = 1.0) -> PassAfter:
    return PassAfter(looked_share=looked_share, confidence=None, rates=rates)


def sight(rates: Rates = SURE, *, confidence: float = 0.7) -> PassAfter:
    return PassAfter(looked_share=1.0, confidence=confidence, rates=rates)


def judged(*passes: PassAfter) -> Judgement:
    return judge(passes, rules=RULES)


def test_nothing_is_decided_without_a_pass() -> None:
    assert judged() is Judgement.WAIT


def test_glance_at_the_edge_proves_nothing() -> None:
    assert judged(*[miss(looked_share=0.02)] * 500) is Judgement.WAIT


def test_looks_that_see_nothing_verify() -> None:
    assert judged(miss()) is Judgement.WAIT
    assert judged(miss(), miss()) is Judgement.VERIFIED


def test_how_many_looks_depends_on_the_hit_rate() -> None:
    assert looks_needed(rates=SURE, rules=RULES) == 2
    assert looks_needed(rates=DULL, rules=RULES) == 6


def test_sighting_reopens() -> None:
    assert judged(sight()) is Judgement.STILL_THERE


def test_unsure_sighting_beside_a_look_that_saw_nothing_waits_for_more() -> None:
    assert judged(miss(), sight(confidence=0.1)) is Judgement.WAIT


@given(rates=RATES)
def test_needed_looks_are_just_enough(rates: Rates) -> None:
    needed = looks_needed(rates=rates, rules=RULES)

    assert judged(*[miss(rates)] * needed) is Judgement.VERIFIED
    assert judged(*[miss(rates)] * (needed - 1)) is Judgement.WAIT


@given(rates=RATES, share=st.floats(0.05, 1), confidence=st.floats(0.01, 0.99))
def test_a_miss_lowers_and_a_sighting_never_lowers(rates: Rates, share: float, confidence: float) -> None:
    before = still_there([], rules=RULES)

    assert still_there([miss(rates, looked_share=share)], rules=RULES) < before
    assert still_there([sight(rates, confidence=confidence)], rules=RULES) >= before - 1e-12


@given(
    passes=st.lists(st.sampled_from([miss(), miss(DULL), sight(), miss(looked_share=0.02)]), max_size=12),
    order=st.randoms(),
)
def test_order_of_passes_does_not_matter(passes: list[PassAfter], order: random.Random) -> None:
    shuffled = list(passes)
    order.shuffle(shuffled)

    assert still_there(shuffled, rules=RULES) == pytest.approx(still_there(passes, rules=RULES))
