import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import SourceError
from edge_agent.inbox import Inbox, order_of
from edge_agent.readings import FrameReading, GnssReading, ImuReading, Reading
from tests.waiting import wait_until

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
IMAGE = np.zeros((1, 1, 3), np.uint8)


def frame(second: float) -> FrameReading:
    return FrameReading(at=START + timedelta(seconds=second), camera_id="front", image=IMAGE)


def fix(second: float) -> GnssReading:
    at = START + timedelta(seconds=second)
    return GnssReading(at=at, lon=120, lat=27, speed_mps=5, heading_deg=0, accuracy_m=3)


@dataclass
class Recorded:
    """Gives its readings, then ends."""

    items: Sequence[Reading]
    is_live: bool = False

    def readings(self) -> Iterator[Reading]:
        yield from self.items


@dataclass
class Held:
    """A live source that gives its readings and stays open until it is let go."""

    items: Sequence[Reading]
    is_live: bool = True
    given: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def readings(self) -> Iterator[Reading]:
        yield from self.items
        self.given.set()
        self.let_go.wait(20)


def take_all(inbox: Inbox) -> list[Reading]:
    taken: list[Reading] = []
    with inbox:
        while not inbox.is_finished:
            reading = inbox.take(timeout_s=5)
            if reading is not None:
                taken.append(reading)
    return taken


def take_all_of_closing(sources: Sequence[Held]) -> list[Reading]:
    """Everything that live sources gave, once all of them have given it."""
    with Inbox(sources, patience_s=0) as inbox:
        for source in sources:
            assert source.given.wait(10)
        taken: list[Reading] = []
        while (reading := inbox.take(timeout_s=0.2)) is not None:
            taken.append(reading)
        for source in sources:
            source.let_go.set()
    return taken


def seconds(readings: Sequence[Reading]) -> list[float]:
    return [(reading.at - START).total_seconds() for reading in readings]


@given(
    frames=st.lists(st.integers(0, 50), max_size=40),
    fixes=st.lists(st.integers(0, 50), max_size=40),
    capacity=st.integers(1, 8),
)
def test_recordings_are_merged_in_order_and_nothing_is_lost(frames: list[int], fixes: list[int], capacity: int) -> None:
    camera = Recorded([frame(second) for second in sorted(frames)])
    receiver = Recorded([fix(second) for second in sorted(fixes)])
    inbox = Inbox([camera, receiver], capacity=capacity, patience_s=60)
    taken = take_all(inbox)
    assert [order_of(reading) for reading in taken] == sorted(order_of(reading) for reading in taken)
    assert sorted(seconds(taken)) == sorted([float(second) for second in frames + fixes])
    assert inbox.frames_dropped == inbox.small_dropped == inbox.late == 0


@given(kinds=st.lists(st.booleans(), min_size=1, max_size=60), capacity=st.integers(1, 10))
def test_a_live_source_loses_its_oldest_frames_and_what_is_small_has_room_of_its_own(
    kinds: list[bool], capacity: int
) -> None:
    items = [frame(i) if is_frame else fix(i) for i, is_frame in enumerate(kinds)]
    source = Held(items)
    inbox = Inbox([source], capacity=capacity, small_capacity=2 * capacity, patience_s=0)
    with inbox:
        assert source.given.wait(10)
        source.let_go.set()
        taken: list[Reading] = []
        while (reading := inbox.take(timeout_s=1)) is not None:
            taken.append(reading)
    frames = [second for second, is_frame in enumerate(kinds) if is_frame]
    fixes = [second for second, is_frame in enumerate(kinds) if not is_frame]
    assert seconds(taken) == sorted(frames[-capacity:] + fixes[-2 * capacity :])
    assert inbox.frames_dropped == max(0, len(frames) - capacity)
    assert inbox.small_dropped == max(0, len(fixes) - 2 * capacity)


def test_of_large_frames_fewer_wait() -> None:
    large = np.zeros((100, 100, 3), np.uint8)
    items = [*(replace(frame(second), image=large) for second in range(5)), fix(5)]
    source = Held(items)
    with Inbox([source], frame_bytes=2 * large.nbytes, patience_s=0) as inbox:
        assert source.given.wait(10)
        taken = [inbox.take(timeout_s=1) for _ in range(3)]
        source.let_go.set()
    assert seconds([reading for reading in taken if reading is not None]) == [3, 4, 5]
    assert inbox.frames_dropped == 3


def test_one_frame_waits_however_large_it_is() -> None:
    source = Held([frame(0), frame(1)])
    with Inbox([source], frame_bytes=1, patience_s=0) as inbox:
        assert source.given.wait(10)
        taken = inbox.take(timeout_s=1)
        source.let_go.set()
    assert taken is not None
    assert seconds([taken]) == [1]


def test_a_recording_of_large_frames_loses_none() -> None:
    source = Recorded([frame(second) for second in range(5)])
    inbox = Inbox([source], frame_bytes=1, patience_s=0)
    assert seconds(take_all(inbox)) == [0, 1, 2, 3, 4]


def test_a_frame_says_how_many_before_it_were_dropped() -> None:
    source = Held([frame(second) for second in range(5)])
    with Inbox([source], capacity=2, patience_s=0) as inbox:
        assert source.given.wait(10)
        taken = [inbox.take(timeout_s=1), inbox.take(timeout_s=1)]
        source.let_go.set()
    assert [reading.dropped for reading in taken if isinstance(reading, FrameReading)] == [3, 0]


def test_what_a_fast_sensor_says_is_kept_while_the_receiver_is_silent() -> None:
    felt = [
        ImuReading(at=START + timedelta(seconds=tick / 100), acceleration_mps2=(0, 0, 9.8), turn_dps=(0, 0, 0))
        for tick in range(100)
    ]
    receiver = Held([fix(0)])
    taken = take_all_of_closing([Held(felt), receiver])
    assert len(taken) == len(felt) + 1


@dataclass
class Told:
    """A live source that gives one reading each time it is told to."""

    items: Sequence[Reading]
    is_live: bool = True
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def readings(self) -> Iterator[Reading]:
        for item in self.items:
            self.turns.acquire()
            yield item


def test_a_clock_that_is_set_back_does_not_end_the_bus() -> None:
    years = 12 * 365 * 86_400.0
    camera = Told([frame(years), frame(1), frame(2), frame(3)])
    taken: list[Reading | None] = []
    with Inbox([camera], patience_s=60) as inbox:
        for _ in camera.items:
            camera.turns.release()
            taken.append(inbox.take(timeout_s=5))
    assert seconds([reading for reading in taken if reading is not None]) == [years, 1, 2, 3]
    assert inbox.late == 0


@pytest.mark.parametrize("by_s", [3.0, 30.0, 59.0])
def test_a_clock_that_is_set_back_by_seconds_costs_no_reading(by_s: float) -> None:
    camera = Told([frame(by_s), frame(0), frame(1), frame(2)])
    taken: list[Reading | None] = []
    with Inbox([camera], patience_s=60) as inbox:
        for _ in camera.items:
            camera.turns.release()
            taken.append(inbox.take(timeout_s=0.2))
    assert seconds([reading for reading in taken if reading is not None]) == [by_s, 0, 1, 2]
    assert inbox.late == 0


def test_what_waits_with_the_times_of_an_older_clock_is_dropped() -> None:
    camera, receiver = Held([frame(-7200), frame(-7199), frame(0)]), Held([fix(0)])
    with Inbox([camera, receiver], patience_s=0) as inbox:
        assert camera.given.wait(10)
        assert receiver.given.wait(10)
        inbox.drop_older_clock(now=START + timedelta(seconds=1), step_s=7200.0)
        taken = [inbox.take(timeout_s=1), inbox.take(timeout_s=1)]
        camera.let_go.set()
        receiver.let_go.set()
    assert seconds([reading for reading in taken if reading is not None]) == [0, 0]
    assert inbox.frames_dropped == 2


def test_frames_of_a_time_that_has_not_come_are_dropped_when_the_clock_is_set_back() -> None:
    years = 12 * 365 * 86_400.0
    camera, receiver = Held([frame(years), frame(years + 1)]), Told([fix(1)])
    with Inbox([camera, receiver], patience_s=0) as inbox:
        assert camera.given.wait(10)
        assert inbox.take(timeout_s=5) is not None
        receiver.turns.release()
        taken = wait_until(lambda: inbox.take(timeout_s=0.1) if inbox.frames_dropped else None)
        assert inbox.take(timeout_s=0.05) is None
        camera.let_go.set()
    assert isinstance(taken, GnssReading)
    assert inbox.frames_dropped == 1


def test_a_frame_waits_for_a_receiver_that_may_still_speak() -> None:
    camera, receiver = Held([frame(1)]), Held([])
    with Inbox([camera, receiver], patience_s=60) as inbox:
        assert camera.given.wait(10)
        assert inbox.take(timeout_s=0.05) is None
        receiver.let_go.set()
        taken = inbox.take(timeout_s=5)
        camera.let_go.set()
    assert isinstance(taken, FrameReading)


def test_a_silent_receiver_does_not_stop_the_frames() -> None:
    camera, receiver = Held([frame(1)]), Held([])
    with Inbox([camera, receiver], patience_s=0.1) as inbox:
        taken = inbox.take(timeout_s=5)
        camera.let_go.set()
        receiver.let_go.set()
    assert isinstance(taken, FrameReading)


def test_what_comes_too_late_is_left_out_and_counted() -> None:
    gate = threading.Event()

    class Late:
        is_live = True

        def readings(self) -> Iterator[Reading]:
            yield frame(5)
            gate.wait(10)
            yield frame(3)
            yield frame(6)

    with Inbox([Late()], patience_s=0) as inbox:
        first = inbox.take(timeout_s=5)
        gate.set()
        second = inbox.take(timeout_s=5)
    assert first is not None
    assert second is not None
    assert seconds([first, second]) == [5.0, 6.0]
    assert inbox.late == 1


def test_what_ends_a_source_ends_the_agent() -> None:
    class Broken:
        is_live = False

        def readings(self) -> Iterator[Reading]:
            yield frame(1)
            raise SourceError("the folder is gone")

    with pytest.raises(SourceError, match="the folder is gone"):
        take_all(Inbox([Broken()], patience_s=0))


def test_no_source_at_all_is_finished_at_once() -> None:
    with Inbox([]) as inbox:
        assert inbox.is_finished
        assert inbox.take(timeout_s=1) is None
