"""What was looked at: stretches of about 100 m, with how well."""

import math
from collections import Counter
from typing import Final

from edge_agent.ego import EgoState, offset_between
from edge_agent.vision.quality import Judged
from edge_agent.vision.view import View
from wire.error_model import Quality
from wire.messages import Coverage, ModelVersion, Unusable
from wire.units import ClassCode

POINT_EVERY_M: Final = 5.0
MAX_POINTS: Final = 256  # limit of the contract
MAX_GAP_S: Final = 3.0  # a longer gap ends the stretch: nobody knows the way between


class CoverageLog:
    """Collects frames until a stretch is long enough."""

    def __init__(
        self,
        *,
        stretch_m: float,
        view: View,
        camera_id: str,
        model: ModelVersion,
        looked_for: tuple[ClassCode, ...] | None = None,
    ) -> None:
        self._stretch_m = stretch_m
        self._view = view
        self._camera_id = camera_id
        self._model, self._looked_for = model, looked_for
        self._states: list[EgoState] = []  # one each few metres
        self._latest: EgoState | None = None
        self._length_m = 0.0
        self._usable: Counter[Quality] = Counter()
        self._unusable: Counter[Unusable] = Counter()
        self._unplaced: Counter[Unusable] = Counter()  # since the place was last known: of this stretch, or of none

    def look_through(self, view: View) -> None:
        """Go on with a view that is known better."""
        self._view = view

    def note_dropped(self, frames: int) -> None:
        """Count frames that nobody looked at."""
        self._unusable[Unusable.DROPPED] += frames

    def note(self, ego: EgoState | None, judged: Judged) -> Coverage | None:
        """Count one frame; the stretch that it completes, if any."""
        if ego is None:
            self._unplaced[judged.unusable or Unusable.NO_POSITION] += 1
            return None
        ended = self._end_if_broken(ego)
        self._count(judged)
        self._go_on(ego)
        is_full = self._length_m >= self._stretch_m or len(self._states) >= MAX_POINTS
        return self.end(next_state=ego) if is_full else ended

    def end(self, next_state: EgoState | None = None) -> Coverage | None:
        """Close the stretch; None when the bus has hardly moved, and then the counts stay for the next one."""
        coverage = self._coverage()
        self._states = [] if next_state is None else [next_state]
        self._length_m = 0.0
        if coverage is not None:
            self._usable, self._unusable = Counter(), Counter()
        return coverage

    def _end_if_broken(self, ego: EgoState) -> Coverage | None:
        """Close the stretch before a gap, whose frames are of none; those of a short one are of the stretch."""
        unplaced, self._unplaced = self._unplaced, Counter()
        passed_s = math.inf if self._latest is None else (ego.at - self._latest.at).total_seconds()
        if not 0.0 <= passed_s <= MAX_GAP_S:
            return self.end()
        self._unusable += unplaced
        return None

    def _count(self, judged: Judged) -> None:
        if judged.unusable is None:
            self._usable[judged.quality] += 1
        else:
            self._unusable[judged.unusable] += 1

    def _go_on(self, ego: EgoState) -> None:
        self._latest = ego
        if not self._states:
            self._states.append(ego)
            return
        last = self._states[-1]
        step_m = offset_between(lon=last.lon, lat=last.lat, to_lon=ego.lon, to_lat=ego.lat).length_m
        if step_m >= POINT_EVERY_M:
            self._states.append(ego)
            self._length_m += step_m

    def _coverage(self) -> Coverage | None:
        states, view = self._states, self._view
        if len(states) < 2:  # noqa: PLR2004 - a line has two ends
            return None
        usable = self._usable.total()
        frames = usable + self._unusable.total()
        first, last = states[0], states[-1]
        way = offset_between(lon=first.lon, lat=first.lat, to_lon=last.lon, to_lat=last.lat)
        return Coverage(
            from_at=first.at,
            to_at=last.at,
            line=tuple((state.lon, state.lat) for state in states),
            heading_deg=way.course_deg if way.length_m >= POINT_EVERY_M else last.heading_deg,
            accuracy_m=sum(state.accuracy_m for state in states) / len(states),
            frames=frames,
            usable_share=usable / frames if frames else 0.0,
            unusable={reason: count for reason, count in self._unusable.items() if count},
            near_m=max(view.near_m, 0.0),  # the antenna may be ahead of the lens
            far_m=max(view.far_m, 0.0),
            left_m=view.left_m,
            right_m=view.right_m,
            camera_id=self._camera_id,
            model=self._model,
            looked_for=self._looked_for,
            quality=max(self._usable, key=self._usable.__getitem__, default=None),
        )
