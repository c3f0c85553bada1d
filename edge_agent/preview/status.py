"""What the page tells beside the picture, as JSON."""

from dataclasses import asdict, dataclass
from typing import Final, NotRequired, TypedDict

from edge_agent.preview.aim import BAND, SAME_YAW_DEG, aim_of
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.horizon import Horizon
from edge_agent.watch import Scene

MOST_LISTED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BusStatus:
    """How the bus is, apart from the frame."""

    device: str
    frames_dropped: int
    messages_waiting: int
    pictures_waiting: int
    bytes_waiting: int


class AimStatus(TypedDict):
    tilt: str
    degrees: float
    pitch_deg: float
    configured_deg: float
    is_as_configured: bool


class TurnStatus(TypedDict):
    """To the right of the bus's heading."""

    yaw_deg: float
    configured_deg: float
    is_as_configured: bool


class Rows(TypedDict):
    """Of the horizon in the middle of the frame, as shares of its height."""

    configured: float
    measured: float | None
    fall: float  # rows for each column to the right
    band: tuple[float, float]


class Thing(TypedDict):
    class_code: str
    confidence: float
    looks: NotRequired[int]
    is_confirmed: NotRequired[bool]


class SizeStatus(TypedDict):
    """What frames have and what is configured, as width x height."""

    px: str
    configured_px: str


class Fix(TypedDict):
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float
    accuracy_m: float


class Status(TypedDict):
    number: int
    at: str
    frames_per_s: float
    verdict: str | None
    has_picture: bool
    size: SizeStatus | None
    horizon: Rows
    aim: AimStatus | None
    turn: TurnStatus | None
    fix: Fix | None
    boxes: list[Thing]
    tracks: list[Thing]
    steps_ms: dict[str, float]
    bus: dict[str, str | int]


def status_of(
    scene: Scene, camera: CameraModel, bus: BusStatus, *, number: int, frames_per_s: float, has_picture: bool
) -> Status:
    """Put a scene and the bus's state into words and numbers."""
    found, ego, height_px = scene.detections, scene.ego, camera.height_px
    boxes = zip(found.class_codes, found.confidences, strict=True)
    measured_px, is_sure = scene.horizon_px, scene.horizon is None or scene.horizon.is_trusted
    return Status(
        number=number,
        at=scene.frame.at.isoformat(timespec="milliseconds"),
        frames_per_s=round(frames_per_s, 1),
        verdict=scene.verdict,
        has_picture=has_picture,
        size=size_status(camera, scene.frame.image),
        horizon=Rows(
            configured=camera.horizon_px / height_px,
            measured=None if measured_px is None else measured_px / height_px,
            fall=camera.horizon_fall,
            band=BAND,
        ),
        aim=None if measured_px is None or not is_sure else aim_status(camera, horizon_px=measured_px),
        turn=None if scene.horizon is None or not is_sure else turn_status(camera, scene.horizon),
        fix=None
        if ego is None
        else Fix(
            lon=round(ego.lon, 6),
            lat=round(ego.lat, 6),
            speed_mps=round(ego.speed_mps, 1),
            heading_deg=round(ego.heading_deg, 1),
            accuracy_m=round(ego.accuracy_m, 1),
        ),
        boxes=[Thing(class_code=code, confidence=round(float(share), 3)) for code, share in boxes][:MOST_LISTED],
        tracks=[
            Thing(
                class_code=track.class_code,
                confidence=round(track.probability, 3),
                looks=track.looks,
                is_confirmed=track.is_confirmed,
            )
            for track in scene.tracks_in_view[:MOST_LISTED]
        ],
        steps_ms={name: round(ms, 1) for name, ms in scene.steps_ms.items()},
        bus=asdict(bus),
    )


def aim_status(camera: CameraModel, *, horizon_px: float) -> AimStatus:
    """Advice from the row of a horizon, measured or pointed at."""
    aim = aim_of(camera, horizon_px=horizon_px)
    return AimStatus(
        tilt=aim.tilt,
        degrees=round(aim.degrees, 1),
        pitch_deg=round(aim.pitch_deg, 1),
        configured_deg=camera.pitch_deg,
        is_as_configured=aim.is_as_configured,
    )


def size_status(camera: CameraModel, image: Image) -> SizeStatus | None:
    """What to write where frames are not of the configured size; nothing where they are."""
    height_px, width_px, _ = image.shape
    if (width_px, height_px) == (camera.width_px, camera.height_px):
        return None
    return SizeStatus(px=f"{width_px} x {height_px}", configured_px=f"{camera.width_px} x {camera.height_px}")


def turn_status(camera: CameraModel, horizon: Horizon) -> TurnStatus:
    """Whether the camera looks where it is said to look."""
    return TurnStatus(
        yaw_deg=round(horizon.yaw_deg, 1),
        configured_deg=camera.yaw_deg,
        is_as_configured=abs(horizon.yaw_deg - camera.yaw_deg) <= SAME_YAW_DEG,
    )
