"""From readings to messages, one folder per use; only this file lists them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from edge_agent.config import AgentConfig
from edge_agent.ego import EgoState
from edge_agent.readings import Image, Reading
from edge_agent.scenarios.road_damage.known_errors import read_known_errors
from edge_agent.scenarios.road_damage.scenario import FrameJudged, RoadDamage
from edge_agent.scenarios.safe_driving.rests import DrivenFile
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from edge_agent.scenarios.safe_travel.scenario import SafeTravel
from edge_agent.scenarios.stop_sensors.scenario import StopSensors
from edge_agent.scenarios.street_furniture.kinds import read_outlines
from edge_agent.scenarios.street_furniture.scenario import StreetFurniture
from edge_agent.scenarios.whereabouts.scenario import AT_STOP_S, Whereabouts
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

    def take(self, reading: Reading, ego: EgoState | None) -> Sequence[Outcome]:
        """Take a reading, or let it pass; `ego` is the bus at that time, as well as it is known.

        Frames come a little late, when the fix after them is there; all else comes in the order of its time.
        """
        ...

    def end(self) -> Sequence[Outcome]:
        """Say what is left to say: no reading follows, or only such of a clock that was set."""
        ...


def make_scenarios(
    config: AgentConfig,
    *,
    detector: Detector | None,
    camera: CameraModel | None,
    on_frame: FrameJudged,
    watcher: Watcher | None = None,
    furniture: Detector | None = None,
) -> list[Scenario]:
    """Every scenario that runs on a bus: one line for each, None where its section of the configuration is missing.

    Raises:
        ConfigurationError: the camera does not look at the road.
        ModelError: what was measured of the model cannot be read.
    """
    driven_file = DrivenFile(config.outbox.path.with_suffix(".driven.json"))
    wanted: list[Scenario | None] = [
        None
        if config.camera is None or camera is None or detector is None
        else RoadDamage(
            detector,
            camera=camera,
            camera_id=config.camera.id,
            stretch_m=config.coverage.stretch_m,
            on_frame=on_frame,
            known=read_known_errors(config.model.manifest, camera),
            watcher=watcher,
        ),
        None
        if config.camera is None or config.furniture is None or camera is None or furniture is None
        else StreetFurniture(
            furniture,
            read_outlines(config.furniture.manifest),
            camera=camera,
            camera_id=config.camera.id,
            stretch_m=config.coverage.stretch_m,
            every_m=config.furniture.every_m,
        ),
        Whereabouts(batch_s=config.track.batch_s)
        if config.place is None
        else Whereabouts(batch_s=0.0, every_s=_at_stop_every_s(config)),
        None
        if config.place is None or config.sensors is None
        else StopSensors(config.place, report_s=config.sensors.report_s),
        None if config.ble is None else SafeTravel(),
        None if config.driving is None else SafeDriving(config.driving, driven_file),
    ]
    return [scenario for scenario in wanted if scenario is not None]


def _at_stop_every_s(config: AgentConfig) -> float:
    """A stop stays where it is; but of one that hears tags, each report of its radio needs a place with it."""
    return AT_STOP_S if config.ble is None else min(AT_STOP_S, config.health.every_s / 2)
