"""When a roll-out goes on, waits for a person, or is over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import RollOutError
from cloud.fleet.rollout import (
    Begin,
    Deed,
    Finish,
    Group,
    Pause,
    RollOutState,
    Terms,
    deeds_in,
    draw_groups,
    next_step,
    state_after,
)

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)
TERMS = Terms(stop_at_failed=0.2, go_on_at_done=0.8, watch=timedelta(minutes=10))


def group(number: int, *, begun_s: float | None = None, size: int = 10, **counts: int) -> Group:
    begun_at = None if begun_s is None else AT - timedelta(seconds=begun_s)
    return Group(number=number, begun_at=begun_at, size=size, **{"done": 0, "failed": 0, **counts})


def test_the_first_group_begins() -> None:
    assert next_step(TERMS, [group(1), group(2)], now=AT) == Begin(1)


def test_the_next_group_begins_when_enough_have_it_and_it_was_watched() -> None:
    assert next_step(TERMS, [group(1, begun_s=600, done=8), group(2)], now=AT) == Begin(2)


@pytest.mark.parametrize("first", [group(1, begun_s=599, done=10), group(1, begun_s=600, done=7)])
def test_it_waits_for_the_buses_and_for_the_time(first: Group) -> None:
    assert next_step(TERMS, [first, group(2)], now=AT) is None


def test_too_many_failures_pause_it_at_once() -> None:
    step = next_step(TERMS, [group(1, begun_s=1, failed=2), group(2)], now=AT)
    assert step == Pause("2 of 10 buses of group 1 could not take it")


def test_few_failures_do_not() -> None:
    assert next_step(TERMS, [group(1, begun_s=600, done=8, failed=1), group(2)], now=AT) == Begin(2)


def test_a_group_of_one_that_fails_pauses_it() -> None:
    assert isinstance(next_step(TERMS, [group(1, begun_s=1, size=1, failed=1), group(2)], now=AT), Pause)


def test_forgiven_failures_neither_pause_it_nor_are_waited_for() -> None:
    first = group(1, begun_s=600, done=5, failed=4, forgiven=4)
    assert next_step(TERMS, [first, group(2)], now=AT) == Begin(2)


def test_a_new_failure_after_forgiving_pauses_it_again() -> None:
    first = group(1, begun_s=600, done=5, failed=4, forgiven=2)
    assert isinstance(next_step(TERMS, [first, group(2)], now=AT), Pause)


def test_a_failure_in_an_earlier_group_that_comes_late_pauses_it() -> None:
    groups = [group(1, begun_s=6000, done=8, failed=2), group(2, begun_s=60)]
    assert isinstance(next_step(TERMS, groups, now=AT), Pause)


def test_it_is_over_when_every_bus_has_settled() -> None:
    groups = [group(1, begun_s=900, done=9, failed=1), group(2, begun_s=1, done=10)]
    assert next_step(TERMS, groups, now=AT) == Finish()


def test_it_waits_for_the_last_bus_of_an_earlier_group() -> None:
    groups = [group(1, begun_s=900, done=9), group(2, begun_s=1, done=10)]
    assert next_step(TERMS, groups, now=AT) is None


counts = st.tuples(st.integers(0, 10), st.integers(0, 10)).map(lambda pair: (min(pair[0], 10 - pair[1]), pair[1]))


@given(outcomes=st.lists(counts, min_size=1, max_size=4), begun=st.integers(0, 4), waited_s=st.integers(0, 2000))
def test_no_group_begins_while_one_before_it_is_bad(outcomes: list[tuple[int, int]], begun: int, waited_s: int) -> None:
    groups = [
        group(number, begun_s=waited_s, done=done, failed=failed) if number <= begun else group(number)
        for number, (done, failed) in enumerate(outcomes, start=1)
    ]
    step = next_step(TERMS, groups, now=AT)
    if isinstance(step, Begin):
        before = groups[: step.number - 1]
        assert all(each.failed < TERMS.stop_at_failed * each.size for each in before)
        assert all(each.done >= 8 or each.is_settled for each in before)
        assert groups[step.number - 1].begun_at is None
    if isinstance(step, Finish):
        assert all(each.is_settled for each in groups)


@given(
    devices=st.lists(st.from_regex(r"bus-[0-9]{1,4}", fullmatch=True), min_size=6, max_size=200, unique=True),
    shares=st.lists(st.floats(0.01, 0.3), max_size=3),
)
def test_each_bus_is_in_one_group_and_each_group_has_one(devices: list[str], shares: list[float]) -> None:
    groups = draw_groups(devices, shares, seed="a")
    assert sorted(device for group in groups for device in group) == sorted(devices)
    assert len(groups) == len(shares) + 1
    assert all(groups)
    assert groups == draw_groups(reversed(devices), shares, seed="a")


def test_another_roll_out_begins_with_other_buses() -> None:
    devices = [f"bus-{number}" for number in range(100)]
    assert draw_groups(devices, [0.1], seed="a")[0] != draw_groups(devices, [0.1], seed="b")[0]
    assert [len(each) for each in draw_groups(devices, [0.05, 0.25], seed="a")] == [5, 25, 70]


@pytest.mark.parametrize("shares", [[0.5, 0.5], [-0.1], [0.0], [0.01] * 20])
def test_shares_that_cannot_be(shares: list[float]) -> None:
    with pytest.raises(RollOutError, match="shares"):
        draw_groups([f"bus-{number}" for number in range(100)], shares, seed="a")


def test_too_few_buses() -> None:
    with pytest.raises(RollOutError, match="each group needs a bus"):
        draw_groups(["bus-1"], [0.5], seed="a")


@pytest.mark.parametrize("state", [RollOutState.FINISHED, RollOutState.STOPPED])
def test_what_is_over_stays_so(state: RollOutState) -> None:
    assert deeds_in(state) == ()
    for deed in Deed:
        with pytest.raises(RollOutError, match="possible: nothing"):
            state_after(state, deed)


def test_only_what_was_approved_runs() -> None:
    after = {deed: state_after(RollOutState.PROPOSED, deed) for deed in deeds_in(RollOutState.PROPOSED)}
    assert after == {Deed.APPROVE: RollOutState.RUNNING, Deed.STOP: RollOutState.STOPPED}
