"""Which defects a camera really showed: what a score may ask for."""

import threading
from collections import Counter
from collections.abc import Set as AbstractSet

LEAST_FRAMES = 2  # one frame is never enough


class Exposures:
    """Passes in which a defect came into view and left it again; fed by many buses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passes: Counter[str] = Counter()

    def add(self, defect_id: str, *, frames: int) -> None:
        """Note a pass that is over."""
        if frames >= LEAST_FRAMES:
            with self._lock:
                self._passes[defect_id] += 1

    def passes(self) -> dict[str, int]:
        """Number of passes of each defect."""
        with self._lock:
            return dict(self._passes)


class InView:
    """What one camera has in view; a pass that is not over when it stops is not counted."""

    def __init__(self, exposures: Exposures) -> None:
        self._exposures = exposures
        self._frames: Counter[str] = Counter()

    def show(self, defect_ids: AbstractSet[str]) -> None:
        """Note one frame."""
        for gone in self._frames.keys() - defect_ids:
            self._exposures.add(gone, frames=self._frames.pop(gone))
        self._frames.update(defect_ids)
