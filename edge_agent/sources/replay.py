"""A recording as a source: frames and fixes in the order of their time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Final, Literal

from edge_agent.inbox import order_of
from edge_agent.readings import FrameReading, GnssReading, Reading
from edge_agent.sources.frame_files import TimedFrame, recorded_frames
from edge_agent.sources.track_file import read_track

_EARLY: Final = 0.8  # a frame this share of its interval after the last one is due


class ReplaySource:
    """Yields what a bus would have sensed, as fast as it was recorded or as fast as it is taken.

    `start` "now" moves all times so that the recording begins at the moment of replay. Frames that come faster than
    `frames_per_s` are left out, as the camera's driver would.
    """

    def __init__(
        self,
        *,
        frames: Path,
        track: Path,
        camera_id: str,
        frames_per_s: float,
        pace: Literal["real_time", "fast"],
        start: Literal["recorded", "now"],
        now: Callable[[], datetime],
        others: Sequence[Iterable[Reading]] = (),
    ) -> None:
        """Take what was recorded beside frames and track, each in the order of its time, as `others`."""
        self._frames = frames
        self._track = track
        self._camera_id = camera_id
        self._frames_per_s = frames_per_s
        self._pace = pace
        self._start = start
        self._now = now
        self._others = others

    @property
    def is_live(self) -> bool:
        return self._pace == "real_time"

    def readings(self) -> Iterator[Reading]:
        """Yield the recording once.

        Raises:
            SourceError: it cannot be read.
        """
        fixes = read_track(self._track)
        frames = recorded_frames(self._frames, start_at=fixes[0].at, frames_per_s=self._frames_per_s)
        readings = merge(self._as_frames(frames), _as_readings(fixes), *self._others, key=order_of)
        moved = self._moved_to_now(readings) if self._start == "now" else readings
        return paced(moved) if self._pace == "real_time" else moved

    def _as_frames(self, frames: Iterable[TimedFrame]) -> Iterator[Reading]:
        for at, image in due_frames(frames, frames_per_s=self._frames_per_s):
            yield FrameReading(at=at, camera_id=self._camera_id, image=image)

    def _moved_to_now(self, readings: Iterator[Reading]) -> Iterator[Reading]:
        shift: timedelta | None = None
        for reading in readings:
            shift = self._now() - reading.at if shift is None else shift
            yield replace(reading, at=reading.at + shift)


def due_frames(frames: Iterable[TimedFrame], *, frames_per_s: float) -> Iterator[TimedFrame]:
    """Leave out frames that come faster, as the camera's driver would."""
    interval_s = _EARLY / frames_per_s
    last_at: datetime | None = None
    for at, image in frames:
        if last_at is None or (at - last_at).total_seconds() >= interval_s:
            last_at = at
            yield at, image


def paced(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Wait before each reading until as much time has passed as in the recording."""
    begun_s = time.monotonic()
    first_at: datetime | None = None
    for reading in readings:
        first_at = reading.at if first_at is None else first_at
        due_s = begun_s + (reading.at - first_at).total_seconds()
        time.sleep(max(0.0, due_s - time.monotonic()))
        yield reading


def _as_readings(fixes: list[GnssReading]) -> Iterator[Reading]:
    yield from fixes
