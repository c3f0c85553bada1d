"""How much one caller may ask: buckets that fill up by themselves, kept by this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST_CALLERS: Final = 20_000


class Buckets:
    """One bucket a caller; callers that were not heard of for longest are forgotten first."""

    def __init__(self, *, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take one; tells how many seconds to wait when there is none, and takes nothing then."""
        left = self._fill(caller)
        if left < 1:
            return (1 - left) / self._per_s
        self._left[caller] = (left - 1, self._clock())
        return 0.0

    def wait_of(self, caller: str) -> float:
        """Seconds until there is one; nothing is taken."""
        left = self._fill(caller)
        return 0.0 if left >= 1 else (1 - left) / self._per_s

    def _fill(self, caller: str) -> float:
        now = self._clock()
        left, at = self._left.get(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        self._left[caller] = (left, now)
        self._left.move_to_end(caller)
        while len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return left


class Familiar:
    """The credentials that were good lately: strangers at the same address do not make their owners wait."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def add(self, credential: str) -> None:
        """It was good."""
        self._seen[credential] = None
        self._seen.move_to_end(credential)
        while len(self._seen) > MOST_CALLERS:
            self._seen.popitem(last=False)

    def drop(self, credential: str) -> None:
        """It was refused."""
        self._seen.pop(credential, None)

    def __contains__(self, credential: str) -> bool:
        return credential in self._seen
