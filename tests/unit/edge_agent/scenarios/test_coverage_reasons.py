"""Whatever spoils a frame stands in the coverage under its own name."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_agent.readings import Image
from edge_agent.scenarios.road_damage.scenario import RoadDamage
from edge_agent.vision.ground import CameraModel
from tests.unit.edge_agent.scenes import CAMERA, SceneDetector, drive, road_image
from wire.messages import Coverage, Unusable

SHAPE = (CAMERA.height_px, CAMERA.width_px, 3)


def patches(how: int) -> Image:
    """Patches of 16 pixels, with edges or flowing into each other."""
    coarse = np.random.default_rng(0).integers(20, 100, (15, 20, 3), dtype=np.uint8)
    return cv2.resize(coarse, (CAMERA.width_px, CAMERA.height_px), interpolation=how).astype(np.uint8)


def upside_down() -> Image:
    image = patches(cv2.INTER_NEAREST)
    image[2 * CAMERA.height_px // 3 :] += 130
    return image


SPOILED: dict[Unusable, Image] = {
    Unusable.DARK: road_image() // 16,
    Unusable.GLARE: np.full(SHAPE, 255, np.uint8),
    Unusable.BLOCKED: np.full(SHAPE, 90, np.uint8),
    Unusable.BLURRED: patches(cv2.INTER_CUBIC),
    Unusable.WRONG_VIEW: upside_down(),
}


def scenario(camera: CameraModel = CAMERA) -> RoadDamage:
    return RoadDamage(
        SceneDetector(things=[]),
        camera=camera,
        camera_id="front",
        stretch_m=1000.0,
        on_frame=lambda _reason, _boxes: None,
    )


def covered(image: Image | None, *, speed_mps: float = 10.0, camera: CameraModel = CAMERA) -> Coverage:
    """Drive 60 m: every second frame is spoiled, or too fast."""
    roads = scenario(camera)
    for i, (frame, ego, _) in enumerate(drive(speed_mps=10.0, length_m=60.0)):
        spoiled = frame if image is None or i % 2 else replace(frame, image=image)
        roads.take(spoiled, ego if i % 2 else replace(ego, speed_mps=speed_mps))
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    return sight.message


@pytest.mark.parametrize("reason", SPOILED)
def test_the_reason_stands_in_the_coverage(reason: Unusable) -> None:
    coverage = covered(SPOILED[reason])
    assert coverage.unusable == {reason: coverage.frames // 2}
    assert coverage.usable_share == 0.5


@pytest.mark.parametrize(("dim_of_five", "quality"), [(0, "good"), (2, "good"), (3, "dark"), (5, "dark")])
def test_how_most_of_the_usable_frames_were_stands_in_the_coverage(dim_of_five: int, quality: str) -> None:
    roads, dim = scenario(), (patches(cv2.INTER_NEAREST) * 0.65).astype(np.uint8)
    for i, (frame, ego, _) in enumerate(drive(speed_mps=10.0, length_m=60.0)):
        roads.take(replace(frame, image=np.roll(dim, 97 * i, axis=1)) if i % 5 < dim_of_five else frame, ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert sight.message.usable_share == 1
    assert sight.message.quality == quality


def test_a_stretch_without_a_usable_frame_says_nothing_of_their_quality() -> None:
    roads = scenario()
    for frame, ego, _ in drive(speed_mps=10.0, length_m=60.0):
        roads.take(replace(frame, image=SPOILED[Unusable.DARK]), ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert (sight.message.usable_share, sight.message.quality) == (0, None)


def test_a_camera_that_hangs_has_seen_nothing_of_the_road() -> None:
    roads, image = scenario(), road_image()
    for frame, ego, _ in drive(speed_mps=10.0, length_m=150.0):
        roads.take(replace(frame, image=image), ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert set(sight.message.unusable) == {Unusable.BLOCKED}
    assert sight.message.usable_share < 0.1


def test_too_fast_is_a_reason() -> None:
    coverage = covered(None, speed_mps=90.0)
    assert coverage.unusable == {Unusable.TOO_FAST: coverage.frames // 2}


def test_drops_that_stay_on_the_pane_are_a_reason_after_a_while() -> None:
    """No frame is refused for itself; over frames the same spots are soft."""
    spots = np.zeros((CAMERA.height_px, CAMERA.width_px, 1), np.uint8)
    for row in range(100, CAMERA.height_px, 40):
        for column in range(20, CAMERA.width_px, 40):
            cv2.circle(spots, (column, row), 11, 1, -1)
    roads = scenario()
    for i, (frame, ego, _) in enumerate(drive(speed_mps=10.0, length_m=150.0)):
        road = cv2.resize(road_image(i)[::8, ::8], (CAMERA.width_px, CAMERA.height_px)) // 2 + road_image(i) // 2
        wet = np.where(spots, cv2.GaussianBlur(road, (0, 0), 5), road).astype(np.uint8)
        roads.take(replace(frame, image=wet), ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert set(sight.message.unusable) == {Unusable.WET}
    assert 0.1 < sight.message.usable_share < 0.5


def test_an_antenna_ahead_of_the_lens_sees_the_road_from_itself_on() -> None:
    assert covered(None, camera=replace(CAMERA, forward_m=-8.0)).near_m == 0.0


@pytest.mark.parametrize(
    ("gap_m", "shares", "is_counted"), [(20, [0.83], True), (40, [1.0, 1.0], False)], ids=["short", "long"]
)
def test_only_frames_of_a_short_gap_are_of_the_stretch(gap_m: float, shares: list[float], *, is_counted: bool) -> None:
    roads, said = scenario(), list[Coverage]()
    for frame, ego, driven_m in drive(speed_mps=10.0, length_m=120.0):
        sights = roads.take(frame, None if 40.0 < driven_m < 40.0 + gap_m else ego)
        said += [sight.message for sight in sights if isinstance(sight.message, Coverage)]
    said += [sight.message for sight in roads.end() if isinstance(sight.message, Coverage)]
    assert [coverage.usable_share for coverage in said] == pytest.approx(shares, abs=0.02)
    assert any(Unusable.NO_POSITION in coverage.unusable for coverage in said) is is_counted


def test_frames_before_the_first_fix_are_of_no_stretch() -> None:
    roads = scenario()
    for frame, ego, driven_m in drive(speed_mps=10.0, length_m=60.0):
        roads.take(frame, None if driven_m < 20.0 else ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert sight.message.usable_share == 1.0
