"""Which damage is on the road now: what has appeared, and is not repaired or has broken up again."""

import threading
from collections.abc import Callable
from typing import Final

from simulator.truth import Defect

HOLDS_S: Final = (240.0, 720.0)  # a repair; years in a town, but a demo without an end must not run out of damage


def _not_yet() -> float:
    return 0.0


class Repairs:
    """Looked at by many cameras, made by crews. Time stands still until it begins."""

    def __init__(self, made: Callable[[Defect, float], None] | None = None) -> None:
        """Nothing is repaired yet; `made` is told of each repair and for how many seconds it holds."""
        self._made = made
        self._lock = threading.Lock()
        self._holds_until_s: dict[str, float] = {}
        self._elapsed_s: Callable[[], float] = _not_yet

    def begin(self, elapsed_s: Callable[[], float]) -> None:
        """Let the simulation's time count."""
        self._elapsed_s = elapsed_s

    def elapsed_s(self) -> float:
        """Seconds of the simulation."""
        return self._elapsed_s()

    def add(self, defect: Defect) -> None:
        """Repair it; for how long that holds is its own."""
        shortest_s, longest_s = HOLDS_S
        holds_s = shortest_s + (longest_s - shortest_s) * (defect.seed % 997) / 997
        with self._lock:
            self._holds_until_s = self._holds_until_s | {defect.id: self._elapsed_s() + holds_s}
        if self._made is not None:
            self._made(defect, holds_s)

    def is_there(self, defect: Defect) -> bool:
        """Whether who looks now sees it."""
        now_s = self._elapsed_s()
        return defect.appears_s <= now_s and now_s >= self._holds_until_s.get(defect.id, 0.0)
