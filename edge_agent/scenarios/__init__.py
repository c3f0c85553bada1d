"""From detections to observations, one folder per use; only this file lists them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from edge_agent.config import AgentConfig
from edge_agent.ego import EgoState
from edge_agent.readings import FrameReading, GnssReading, Image
from edge_agent.scenarios.road_damage.known_errors import read_known_errors
from edge_agent.scenarios.road_damage.scenario import FrameJudged, RoadDamage
from edge_agent.scenarios.whereabouts.scenario import Whereabouts
from edge_agent.vision.detections import Detector
from edge_agent.vision.ground import CameraModel
from edge_agent.watch import Watcher
from wire.messages import Message


class Outcome(Protocol):
    """A message that is to leave the bus, with the frame that shows it."""

    @property
    def message(self) -> Message: ...

    @property
    def observed_at(self) -> datetime: ...

    @property
    def image(self) -> Image | None: ...


class Scenario(Protocol):
    """One use of what the bus senses."""

    def take_fix(self, fix: GnssReading) -> Sequence[Outcome]: ...

    def look(self, frame: FrameReading, ego: EgoState | None, *, dropped: int) -> Sequence[Outcome]: ...

    def end(self) -> Sequence[Outcome]: ...


def make_scenarios(
    config: AgentConfig,
    *,
    detector: Detector,
    camera: CameraModel,
    on_frame: FrameJudged,
    watcher: Watcher | None = None,
) -> list[Scenario]:
    """Every scenario that runs on a bus.

    Raises:
        ConfigurationError: the camera does not look at the road.
        ModelError: what was measured of the model cannot be read.
    """
    return [
        RoadDamage(
            detector,
            camera=camera,
            camera_id=config.camera.id,
            stretch_m=config.coverage.stretch_m,
            on_frame=on_frame,
            known=read_known_errors(config.model.manifest, camera),
            watcher=watcher,
        ),
        Whereabouts(batch_s=config.track.batch_s),
    ]
