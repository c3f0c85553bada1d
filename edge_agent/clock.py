"""What time it is: a satellite's or the network's time, carried on by a counter that nobody sets.

The clock of the machine may begin in 1970 or 2038, and jump when somebody sets it. It is believed where it is
plausible, until something better is known; then only steps that are needed are taken, and told.
"""

import ctypes
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from wire.messages import ClockSource

log = logging.getLogger(__name__)

RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No bus runs this program before; a receiver's date is right modulo 1,024 weeks, counted from here."""
ROLLOVER: Final = timedelta(weeks=1024)  # GPS counts weeks with ten bits (IS-GPS-200, section 20.3.3.3.1.1)
LONGEST_REST: Final = timedelta(days=1100)  # a bus that stood for longer has lost its time
AGREE_S: Final = 2.0  # fixes agree when they differ by less than a receiver's delay
AGREEING: Final = 3  # fixes that must agree before the first is believed
AGREEING_AGAINST: Final = 10  # and against those before: a receiver that hangs tells some late, one after the other
KEPT_FIXES: Final = 30
FRESH_S: Final = 10.0  # how long a fix vouches for the clock
GNSS_HOLDS_S: Final = 3600.0  # without fixes; a quartz drifts by up to 0.2 s in this time
NETWORK_EVERY_S: Final = 10.0
STEP_S: Final = 1.0  # less is not a step: time stands still until it is true again
PATIENCE_S: Final = 120.0  # how long a message waits for the time; a receiver finds it within a minute
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES: Final = 512  # more than struct timex has anywhere


def system_now() -> datetime:
    return datetime.now(UTC)


def is_system_synchronised() -> bool:
    """Whether the kernel says that NTP holds its clock."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "adjtimex"):
        return False
    state = int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))  # all zero: it only asks
    return 0 <= state < _UNSYNCHRONISED


def unrolled(at: datetime) -> datetime:
    """Undo the rollover of a receiver's week counter: the one time in the 1,024 weeks after our release."""
    weeks = (at - RELEASED) // ROLLOVER
    return at - weeks * ROLLOVER


class BusClock:
    """Safe to ask from every thread."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        system: Callable[[], datetime] = system_now,
        is_synchronised: Callable[[], bool] = is_system_synchronised,
    ) -> None:
        """Begin with the machine's clock, if it can be right."""
        self._monotonic, self._system, self._is_synchronised = monotonic, system, is_synchronised
        self._lock = threading.Lock()
        self._begun_s = monotonic()
        self._floor = RELEASED
        self._offset_s = self._guess()  # UTC minus the counter
        self._source = ClockSource.NONE
        self._fixes: deque[float] = deque(maxlen=KEPT_FIXES)  # offsets that they say; late by the receiver's delay
        self._doubtful: list[float] = []
        self._fix_at_s: float | None = None
        self._network_at_s = -NETWORK_EVERY_S
        self._told_s = 0.0
        self._step_s = 0.0
        self.corrected_s: float | None = None
        """What was added to our times when they turned out to be wrong, the last time."""

    def now(self) -> datetime:
        """UTC as it is known best. It never goes back by less than a step."""
        with self._lock:
            self._ask_network()
            told_s = self._monotonic() + self._offset_s
            if not self._told_s - STEP_S <= told_s < self._told_s:
                self._told_s = told_s
            return _utc(self._told_s)

    def certain(self) -> datetime:
        """A time that has certainly come: the true one, or while nobody knows it the last known one and what passed."""
        now = self.now()
        with self._lock:
            return now if self._is_known else self._earliest()

    def note_past(self, at: datetime) -> None:
        """Learn of a time that has been, from what is kept on the disk."""
        with self._lock:
            self._floor = max(self._floor, at)
            if not self._is_known:
                self._offset_s = self._guess()

    def hear_gnss(self, at: datetime) -> datetime:
        """Hear the time of a fix at the moment when it comes; what it really is."""
        at = unrolled(at)
        with self._lock:
            now_s = self._monotonic()
            self._weigh(at.timestamp() - now_s)
            if self._fixes:
                self._fix_at_s = now_s if not self._doubtful else self._fix_at_s
                self._believe(max(self._fixes), ClockSource.GNSS)  # the least late
        return at

    @property
    def is_known(self) -> bool:
        """Whether a satellite or the network has told the time since we began."""
        with self._lock:
            return self._is_known

    @property
    def is_worth_waiting_for(self) -> bool:
        """Whether nobody knows the time, the machine's own cannot be right, and it may soon be known."""
        self.now()
        with self._lock:
            is_lost = not self._is_known and not self._is_plausible(self._system())
            return is_lost and self._monotonic() - self._begun_s < PATIENCE_S

    @property
    def source(self) -> ClockSource:
        """Who vouches for the time now."""
        with self._lock:
            if self._fix_at_s is not None and self._monotonic() - self._fix_at_s < FRESH_S:
                return ClockSource.GNSS
            return ClockSource.NTP if self._source is ClockSource.NTP else ClockSource.NONE

    @property
    def system_offset_s(self) -> float | None:
        """By how much the machine's clock is ahead; None while the time is not known."""
        now = self.now()
        return (self._system() - now).total_seconds() if self.is_known else None

    def take_step(self) -> float:
        """Seconds to be added to times that were told since the last call; 0 when they were right."""
        with self._lock:
            step_s, self._step_s = self._step_s, 0.0
            return step_s

    @property
    def _is_known(self) -> bool:
        return self._source is not ClockSource.NONE

    def _guess(self) -> float:
        """The machine's clock where it can be right, else the last known time."""
        system = self._system()
        at = system if self._is_plausible(system) else self._earliest()
        return at.timestamp() - self._monotonic()

    def _is_plausible(self, at: datetime) -> bool:
        return self._floor <= at <= self._floor + LONGEST_REST

    def _earliest(self) -> datetime:
        return self._floor + timedelta(seconds=self._monotonic() - self._begun_s)

    def _weigh(self, offset_s: float) -> None:
        """Take a fix that agrees with those before; one that does not needs others of its own kind."""
        if self._fixes and abs(offset_s - max(self._fixes)) < AGREE_S:
            self._fixes.append(offset_s)
            self._doubtful.clear()
            return
        self._doubtful = [*(each for each in self._doubtful if abs(each - offset_s) < AGREE_S), offset_s]
        if len(self._doubtful) >= (AGREEING_AGAINST if self._fixes else AGREEING):
            self._fixes = deque(self._doubtful, maxlen=KEPT_FIXES)
            self._doubtful = []

    def _ask_network(self) -> None:
        now_s = self._monotonic()
        if now_s - self._network_at_s < NETWORK_EVERY_S:
            return
        self._network_at_s = now_s
        has_fixes = self._fix_at_s is not None and now_s - self._fix_at_s < GNSS_HOLDS_S
        if not has_fixes and self._is_synchronised():
            self._believe(self._system().timestamp() - now_s, ClockSource.NTP)

    def _believe(self, offset_s: float, source: ClockSource) -> None:
        change_s = offset_s - self._offset_s
        if abs(change_s) >= STEP_S:
            self.corrected_s = change_s
            self._step_s += 0.0 if self._is_known else change_s
            log.warning("clock_corrected by_s=%.3f source=%s", change_s, source.value)
        self._offset_s, self._source = offset_s, source


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
