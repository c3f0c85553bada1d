"""Scenes to look at, as the agent shows them."""

import numpy as np

from edge_agent.preview.status import BusStatus
from edge_agent.readings import FrameReading
from edge_agent.vision.detections import Detections, no_detections
from edge_agent.vision.horizon import Horizon
from edge_agent.watch import Scene, TrackView
from tests.unit.edge_agent.scenes import START, road_image, state
from wire.messages import Unusable

BOX = np.array([100, 150, 140, 170], np.float32)
FOUND = Detections(boxes=BOX[None], confidences=np.array([0.61], np.float32), class_codes=("D40",))
TRACK = TrackView(class_code="D40", probability=0.83, looks=3, box=BOX + 4, is_confirmed=True)
BUS = BusStatus(device="bus-1", frames_dropped=2, messages_waiting=7, pictures_waiting=1, bytes_waiting=1234)


def scene(
    *,
    verdict: Unusable | None = None,
    found: Detections | None = FOUND,
    tracks: tuple[TrackView, ...] = (TRACK,),
    horizon_px: float | None = None,
    has_position: bool = True,
    horizon: Horizon | None = None,
) -> Scene:
    """One frame of a drive."""
    return Scene(
        frame=FrameReading(at=START, camera_id="front", image=road_image()),
        ego=state(0, speed_mps=8.0, at=START) if has_position else None,
        verdict=verdict,
        detections=no_detections() if found is None else found,
        tracks=tracks,
        horizon_px=horizon_px if horizon is None else horizon.row_px,
        horizon=horizon,
        steps_ms={"quality": 1.25, "network": 40.0, "second look": 4.0},
    )


def horizon(*, yaw_deg: float = 0.0, is_trusted: bool = True) -> Horizon:
    return Horizon(
        row_px=60.0,
        pitch_deg=13.0,
        yaw_deg=yaw_deg,
        pitch_sigma_deg=0.1,
        yaw_sigma_deg=0.1,
        frames=20,
        is_trusted=is_trusted,
    )
