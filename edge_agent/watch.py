"""What one frame showed, for whoever watches the agent at work; made only when somebody does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edge_agent.ego import EgoState
from edge_agent.readings import FrameReading
from edge_agent.vision.detections import Box, Detections
from edge_agent.vision.horizon import Horizon
from wire.messages import Unusable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackView:
    """A thing that is being followed."""

    class_code: str
    probability: float  # that it is there
    looks: int
    box: Box  # where it should be in this frame
    is_confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One frame and everything that was made of it."""

    frame: FrameReading
    ego: EgoState | None
    verdict: Unusable | None  # of the quality gate; None is usable
    detections: Detections
    tracks: tuple[TrackView, ...]
    horizon_px: float | None  # row measured from the road itself; None while unknown
    steps_ms: Mapping[str, float]  # quality, motion, resize, network, fuse, second look, position, …; those taken
    horizon: Horizon | None = None  # the same with its angles and how sure they are

    @property
    def tracks_in_view(self) -> tuple[TrackView, ...]:
        """Those that the bus has not passed yet: the others are followed a little longer."""
        height_px, width_px = self.frame.image.shape[:2]
        return tuple(
            track
            for track in self.tracks
            if track.box[2] > 0 and track.box[3] > 0 and track.box[0] < width_px and track.box[1] < height_px
        )


class Watcher(Protocol):
    """Told of each frame in the agent's own thread: it must return at once."""

    def show(self, scene: Scene) -> None: ...
