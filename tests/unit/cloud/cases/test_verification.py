import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.cases.handling import shipped_handling
from cloud.cases.verification import Judgement, PassAfter, judge, still_there
from cloud.findings.rates import PassRates

RULES = shipped_handling().verification
SURE = PassRates(hit=0.9, false_alarm=0.02, surer=0.0, is_measured=True)
DULL = PassRates(hit=0.4, false_alarm=0.05, surer=0.0, is_measured=True)
RATES = st.builds(
    PassRates,
    hit=st.floats(0.05, 0.98),
    false_alarm=st.floats(0.001, 0.9),
    surer=st.floats(-4, 4),
    is_measured=st.booleans(),
)


def miss(rates: PassRates = SURE, *, looked_share: float = 1.0) -> PassAfter:
    return PassAfter(looked_share=looked_share, is_seen=False, rates=rates)


def sight(rates: PassRates = SURE, *, surer: float = 0.8) -> PassAfter:
    return PassAfter(looked_share=1.0, is_seen=True, rates=replace(rates, surer=surer))


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
    assert [judged(*[miss(DULL)] * looks) for looks in (4, 5)] == [Judgement.WAIT, Judgement.VERIFIED]
    assert [judged(*[miss(SURE)] * looks) for looks in (1, 2)] == [Judgement.WAIT, Judgement.VERIFIED]


def test_sighting_reopens() -> None:
    assert judged(sight()) is Judgement.STILL_THERE


def test_unsure_sighting_beside_a_look_that_saw_nothing_waits_for_more() -> None:
    assert judged(miss(), sight(surer=-2.2)) is Judgement.WAIT


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(rates=RATES, share=st.floats(0.05, 1), surer=st.floats(-4, 4))
def test_a_miss_lowers_and_a_sighting_never_lowers(rates: PassRates, share: float, surer: float) -> None:
    before = still_there([], rules=RULES)

    assert still_there([miss(rates, looked_share=share)], rules=RULES) < before
    assert still_there([sight(rates, surer=surer)], rules=RULES) >= before - 1e-12


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(
    passes=st.lists(st.sampled_from([miss(), miss(DULL), sight(), miss(looked_share=0.02)]), max_size=12),
    order=st.randoms(),
)
def test_order_of_passes_does_not_matter(passes: list[PassAfter], order: random.Random) -> None:
    shuffled = list(passes)
    order.shuffle(shuffled)

    assert still_there(shuffled, rules=RULES) == pytest.approx(still_there(passes, rules=RULES))
