"""Readings of all sources, merged in the order of their time, in bounded memory."""

import logging
import threading
import time
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from edge_agent.config import WAITING_BYTES
from edge_agent.readings import FrameReading, Reading, Source

log = logging.getLogger(__name__)

CAPACITY: Final = 32  # frames a live source may have waiting, or readings a recording, if they are small enough
SMALL_CAPACITY: Final = 1024  # the same for all else: ten seconds of a sensor that speaks a hundred times a second
STEP_S: Final = 60.0  # so late is no reading: the clock was set back
OWN_STEP_S: Final = 2.0  # the same of two readings of one source, which are in order
PATIENCE_S: Final = 2.0  # how long a silent source holds the others back; a receiver speaks each second


def order_of(reading: Reading) -> tuple[datetime, bool]:
    """Time first; at the same instant the fix comes before the frame that needs it."""
    return reading.at, isinstance(reading, FrameReading)


def is_of_older_clock(reading: Reading, *, now: datetime, step_s: float) -> bool:
    """Whether a reading of a moment ago has its time from before the clock was set, by so much."""
    return abs((now - reading.at).total_seconds()) > abs(step_s) / 2


def bytes_of(readings: Iterable[Reading]) -> int:
    """What the pictures of frames take."""
    return sum(reading.image.nbytes for reading in readings if isinstance(reading, FrameReading))


class _Lane:
    """What one source has waiting, in order of time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.waiting: list[Reading] = []
        self.is_open = True
        self.dropped = 0  # frames since the last one that was taken
        self.heard_at_s = time.monotonic()
        self.told_at: datetime | None = None  # time of its last reading


class Inbox:
    """One thread per source fills it, the agent empties it.

    A live source that is too fast loses its oldest frames, counted; what is small has more room of its own, and loses
    its oldest only beyond that. A recording waits instead. What comes too late to be in order is left out and counted.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        capacity: int = CAPACITY,
        small_capacity: int = SMALL_CAPACITY,
        frame_bytes: int = WAITING_BYTES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._lanes = [_Lane(source) for source in sources]
        self._capacity, self._small_capacity, self._frame_bytes = capacity, small_capacity, frame_bytes
        self._patience_s = patience_s
        self._changed = threading.Condition()
        self._is_closed = False
        self._failure: Exception | None = None
        self._last: tuple[datetime, bool] | None = None
        self.frames_dropped = 0
        self.small_dropped = 0
        self.late = 0

    def __enter__(self) -> Self:
        for lane in self._lanes:
            lane.heard_at_s = time.monotonic()
            threading.Thread(target=self._fill, args=(lane,), name="reader", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def is_finished(self) -> bool:
        """Every source has ended and everything was taken."""
        with self._changed:
            return not any(lane.is_open or lane.waiting for lane in self._lanes) and self._failure is None

    def take(self, *, timeout_s: float) -> Reading | None:
        """Next reading in time, or None when none is due within the timeout.

        Raises:
            Exception: whatever ended a source that should not have ended.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while (wait_s := self._wait_s()) > 0:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not any(lane.is_open or lane.waiting for lane in self._lanes):
                    return None
                self._changed.wait(min(wait_s, left_s))
            if self._failure is not None:
                raise self._failure
            return self._pop()

    def drop_older_clock(self, *, now: datetime, step_s: float) -> None:
        """Forget what waits with the times of a clock that was set since, by so much."""
        with self._changed:
            self._last = None
            self._drop_waiting(lambda reading: is_of_older_clock(reading, now=now, step_s=step_s))
            self._changed.notify_all()

    def _wait_s(self) -> float:
        """How long until the earliest waiting reading may go: no silent source could still be before it."""
        if self._failure is not None:
            return 0.0
        if not any(lane.waiting for lane in self._lanes):
            return self._patience_s + 1.0
        now_s = time.monotonic()
        silent = [lane for lane in self._lanes if lane.is_open and not lane.waiting]
        return max((lane.heard_at_s + self._patience_s - now_s for lane in silent), default=0.0)

    def _pop(self) -> Reading:
        lane = min((lane for lane in self._lanes if lane.waiting), key=lambda lane: order_of(lane.waiting[0]))
        reading = lane.waiting.pop(0)
        if isinstance(reading, FrameReading) and lane.dropped:
            reading, lane.dropped = replace(reading, dropped=lane.dropped), 0
        lane.heard_at_s = time.monotonic()
        self._last = order_of(reading)
        self._changed.notify_all()
        return reading

    def _fill(self, lane: _Lane) -> None:
        try:
            for reading in lane.source.readings():
                if not self._put(lane, reading):
                    return
        except Exception as error:  # noqa: BLE001 - carried to the agent's thread and raised there
            with self._changed:
                self._failure = error
        finally:
            with self._changed:
                lane.is_open = False
                self._changed.notify_all()

    def _put(self, lane: _Lane, reading: Reading) -> bool:
        """Add a reading; False when the inbox is closed."""
        with self._changed:
            if not lane.source.is_live:
                self._changed.wait_for(lambda: self._is_closed or self._has_room(lane))
            if self._is_closed:
                return False
            if lane.source.is_live and self._is_set_back(lane, reading.at):
                self._begin_anew_at(reading.at)
            lane.told_at = reading.at
            if self._last is not None and order_of(reading) < self._last:
                self.late += 1
                return True
            insort(lane.waiting, reading, key=order_of)
            lane.heard_at_s = time.monotonic()
            if lane.source.is_live:
                self._drop_beyond_room(lane, like=reading)
            self._changed.notify_all()
            return True

    def _is_set_back(self, lane: _Lane, at: datetime) -> bool:
        of_all = self._last is not None and (self._last[0] - at).total_seconds() > STEP_S
        return of_all or (lane.told_at is not None and (lane.told_at - at).total_seconds() > OWN_STEP_S)

    def _begin_anew_at(self, at: datetime) -> None:
        """Forget what the clock said before it was set back; frames of a time that has not come are of no use."""
        self._last = None
        self._drop_waiting(lambda reading: (reading.at - at).total_seconds() > OWN_STEP_S)

    def _drop_waiting(self, is_useless: Callable[[Reading], bool]) -> None:
        for lane in self._lanes:
            if lane.source.is_live:
                useless = [each for each in lane.waiting if is_useless(each)]
                lane.waiting = [each for each in lane.waiting if not is_useless(each)]
                self._count_frames_dropped(lane, sum(isinstance(each, FrameReading) for each in useless))

    def _has_room(self, lane: _Lane) -> bool:
        return len(lane.waiting) < self._capacity and bytes_of(lane.waiting) < self._frame_bytes

    def _drop_beyond_room(self, lane: _Lane, *, like: Reading) -> None:
        """Drop the oldest of the kind that has just come, frame or small, while there are too many."""
        is_frame = isinstance(like, FrameReading)
        places = [i for i, reading in enumerate(lane.waiting) if isinstance(reading, FrameReading) is is_frame]
        while self._are_beyond_room(lane, len(places), are_frames=is_frame):
            del lane.waiting[places[0]]
            places = [place - 1 for place in places[1:]]
            if is_frame:
                self._count_frames_dropped(lane, 1)
            else:
                self.small_dropped += 1

    def _are_beyond_room(self, lane: _Lane, number: int, *, are_frames: bool) -> bool:
        if not are_frames:
            return number > self._small_capacity
        return number > self._capacity or (number > 1 and bytes_of(lane.waiting) > self._frame_bytes)

    def _count_frames_dropped(self, lane: _Lane, frames: int) -> None:
        lane.dropped += frames
        self.frames_dropped += frames
