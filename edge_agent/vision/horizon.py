"""Where the horizon is: lines along the road meet in one point, frame after frame.

It corrects how a camera was mounted. Lines are what is painted, kerbs and the road's edges. While the bus drives
straight, their vanishing point is where it goes to: its row gives the camera's pitch, its column the yaw.
"""

import math
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.ego import EgoState, turn_between
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, GroundErrors, unrolled
from edge_agent.vision.road_motion import Grey, flat_grey

Lines = NDArray[np.float64]  # (n, 4) x1 y1 x2 y2 px
Point = NDArray[np.float64]  # (2,) px

EVERY_S: Final = 0.5
TRUSTED_EVERY_S: Final = 3.0  # a mounting changes slowly
MIN_SPEED_MPS: Final = 3.0
MAX_TURN_DEG_PER_S: Final = 2.0
MAX_OFF_DEG: Final = 5.0
"""A camera is mounted nearer to its configuration than this, or a person must look."""
KEPT: Final = 40
LEAST: Final = 8
LEAST_SHARE: Final = 0.5  # of the frames in which lines met, near where they meet at large
MOST_SIGMA_DEG: Final = 0.3
TOGETHER: Final = 4.0  # frames that are about one witness: a road's bend lasts for seconds
NOD_DEG: Final = 0.3  # one sigma over a pass
FLOOR_DEG: Final = 0.1  # the road's own slope and crown, which no number of frames takes away

_MIN_LENGTH_SHARE: Final = 0.04  # of the frame's width
_STEEP: Final = math.tan(math.radians(12))  # flatter lines are cross markings and bumpers
_MOST_LINES: Final = 30
_WIDTH_PX: Final = 400  # that lines are looked for in: finer costs four times as much and tells hardly more
_MISS_RAD: Final = math.radians(1.5)
_SPREAD_RAD: Final = math.radians(25)  # lines of one direction have no meeting point
_MIN_AGREE_SHARE: Final = 0.15  # of the frame's width: summed length of lines that agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """What the frames so far say of a camera's direction."""

    row_px: float  # in the middle of the frame
    pitch_deg: float
    yaw_deg: float
    pitch_sigma_deg: float
    yaw_sigma_deg: float
    frames: int
    is_trusted: bool  # enough frames, and they agree


class HorizonFinder:
    """Running estimate, robust against single frames."""

    def __init__(self, camera: CameraModel) -> None:
        self._camera = camera
        self._found: deque[tuple[float, float]] = deque(maxlen=KEPT)  # pitch and yaw in degrees
        self._before: EgoState | None = None
        self._looked_at: datetime | None = None
        self._horizon: Horizon | None = None

    @property
    def horizon(self) -> Horizon | None:
        """None until lines were seen to meet."""
        return self._horizon

    def look(self, image: Image, ego: EgoState) -> None:
        """Take a usable frame; most are passed over."""
        before, self._before = self._before, ego
        if before is None or not _is_straight(before, ego) or not self._is_due(ego):
            return
        self._looked_at = ego.at
        found = vanishing_point(flat_grey(image, self._camera), self._camera)
        if found is not None:
            self._found.append(direction_of(self._camera, found))
            self._horizon = estimate(self._camera, list(self._found))

    def corrected(self) -> CameraModel:
        """The camera with its pitch and yaw as seen, or as configured while that is not trusted."""
        horizon = self._horizon
        if horizon is None or not horizon.is_trusted:
            return self._camera
        return replace(self._camera, pitch_deg=round(horizon.pitch_deg, 2), yaw_deg=round(horizon.yaw_deg, 2))

    def errors(self, configured: GroundErrors) -> GroundErrors:
        """What is left of the error of the pitch: where the horizon is trusted, its own and the bus's nodding."""
        if self._horizon is None or not self._horizon.is_trusted:
            return configured
        return replace(configured, pitch_deg=math.hypot(NOD_DEG, self._horizon.pitch_sigma_deg))

    def _is_due(self, ego: EgoState) -> bool:
        is_known = self._horizon is not None and self._horizon.is_trusted
        pause_s = TRUSTED_EVERY_S if is_known else EVERY_S
        return self._looked_at is None or (ego.at - self._looked_at).total_seconds() >= pause_s


def estimate(camera: CameraModel, found: list[tuple[float, float]]) -> Horizon:
    """Median over frames, with its error from their spread. Pure.

    Args:
        camera: as configured.
        found: pitch and yaw in degrees of single frames.
    """
    directions = np.array(found)
    middle = np.median(directions, axis=0)
    off = np.abs(directions - middle)
    spread = 1.4826 * np.median(off, axis=0)  # sigma of a normal spread, from the median deviation
    sigma = np.hypot(1.2533 * spread / math.sqrt(max(len(found) / TOGETHER, 1.0)), FLOOR_DEG)  # of a median
    is_near = (off <= 3 * np.maximum(spread, FLOOR_DEG)).all(axis=1)
    configured = np.array([camera.pitch_deg, camera.yaw_deg])
    is_trusted = (
        len(found) >= LEAST
        and float(is_near.mean()) >= LEAST_SHARE
        and bool((sigma <= MOST_SIGMA_DEG).all())
        and bool((np.abs(middle - configured) <= MAX_OFF_DEG).all())
    )
    pitch_deg, yaw_deg = middle.tolist()
    return Horizon(
        row_px=replace(camera, pitch_deg=pitch_deg).horizon_px,
        pitch_deg=pitch_deg,
        yaw_deg=yaw_deg,
        pitch_sigma_deg=float(sigma[0]),
        yaw_sigma_deg=float(sigma[1]),
        frames=len(found),
        is_trusted=is_trusted,
    )


def direction_of(camera: CameraModel, point: Point) -> tuple[float, float]:
    """Pitch and yaw, in degrees, of a camera that sees the way straight ahead at this point. Pure."""
    right, down = unrolled(camera, u_px=float(point[0]), v_px=float(point[1]))
    pitch = math.atan(-down)
    return math.degrees(pitch), math.degrees(math.atan(-right * math.cos(pitch)))


def vanishing_point(grey: Grey, camera: CameraModel) -> Point | None:
    """Point in which the road's lines of one frame meet; None when they do not."""
    lines = _lines(grey, camera)
    if len(lines) < 2:  # noqa: PLR2004 - one line meets nothing
        return None
    agreeing = _largest_agreement(lines, camera)
    return None if agreeing is None else _meeting_point(agreeing)


def _is_straight(before: EgoState, ego: EgoState) -> bool:
    passed_s = (ego.at - before.at).total_seconds()
    turn_deg = abs(turn_between(before.heading_deg, ego.heading_deg))
    return 0 < passed_s < 1 and ego.speed_mps >= MIN_SPEED_MPS and turn_deg <= MAX_TURN_DEG_PER_S * max(passed_s, 0.5)


def _lines(grey: Grey, camera: CameraModel) -> Lines:
    """Long lines of the road, longest first: below any row at which the horizon may be."""
    lowest = replace(camera, pitch_deg=camera.pitch_deg - 1.0).horizon_px
    top = int(np.clip(lowest, 0, camera.height_px - 16))
    share = min(1.0, _WIDTH_PX / camera.width_px)
    small = cv2.resize(grey[top:], None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    found: NDArray[np.float32] | None = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE).detect(small)[0]  # pyright: ignore[reportAssignmentType]
    if found is None:
        return np.zeros((0, 4))
    lines: Lines = (found.reshape(-1, 4).astype(np.float64) + 0.5) / share - 0.5 + [0, top, 0, top]
    along = lines[:, 2:] - lines[:, :2]
    length = np.hypot(*along.T)
    is_useful = (length >= _MIN_LENGTH_SHARE * camera.width_px) & (np.abs(along[:, 1]) >= _STEEP * np.abs(along[:, 0]))
    order = np.argsort(-length[is_useful])[:_MOST_LINES]
    return lines[is_useful][order]


def _largest_agreement(lines: Lines, camera: CameraModel) -> Lines | None:
    """Lines that point to one possible point, of all crossings of two the one with the greatest length behind it."""
    points = _crossings(lines)
    points = points[_is_possible(camera, points)]
    if not len(points):
        return None
    length = np.hypot(*(lines[:, 2:] - lines[:, :2]).T)
    agrees = _miss_rad(lines, points) <= _MISS_RAD
    best = int(np.argmax(agrees @ length))
    chosen = lines[agrees[best]]
    is_enough = length[agrees[best]].sum() >= _MIN_AGREE_SHARE * camera.width_px
    return chosen if is_enough and _spread_rad(chosen) >= _SPREAD_RAD else None


def _crossings(lines: Lines) -> NDArray[np.float64]:
    """Where each line meets each later one (k, 2)."""
    a, b = (line.ravel() for line in np.triu_indices(len(lines), 1))
    planes = _planes(lines)
    meeting = np.cross(planes[a], planes[b])
    meeting = meeting[np.abs(meeting[:, 2]) > 1e-6]  # noqa: PLR2004 - parallel lines meet nowhere
    return meeting[:, :2] / meeting[:, 2:]


def _planes(lines: Lines) -> NDArray[np.float64]:
    """Coefficients (n, 3) of each line, so that those times (x, y, 1) is the distance of a point."""
    along = lines[:, 2:] - lines[:, :2]
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    return np.column_stack([normal, -(normal * lines[:, :2]).sum(axis=1)])


def _is_possible(camera: CameraModel, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    reach_px = math.tan(math.radians(2 * MAX_OFF_DEG)) * camera.focal_px
    return np.all(np.abs(points - camera.ahead_px) <= reach_px, axis=1, keepdims=False)


def _miss_rad(lines: Lines, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle (k, n) between each line and the way from its middle to each point."""
    middles, along = (lines[:, :2] + lines[:, 2:]) / 2, lines[:, 2:] - lines[:, :2]
    way = points[:, None] - middles[None]
    across = np.abs(way[..., 0] * along[:, 1] - way[..., 1] * along[:, 0])
    ahead = np.abs(way[..., 0] * along[:, 0] + way[..., 1] * along[:, 1])
    return np.arctan2(across, ahead)


def _spread_rad(lines: Lines) -> float:
    along = lines[:, 2:] - lines[:, :2]
    angles = np.arctan2(np.abs(along[:, 1]), along[:, 0] * np.sign(along[:, 1]))
    return float(np.ptp(angles))


def _meeting_point(lines: Lines) -> Point:
    """Point with the least squared distance from all lines; long ones count more."""
    planes = _planes(lines)
    weight = np.hypot(*(lines[:, 2:] - lines[:, :2]).T)
    sides, offsets = planes[:, :2] * weight[:, None], -planes[:, 2] * weight
    return np.asarray(np.linalg.solve(sides.T @ sides, sides.T @ offsets), np.float64)
