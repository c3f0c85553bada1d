"""Where the camera should look, in words: pure."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge_agent.vision.ground import CameraModel

BAND: Final = 0.12, 0.32
"""Rows, as shares of the frame's height, between which the horizon should lie: enough of it in the frame to measure it,
and more than two thirds of the frame are road, from a few metres before the bus on."""
SAME_DEG: Final = 0.5  # between the measured and the configured pitch: what a bus's load and tyres make of it
SAME_YAW_DEG: Final = 1.0  # the detector does not mind a turn, positions are 0.2 m off at 12 m


class Tilt(StrEnum):
    """What to do with the camera."""

    RIGHT = "right"
    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Advice for the person who holds the camera."""

    tilt: Tilt
    degrees: float  # to tilt by, to bring the horizon to the middle of the band
    pitch_deg: float  # that the camera has now
    is_as_configured: bool


def aim_of(camera: CameraModel, *, horizon_px: float) -> Aim:
    """Advice from the row at which the horizon is seen."""
    share = horizon_px / camera.height_px
    pitch_deg = pitch_of(camera, horizon_px)
    wanted_deg = pitch_of(camera, sum(BAND) / 2 * camera.height_px)
    tilt = Tilt.RIGHT if BAND[0] <= share <= BAND[1] else Tilt.DOWN if share > BAND[1] else Tilt.UP
    return Aim(
        tilt=tilt,
        degrees=abs(wanted_deg - pitch_deg),
        pitch_deg=pitch_deg,
        is_as_configured=abs(pitch_deg - camera.pitch_deg) <= SAME_DEG,
    )


def pitch_of(camera: CameraModel, horizon_px: float) -> float:
    """Pitch below the horizontal, in degrees, of a camera that sees the horizon at this row."""
    above_px = (camera.height_px / 2 - horizon_px) * math.cos(math.radians(camera.roll_deg))
    return math.degrees(math.atan2(above_px, camera.focal_px))
