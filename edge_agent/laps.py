"""How long the steps of one frame took."""

import time
from collections.abc import Mapping


class Laps:
    """A stopwatch; a step that is ended twice gets the sum."""

    def __init__(self) -> None:
        self.steps_ms: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def end(self, step: str, *, parts_ms: Mapping[str, float] | None = None) -> None:
        """End a step; its parts are noted under their own names, the step keeps the rest."""
        now_s = time.perf_counter()
        rest_ms = (now_s - self._last_s) * 1e3
        for part, part_ms in (parts_ms or {}).items():
            self._add(part, part_ms)
            rest_ms -= part_ms
        self._add(step, rest_ms)
        self._last_s = now_s

    def _add(self, step: str, step_ms: float) -> None:
        self.steps_ms[step] = self.steps_ms.get(step, 0.0) + step_ms
