"""A new model beside the one in use: it looks at a share of the frames, in its own time, and nothing is made of it.

The model in use never waits for the new one: that has a thread of the lowest priority, rests three times as long as it
works, and a frame for which it is not ready is counted and let go.
"""

import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, Detector, overlaps
from wire.envelope import make_id
from wire.messages import ModelVersion, ShadowClass, ShadowReport
from wire.units import Sha256

log = logging.getLogger(__name__)

AGREES_FROM: Final = 0.5  # intersection over union, and the same class
BUSY_SHARE: Final = 0.25  # of the time that the new model may be at work
_LOWEST_PRIORITY: Final = 19
_LOOK_EVERY_S: Final = 0.2
_ENDS_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two models found in one frame, counted by class."""

    agreeing: Counter[str]
    only_old: Counter[str]
    only_new: Counter[str]


def compare(old: Detections, new: Detections) -> Difference:
    """Pair boxes of one class that lie over each other, the surest of the new ones first."""
    iou, _ = overlaps(new.boxes, old.boxes)
    free = set(range(len(old)))
    agreeing, only_new = Counter[str](), Counter[str]()
    for place, code in enumerate(new.class_codes):
        alike = [other for other in free if old.class_codes[other] == code and iou[place, other] >= AGREES_FROM]
        if alike:
            free.remove(max(alike, key=lambda other: float(iou[place, other])))
        (agreeing if alike else only_new)[code] += 1
    return Difference(agreeing=agreeing, only_old=Counter(old.class_codes[other] for other in free), only_new=only_new)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Handed:
    """A frame with what the model in use found in it."""

    image: Image
    found: Detections
    took_s: float


@dataclass(slots=True)
class _Sums:
    frames: int = 0
    dropped: int = 0
    failed: int = 0
    old_s: float = 0.0
    new_s: float = 0.0
    agreeing: Counter[str] = field(default_factory=Counter[str])
    only_old: Counter[str] = field(default_factory=Counter[str])
    only_new: Counter[str] = field(default_factory=Counter[str])


class ShadowedDetector:
    """The detector in use, with a new one beside it; whoever asks it gets what the one in use finds."""

    def __init__(self, detector: Detector, beside: Detector, *, package: Sha256, share: float, now: datetime) -> None:
        """Put one beside the other.

        Args:
            detector: the one in use.
            beside: the new one, used by a thread of its own.
            package: by which the cloud knows the new one.
            share: of the frames that are handed to the new one, above 0.
            now: begins the count; another run counts anew.
        """
        self._detector, self._beside = detector, beside
        self._package, self._share, self._run_id = package, share, make_id(now)
        self._due = 0.0
        self._handed: queue.Queue[_Handed] = queue.Queue(maxsize=1)
        self._sums, self._lock = _Sums(), threading.Lock()
        self._stop = threading.Event()

    @property
    def model(self) -> ModelVersion:
        """The one in use."""
        return self._detector.model

    def prepare(self, image: Image) -> None:
        """For the one in use."""
        self._detector.prepare(image)

    def detect(self, image: Image) -> Detections:
        """What the one in use finds; the new one may look at the frame later."""
        begun_s = time.perf_counter()
        found = self._detector.detect(image)
        self._due += self._share
        if self._due >= 1.0:
            self._due -= 1.0
            self._offer(_Handed(image=image, found=found, took_s=time.perf_counter() - begun_s))
        return found

    def read(self) -> ShadowReport:
        """What was seen so far; may be asked from any thread."""
        with self._lock:
            sums = self._sums
            looked = max(sums.frames, 1)
            return ShadowReport(
                package=self._package,
                run=self._run_id,
                model=self._beside.model,
                frames=sums.frames,
                dropped=sums.dropped,
                failed=sums.failed,
                old_s=sums.old_s / looked,
                new_s=sums.new_s / looked,
                classes={
                    code: ShadowClass(
                        agreeing=sums.agreeing[code], only_old=sums.only_old[code], only_new=sums.only_new[code]
                    )
                    for code in sorted(sums.agreeing.keys() | sums.only_old.keys() | sums.only_new.keys())
                },
            )

    @contextmanager
    def running(self) -> Generator[None]:
        """Let the new model look while the context lasts."""
        thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(_ENDS_WITHIN_S)

    def _offer(self, handed: _Handed) -> None:
        try:
            self._handed.put_nowait(handed)
        except queue.Full:
            with self._lock:
                self._sums.dropped += 1

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)  # of this thread alone, on Linux
        while not self._stop.is_set():
            try:
                handed = self._handed.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue
            begun_s = time.perf_counter()
            self._look(handed)
            self._stop.wait((time.perf_counter() - begun_s) * (1 / BUSY_SHARE - 1))

    def _look(self, handed: _Handed) -> None:
        begun_s = time.perf_counter()
        try:
            seen = self._beside.detect(handed.image)
        except Exception:  # a new model may break anything; the bus goes on with what it has
            log.exception("shadow_failed")
            with self._lock:
                self._sums.failed += 1
            return
        took_s, difference = time.perf_counter() - begun_s, compare(handed.found, seen)
        with self._lock:
            self._sums.frames += 1
            self._sums.old_s += handed.took_s
            self._sums.new_s += took_s
            self._sums.agreeing += difference.agreeing
            self._sums.only_old += difference.only_old
            self._sums.only_new += difference.only_new
