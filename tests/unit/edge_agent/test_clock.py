"""The bus's clock against a world in which the machine's clock, the receiver and the network lie on purpose."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.clock import AGREEING, AGREEING_AGAINST, PATIENCE_S, RELEASED, ROLLOVER, BusClock, unrolled
from wire.envelope import make_id_after, time_of_id
from wire.messages import ClockSource

TRUTH = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
WRONG = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2000, 1, 1, tzinfo=UTC),
]


@dataclass
class World:
    """The truth, and what a bus is shown of it."""

    truth: datetime = TRUTH
    system_off: timedelta = timedelta()
    drift: float = 0.0  # of the quartz, as a share
    is_synchronised: bool = False
    passed_s: float = 5_000.0

    def clock(self) -> BusClock:
        return BusClock(
            monotonic=lambda: self.passed_s, system=self.system, is_synchronised=lambda: self.is_synchronised
        )

    def system(self) -> datetime:
        return self.truth if self.is_synchronised else self.truth + self.system_off

    def set_system(self, at: datetime) -> None:
        self.system_off = at - self.truth

    def go_on(self, seconds: float) -> None:
        self.truth += timedelta(seconds=seconds)
        self.passed_s += seconds * (1 + self.drift)

    def fix(self, clock: BusClock, *, late_s: float = 0.1, weeks: int = 0) -> datetime:
        """A fix of a moment ago, whose week counter has rolled over."""
        return clock.hear_gnss(self.truth - timedelta(seconds=late_s) + weeks * ROLLOVER)

    def fixes(self, clock: BusClock, count: int) -> None:
        for _ in range(count):
            self.go_on(1.0)
            self.fix(clock)


def off_s(clock: BusClock, world: World) -> float:
    return (clock.now() - world.truth).total_seconds()


@pytest.mark.parametrize("wrong", WRONG, ids=["1970", "2038", "2000"])
def test_a_clock_that_is_wrong_at_the_start_is_not_believed_and_corrected_by_the_first_fixes(wrong: datetime) -> None:
    world = World()
    world.set_system(wrong)
    clock = world.clock()
    assert clock.now() == RELEASED
    assert clock.is_worth_waiting_for
    world.fixes(clock, AGREEING)
    assert abs(off_s(clock, world)) < 0.2
    assert (clock.source, clock.is_known, clock.is_worth_waiting_for) == (ClockSource.GNSS, True, False)
    before_s = (RELEASED + timedelta(seconds=AGREEING) - world.truth).total_seconds()
    assert clock.corrected_s == pytest.approx(-before_s, abs=0.2)
    assert clock.take_step() == clock.corrected_s
    assert clock.take_step() == 0.0
    assert clock.system_offset_s == pytest.approx((world.system() - world.truth).total_seconds(), abs=0.2)


def test_a_clock_that_can_be_right_is_used_at_once() -> None:
    world = World(system_off=timedelta(seconds=40))
    clock = world.clock()
    assert off_s(clock, world) == 40
    assert not clock.is_worth_waiting_for
    assert (clock.source, clock.system_offset_s) == (ClockSource.NONE, None)


def test_what_was_kept_on_the_disk_is_the_least_that_the_time_can_be() -> None:
    world = World(truth=TRUTH + timedelta(days=300))
    world.set_system(TRUTH)  # the battery of its clock is low
    clock = world.clock()
    assert clock.now() == TRUTH
    clock.note_past(TRUTH + timedelta(days=299))
    world.go_on(10)
    assert clock.now() == TRUTH + timedelta(days=299, seconds=10)


def test_nobody_is_waited_for_for_ever() -> None:
    world = World()
    world.set_system(WRONG[0])
    clock = world.clock()
    world.go_on(PATIENCE_S)
    assert not clock.is_worth_waiting_for


def test_setting_the_machine_changes_nothing_once_the_time_is_known() -> None:
    world = World()
    clock = world.clock()
    world.fixes(clock, AGREEING)
    for wrong in WRONG:
        world.set_system(wrong)
        world.go_on(60)
        assert abs(off_s(clock, world)) < 0.2


def test_the_network_tells_the_time_where_no_satellite_does() -> None:
    world = World()
    world.set_system(WRONG[1])
    clock = world.clock()
    clock.now()
    world.is_synchronised = True
    world.go_on(10)
    assert off_s(clock, world) == pytest.approx(0, abs=1e-3)
    assert (clock.source, clock.system_offset_s) == (ClockSource.NTP, 0.0)


def test_one_fix_with_a_wrong_time_is_not_believed() -> None:
    world = World()
    clock = world.clock()
    world.fixes(clock, 5)
    for wrong in (timedelta(days=3), -timedelta(hours=1)):
        clock.hear_gnss(world.truth + wrong)
        world.go_on(1)
        assert abs(off_s(clock, world)) < 0.2


def test_fixes_that_a_hanging_receiver_tells_late_and_all_at_once_do_not_turn_time_back() -> None:
    world = World()
    clock = world.clock()
    world.fixes(clock, 5)
    world.go_on(6)
    for late_s in (5.5, 4.5, 3.5, 2.5):
        world.fix(clock, late_s=late_s)
    assert abs(off_s(clock, world)) < 0.2


def test_a_receiver_that_goes_on_telling_another_time_is_believed_in_the_end() -> None:
    world = World()
    clock = world.clock()
    world.fixes(clock, 5)
    world.truth += timedelta(hours=2)  # as after a spoofed time
    world.fixes(clock, AGREEING_AGAINST)
    assert abs(off_s(clock, world)) < 0.2


@given(st.datetimes(datetime(2026, 11, 1), datetime(2046, 6, 1), timezones=st.just(UTC)), st.integers(-2, 2))  # noqa: DTZ001
def test_a_rolled_over_week_counter_is_undone(at: datetime, weeks: int) -> None:
    try:
        rolled = at + weeks * ROLLOVER
    except OverflowError:
        return
    assert unrolled(rolled) == at


@dataclass
class Event:
    """What happens next."""

    passes_s: float
    fix_late_s: float | None
    weeks: int
    system: datetime | None
    is_synchronised: bool
    drift: float = field(default=0.0)


events = st.builds(
    Event,
    passes_s=st.floats(0.01, 30),
    fix_late_s=st.none() | st.floats(0.05, 0.6),
    weeks=st.sampled_from([0, 0, -1, 1]),
    system=st.none() | st.sampled_from(WRONG) | st.floats(-9e4, 9e4).map(lambda s: TRUTH + timedelta(seconds=s)),
    is_synchronised=st.booleans(),
    drift=st.floats(-1e-4, 1e-4),
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([*WRONG, TRUTH, TRUTH - timedelta(hours=8)]), st.lists(events, max_size=60))
def test_whatever_happens_ids_are_in_order_and_a_known_time_is_true(begin: datetime, happens: list[Event]) -> None:
    world = World()
    world.set_system(begin)
    clock = world.clock()
    last_id: str | None = None
    last = clock.now()
    for event in happens:
        world.drift = event.drift
        world.go_on(event.passes_s)
        if event.system is not None:
            world.set_system(event.system)
        world.is_synchronised = event.is_synchronised
        if event.fix_late_s is not None:
            at = world.fix(clock, late_s=event.fix_late_s, weeks=event.weeks)
            assert abs((at - world.truth).total_seconds()) < 1
        now = clock.now()
        if clock.is_known:
            assert abs((now - world.truth).total_seconds()) < 1.0
        assert now >= last or (last - now).total_seconds() >= 1.0
        last = now
        new_id = make_id_after(last_id, at=clock.certain())
        assert last_id is None or new_id > last_id
        assert time_of_id(new_id) <= world.truth + timedelta(seconds=1)
        last_id = new_id
