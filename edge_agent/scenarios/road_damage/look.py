"""One frame in which a thing was found, and which looks of one frame show one thing. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_agent.ego import EgoState
from edge_agent.errors import AboveHorizonError
from edge_agent.readings import FrameReading, Image
from edge_agent.vision.detections import Box, overlaps
from edge_agent.vision.ground import (
    NEAR_MARGIN_PX,
    CameraModel,
    GroundErrors,
    GroundPoint,
    RoadSize,
    box_foot_on_road,
    footprint_on_road,
    rise_deg,
    size_on_road,
)
from wire.error_model import Quality

MAX_ALONG_M: Final = 10.0  # one sigma; a place known worse than this is no place
MOST_RISE_DEG: Final = 5.0  # over the horizon: of a road uphill; what stands up higher, a tree or a wall, is no road
CUT_FOOT_M: Final = 1.5  # one sigma of where a thing ends that goes on below the frame's edge
CRACKS: Final = frozenset({"D00", "D10", "D20"})
"""Kinds of crack: one crack is often taken for two kinds, or for both, in one frame and the next."""
SAME_SHARE: Final = 0.6  # of the smaller box that the other covers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One frame in which a thing was found."""

    at: datetime
    box: Box
    class_code: str
    confidence: float
    ground: GroundPoint
    footprint: RoadSize  # what of it shows in this frame
    size: RoadSize | None  # None when it could not be measured in this frame
    is_cut: bool  # the thing may go on below the frame's lower edge
    heading_deg: float
    image: Image | None  # of the best look at a thing alone: frames are large
    quality: Quality

    @property
    def own_along_m(self) -> float:
        return math.hypot(self.ground.own_along_m, CUT_FOOT_M if self.is_cut else 0.0)

    @property
    def spread(self) -> tuple[float, float]:
        """Variances (forward, right) of its place, seen from the bus."""
        forward_m2 = self.own_along_m**2 + self.ground.shared_along_m**2
        return forward_m2, self.ground.own_across_m**2 + self.ground.shared_across_m**2

    @property
    def width_px(self) -> float:
        return float(self.box[2] - self.box[0])

    @property
    def height_px(self) -> float:
        return float(self.box[3] - self.box[1])


def look_at(
    frame: FrameReading,
    box: Box,
    *,
    class_code: str,
    confidence: float,
    ego: EgoState,
    camera: CameraModel,
    errors: GroundErrors,
    quality: Quality = "good",
) -> Look | None:
    """Put a box on the road; None when it does not reach it, stands up from it, or its place would be no place."""
    try:
        ground = box_foot_on_road(box, ego=ego, camera=camera, errors=errors)
        footprint = footprint_on_road(box, camera=camera)
        rise = rise_deg(camera, u_px=float(box[0] + box[2]) / 2, v_px=float(box[1]))
    except AboveHorizonError:
        return None
    if ground.along_m > MAX_ALONG_M or rise > MOST_RISE_DEG:
        return None
    return Look(
        at=frame.at,
        box=box,
        class_code=class_code,
        confidence=confidence,
        ground=ground,
        footprint=footprint,
        size=size_on_road(box, camera=camera),
        is_cut=bool(box[3] >= camera.height_px - NEAR_MARGIN_PX),
        heading_deg=ego.heading_deg,
        image=frame.image,
        quality=quality,
    )


def are_akin(class_code: str, other: str) -> bool:
    """Whether two codes may be pieces of one thing."""
    return class_code == other or {class_code, other} <= CRACKS


def one_each(looks: Sequence[Look]) -> list[Look]:
    """Of looks at one thing in one frame the surest: a crack that is also called a net is one thing."""
    kept: list[Look] = []
    for look in sorted(looks, key=lambda look: -look.confidence):
        if not any(_show_one_thing(look, other) for other in kept):
            kept.append(look)
    return kept


def _show_one_thing(look: Look, other: Look) -> bool:
    if not are_akin(look.class_code, other.class_code):
        return False
    _, of_smaller = overlaps(look.box[None], other.box[None])
    return bool(of_smaller[0, 0] >= SAME_SHARE)
