"""Things beside a straight road, with the truth known."""

import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge_agent.ego import EgoState, moved, offset_between
from edge_agent.errors import ModelError
from edge_agent.readings import FrameReading, Image
from edge_agent.scenarios.street_furniture.kinds import Outline, read_outlines
from edge_agent.scenarios.street_furniture.scenario import Sight, StreetFurniture
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from wire.messages import Coverage, Detection, ModelVersion, Unusable

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=520.0, height_m=2.6, pitch_deg=12.0)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LON, LAT = 120.42, 27.51
OUTLINES = {"stop_sign": Outline(kind="SIGN", width_m=0.8), "hydrant": Outline(kind="HYDRANT")}
SIGN_HEIGHT_M = 2.2  # of a plate's middle over the ground


@dataclass(frozen=True, kw_only=True)
class Thing:
    code: str
    forward_m: float
    right_m: float


@dataclass
class Eyes(FromWhole):
    """A detector that sees what stands ahead of a bus, wherever that is."""

    things: tuple[Thing, ...]
    at_m: float = 0.0
    blind_from_m: float = math.inf
    model: ModelVersion = field(default=ModelVersion(name="eyes", version="1", sha256="0" * 64))

    def detect(self, image: Image) -> Detections:
        boxes = [(thing.code, box) for thing in self.things if (box := self._box(thing)) is not None]
        if not boxes or self.at_m >= self.blind_from_m:
            return no_detections()
        return Detections(
            boxes=np.array([box for _, box in boxes], np.float32),
            confidences=np.full(len(boxes), 0.7, np.float32),
            class_codes=tuple(code for code, _ in boxes),
        )

    def _box(self, thing: Thing) -> tuple[float, float, float, float] | None:
        ahead_m = thing.forward_m - self.at_m
        if not 4.0 < ahead_m < 19.0:
            return None
        u_px, v_px = road_in_image(CAMERA, RoadPoint(forward_m=ahead_m, right_m=thing.right_m))
        pitch = math.radians(CAMERA.pitch_deg)
        up_m = SIGN_HEIGHT_M if thing.code == "stop_sign" else 0.0
        depth_m = ahead_m * math.cos(pitch) + (CAMERA.height_m - up_m) * math.sin(pitch)
        half_px = 0.4 * CAMERA.focal_px / depth_m
        if up_m:
            down_m = (CAMERA.height_m - up_m) * math.cos(pitch) - ahead_m * math.sin(pitch)
            u_px = CAMERA.width_px / 2 + CAMERA.focal_px * thing.right_m / depth_m
            v_px = CAMERA.height_px / 2 + CAMERA.focal_px * down_m / depth_m + half_px
        box = u_px - half_px, v_px - 2 * half_px, u_px + half_px, v_px
        return box if box[0] >= 0 and box[2] <= CAMERA.width_px else None


def texture() -> Image:
    return np.random.default_rng(3).integers(60, 200, (CAMERA.height_px, CAMERA.width_px, 3), np.uint8)


def drive(
    eyes: Eyes, *, metres: float = 60.0, image: Image | None = None, standing: int = 0, step_m: float = 1.0
) -> list[Sight]:
    """Drive north at 8 m/s and tell all that is said."""
    scenario = StreetFurniture(eyes, OUTLINES, camera=CAMERA, camera_id="front", stretch_m=50.0, every_m=2.0)
    picture = texture() if image is None else image
    sights: list[Sight] = []
    for number, at_m in enumerate([*np.arange(0.0, metres, step_m), *[metres] * standing]):
        eyes.at_m = float(at_m)
        ego = state(eyes.at_m, at=NOON + timedelta(seconds=number * step_m / 8))
        sights += scenario.take(FrameReading(at=ego.at, camera_id="front", image=picture), ego)
    return sights + scenario.end()


def state(at_m: float, *, at: datetime) -> EgoState:
    lon, lat = moved(lon=LON, lat=LAT, heading_deg=0.0, forward_m=at_m, right_m=0.0)
    return EgoState(at=at, lon=lon, lat=lat, speed_mps=8.0, heading_deg=0.0, accuracy_m=1.0)


def detections(sights: list[Sight]) -> Iterator[Detection]:
    return (sight.message for sight in sights if isinstance(sight.message, Detection))


def coverages(sights: list[Sight]) -> list[Coverage]:
    return [sight.message for sight in sights if isinstance(sight.message, Coverage)]


@pytest.mark.parametrize(
    "thing",
    [
        Thing(code="hydrant", forward_m=30.0, right_m=3.5),
        Thing(code="hydrant", forward_m=30.0, right_m=-3.0),
        Thing(code="stop_sign", forward_m=30.0, right_m=3.5),
    ],
    ids=["right", "left", "hanging"],
)
def test_thing_is_told_once_where_it_stands(thing: Thing) -> None:
    (told,) = detections(drive(Eyes((thing,))))
    offset = offset_between(lon=LON, lat=LAT, to_lon=told.lon, to_lat=told.lat)
    assert told.class_code == OUTLINES[thing.code].kind
    assert math.hypot(offset.north_m - 30.0, offset.east_m - thing.right_m) < 0.6
    assert told.frames >= 3
    assert told.confidence == pytest.approx(0.7)


def test_of_all_looks_at_a_thing_one_frame_is_kept() -> None:
    eyes = Eyes((Thing(code="hydrant", forward_m=30.0, right_m=3.0),))
    scenario = StreetFurniture(eyes, OUTLINES, camera=CAMERA, camera_id="front", stretch_m=50.0, every_m=2.0)
    images: list[weakref.ref[Image]] = []
    for number in range(13):
        eyes.at_m = 2.0 * number
        ego = state(eyes.at_m, at=NOON + timedelta(seconds=number / 4))
        frame = FrameReading(at=ego.at, camera_id="front", image=texture())
        images.append(weakref.ref(frame.image))
        scenario.take(frame, ego)
        del frame
    assert sum(image() is not None for image in images) == 1
    (told,) = (sight for sight in scenario.end() if isinstance(sight.message, Detection))
    assert told.message.frames >= 3
    assert told.image is not None


def test_two_things_side_by_side_are_two() -> None:
    things = (
        Thing(code="hydrant", forward_m=30.0, right_m=3.0),
        Thing(code="hydrant", forward_m=37.0, right_m=3.0),
        Thing(code="stop_sign", forward_m=30.0, right_m=3.0),
    )
    assert sorted(told.class_code for told in detections(drive(Eyes(things)))) == ["HYDRANT", "HYDRANT", "SIGN"]


def test_what_shows_in_one_frame_alone_is_not_told() -> None:
    eyes = Eyes((Thing(code="hydrant", forward_m=18.5, right_m=0.0),), blind_from_m=1.0)
    assert list(detections(drive(eyes))) == []


def test_class_that_means_nothing_here_is_not_told() -> None:
    assert list(detections(drive(Eyes((Thing(code="dog", forward_m=30.0, right_m=2.0),))))) == []


def test_stretch_says_what_was_looked_for_and_how_far_aside() -> None:
    told = coverages(drive(Eyes(())))
    assert {stretch.looked_for for stretch in told} == {("HYDRANT", "SIGN")}
    assert all(stretch.usable_share == 1.0 and stretch.right_m > 5.0 for stretch in told)


def test_camera_that_is_too_slow_for_the_way_saw_less_of_it() -> None:
    (stretch, *_) = coverages(drive(Eyes(()), step_m=8.0))
    assert stretch.usable_share < 0.5
    assert stretch.unusable[Unusable.DROPPED] > 0


def test_in_the_dark_nothing_is_seen_and_the_stretch_says_why() -> None:
    sights = drive(Eyes((Thing(code="hydrant", forward_m=30.0, right_m=3.0),)), image=texture() // 20)
    assert list(detections(sights)) == []
    assert all(stretch.usable_share == 0.0 and Unusable.DARK in stretch.unusable for stretch in coverages(sights))


def test_standing_bus_does_not_look_again() -> None:
    eyes = Eyes((Thing(code="hydrant", forward_m=70.0, right_m=2.0),))
    (told,) = detections(drive(eyes, standing=200))
    assert told.frames < 8


@pytest.mark.parametrize(
    "text", ["", "[furniture]", "[furniture.x]\nkind = 3", "[furniture.x]\nkind='A'\nwidth_m=-1", "["]
)
def test_manifest_without_a_usable_table_is_refused(tmp_path: Path, text: str) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(text)
    with pytest.raises(ModelError, match="furniture"):
        read_outlines(manifest)


def test_manifest_tells_which_class_is_which_kind(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text('[furniture.stop_sign]\nkind = "SIGN"\nwidth_m = 0.8\n[furniture.hydrant]\nkind = "HYDRANT"\n')
    assert read_outlines(manifest) == OUTLINES
