"""Whether a new generation works as well as the one before: decided from what was seen, by numbers alone."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from wire.messages import CameraState

MIN_SHARE: Final = 0.7  # of the frames per second before
MAX_STARTS: Final = 2  # on trial; who begins a third time did not come to a verdict twice
LONGEST_WINDOW_S: Final = 60.0
LONGEST_LOOK_S: Final = 30.0  # before a switch: how the bus works now must be known

_WORTH: Final = {CameraState.MISSING: 0, CameraState.UNUSABLE: 1, CameraState.WORKING: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How a bus works, over a minute, or half a trial that is shorter."""

    frames_per_s: float
    camera: CameraState  # the best it was: a tunnel is no fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The end of a trial."""

    problem: str | None  # none: it passed


def verdict(*, before: Work, now: Work, asked_per_s: float, passed_s: float, trial_s: float) -> Verdict | None:
    """Judge when the trial's time is over, not before.

    Args:
        before: how the bus worked with the generation before.
        now: how it works on trial.
        asked_per_s: frames per second that the new configuration asks of the camera: it may ask for fewer.
        passed_s: since the agent began on trial.
        trial_s: how long a trial lasts.
    """
    if passed_s < trial_s:
        return None
    if before.camera is CameraState.WORKING and now.camera is not CameraState.WORKING:
        return Verdict(problem=f"the camera was working before and is {now.camera.value} now")
    wanted = MIN_SHARE * min(before.frames_per_s, asked_per_s)
    if now.frames_per_s < wanted:
        return Verdict(
            problem=f"{now.frames_per_s:.2f} frames per second; before it were {before.frames_per_s:.2f}, "
            f"at least {wanted:.2f} are expected"
        )
    return Verdict(problem=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    at_s: float
    frames: int
    camera: CameraState


class Gauge:
    """Looks at an agent now and then, from when it began; how it begins does not count."""

    def __init__(self, *, began_s: float, trial_s: float) -> None:
        self._began_s = began_s
        self._window_s = min(LONGEST_WINDOW_S, trial_s / 2)
        self._looks: deque[_Look] = deque()
        self.passed_s = 0.0

    def note(self, *, at_s: float, frames: int, camera: CameraState) -> None:
        """Note how many frames there were since the beginning."""
        self.passed_s = at_s - self._began_s
        self._looks.append(_Look(at_s=at_s, frames=frames, camera=camera))
        while len(self._looks) > 2 and at_s - self._looks[1].at_s >= self._window_s:  # noqa: PLR2004 - two make a rate
            self._looks.popleft()

    @property
    def work(self) -> Work:
        """What the looks within the window say."""
        if not self._looks:
            return Work(frames_per_s=0.0, camera=CameraState.MISSING)
        first, last = self._looks[0], self._looks[-1]
        passed_s = last.at_s - first.at_s
        return Work(
            frames_per_s=(last.frames - first.frames) / passed_s if passed_s > 0 else 0.0,
            camera=max((look.camera for look in self._looks), key=lambda camera: _WORTH[camera]),
        )
