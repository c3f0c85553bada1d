"""Whether a thing stands where it should."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.scenarios.street_furniture.kinds import load_kinds
from cloud.scenarios.street_furniture.presence import Glance, Presence, free_view, standing_of, weighed

KINDS = load_kinds()
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def glances(
    pattern: str, *, every: timedelta = timedelta(hours=2), buses: int = 2, seen_beside: int = 3, missed_beside: int = 0
) -> list[Glance]:
    """Passes: `S` saw it, `M` missed it with a good view, `B` missed it and its neighbours, `.` hardly looked."""
    return [
        Glance(
            at=NOON + number * every,
            device=f"bus-{number % buses}",
            is_seen=letter == "S",
            looked_share=0.01 if letter == "." else 1.0,
            hit=0.8,
            false_alarm=0.03,
            neighbours_seen=0 if letter == "B" else seen_beside,
            neighbours_missed=3 if letter == "B" else missed_beside,
        )
        for number, letter in enumerate(pattern)
    ]


def is_missing(passes: Sequence[Glance]) -> bool:
    return standing_of(passes, kinds=KINDS).is_missing(KINDS.rules)


def is_hidden(passes: Sequence[Glance]) -> bool:
    return standing_of(passes, kinds=KINDS).is_hidden(KINDS.rules)


def test_a_thing_that_was_seen_and_then_never_again_is_missing() -> None:
    assert is_missing(glances("SSSSSSSS" + "M" * 8))


def test_a_thing_nobody_ever_saw_is_missing_too() -> None:
    assert is_missing(glances("M" * 10))


def test_a_few_misses_are_no_loss() -> None:
    standing = standing_of(glances("SSSSMMM"), kinds=KINDS)
    assert not standing.is_missing(KINDS.rules)
    assert not standing.is_hidden(KINDS.rules)


def test_misses_of_one_hour_may_be_a_parked_truck() -> None:
    assert not is_missing(glances("SSSSSS" + "M" * 12, every=timedelta(minutes=5)))


def test_one_bus_alone_must_miss_it_for_longer() -> None:
    assert not is_missing(glances("SSSSSS" + "M" * 8, buses=1))
    assert is_missing(glances("SSSSSS" + "M" * 14, buses=1))


def test_what_is_missed_together_with_its_neighbours_is_hidden_and_not_missing() -> None:
    passes = glances("SSSSSS" + "B" * 12)
    assert is_hidden(passes)
    assert not is_missing(passes)


def test_what_is_glimpsed_less_and_less_is_hidden() -> None:
    passes = glances("SSSSSMSMMSMMMSMMMMMMMM", seen_beside=0)
    assert is_hidden(passes)
    assert not is_missing(passes)


def test_what_is_seen_by_every_other_bus_from_the_first_is_only_hard_to_see() -> None:
    passes = glances("SMMSMSMMMSMMSMSMMS" * 2, seen_beside=0)
    assert not is_hidden(passes)
    assert not is_missing(passes)
    assert standing_of(passes, kinds=KINDS).presence.hard > 0.5


def test_passes_that_hardly_looked_say_nothing() -> None:
    blind = standing_of(glances("SSSSSS" + "." * 100), kinds=KINDS)
    assert blind == standing_of(glances("SSSSSS"), kinds=KINDS)


def test_what_comes_back_is_there_again() -> None:
    assert standing_of(glances("SSSS" + "M" * 10 + "SSS"), kinds=KINDS).presence.there > 0.9


shares = st.floats(0.0, 1.0, allow_nan=False)
rates = st.floats(0.05, 0.95)


@st.composite
def any_glance(draw: st.DrawFn) -> Glance:
    hit = draw(st.floats(0.3, 0.95))
    return Glance(
        at=NOON + timedelta(minutes=draw(st.integers(0, 10**6))),
        device=draw(st.sampled_from(["bus-1", "bus-2"])),
        is_seen=draw(st.booleans()),
        looked_share=draw(shares),
        hit=hit,
        false_alarm=draw(st.floats(0.001, 0.2)),
        neighbours_seen=draw(st.integers(0, 10)),
        neighbours_missed=draw(st.integers(0, 10)),
    )


@st.composite
def any_presence(draw: st.DrawFn) -> Presence:
    parts = [draw(st.floats(0.001, 1.0)) for _ in range(4)]
    clear, hard, gone, hidden = (part / sum(parts) for part in parts)
    return Presence(clear=clear, hard=hard, gone=gone, hidden=hidden)


@given(st.lists(any_glance(), max_size=80))
def test_probabilities_always_add_up_to_one(passes: list[Glance]) -> None:
    presence = standing_of(sorted(passes, key=lambda glance: glance.at), kinds=KINDS).presence
    assert presence.there + presence.gone + presence.hidden == pytest.approx(1.0)
    assert min(presence.clear, presence.hard, presence.gone, presence.hidden) > 0


@given(any_presence(), any_glance())
def test_a_sighting_never_makes_a_thing_less_likely_there_than_a_miss(before: Presence, glance: Glance) -> None:
    seen = weighed(before, replace(glance, is_seen=True), kinds=KINDS)
    missed = weighed(before, replace(glance, is_seen=False), kinds=KINDS)
    if glance.hit > 2 * glance.false_alarm:
        assert seen.there >= missed.there - 1e-9


@given(any_presence(), any_glance(), shares)
def test_the_better_the_look_the_more_a_miss_counts_against_it(
    before: Presence, glance: Glance, worse_share: float
) -> None:
    glance = replace(glance, is_seen=False)
    worse = replace(glance, looked_share=min(glance.looked_share, worse_share))
    assert weighed(before, glance, kinds=KINDS).there <= weighed(before, worse, kinds=KINDS).there + 1e-9


@given(any_presence(), any_glance(), st.integers(1, 6))
def test_missed_neighbours_never_make_it_more_likely_gone(before: Presence, glance: Glance, beside: int) -> None:
    free = replace(glance, is_seen=False, neighbours_seen=beside, neighbours_missed=0)
    blocked = replace(free, neighbours_seen=0, neighbours_missed=beside)
    assert weighed(before, blocked, kinds=KINDS).gone <= weighed(before, free, kinds=KINDS).gone + 1e-9


@given(any_glance())
def test_the_view_is_never_surer_free_than_one(glance: Glance) -> None:
    assert 0.0 < free_view(glance, KINDS.blocking) <= 1.0


@given(st.lists(any_glance(), min_size=1, max_size=60))
def test_a_thing_just_seen_is_neither_missing_nor_hidden(passes: list[Glance]) -> None:
    passes = sorted(passes, key=lambda glance: glance.at)
    standing = standing_of([*passes, replace(passes[-1], is_seen=True)], kinds=KINDS)
    assert not standing.is_missing(KINDS.rules)
    assert not standing.is_hidden(KINDS.rules)
