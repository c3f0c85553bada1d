from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from benchmarks.altering import Alter, drops_on_pane, on_its_side, upside_down
from edge_agent.ego import EgoState
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, road_to_image
from edge_agent.vision.lasting import DRIVES_MPS, HUNG, JUDGED_EVERY, LEAST, MEMORY, LastingView
from edge_agent.vision.quality import Judged, grey_of
from wire.messages import Unusable

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=520.0, height_m=2.6, pitch_deg=6.0)
METRES_PER_PX = 0.04
STEP_M = 2.0

OnPane = Callable[[Image, np.random.Generator], Alter]


@pytest.fixture(scope="module")
def drive() -> list[Image]:
    """A rough road with patches of light, a line of paint and a dark verge, below a bright sky, driven along."""
    rng = np.random.default_rng(0)
    length, width = round(240 / METRES_PER_PX), round(24 / METRES_PER_PX)
    rough, light = (
        cv2.resize(rng.normal(0, 26, (length // part, width // part)).astype(np.float32), (width, length))
        for part in (3, 60)
    )
    strip = 90 + rough + light
    strip[:, : width // 3] -= 40
    strip[:, width // 2 : width // 2 + 4] = 210
    strip = np.clip(strip + rng.normal(0, 10, strip.shape), 0, 255).astype(np.uint8)
    return [_frame(strip, number * STEP_M) for number in range(60)]


def _frame(strip: np.ndarray, way_m: float) -> Image:
    rows, columns = strip.shape
    on_road = np.array(
        [
            [0.0, -METRES_PER_PX, rows * METRES_PER_PX - way_m],
            [METRES_PER_PX, 0.0, -columns * METRES_PER_PX / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    size = CAMERA.width_px, CAMERA.height_px
    image = cv2.warpPerspective(strip, road_to_image(CAMERA) @ on_road, size, flags=cv2.INTER_LINEAR)
    image[: round(CAMERA.horizon_px) + 2] = 205
    return cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_GRAY2BGR).astype(np.uint8)


def _verdicts(images: list[Image], *, view: LastingView | None = None, speed_mps: float = 8.0) -> list[Unusable | None]:
    return [judged.unusable for judged in _judged(images, view=view, speed_mps=speed_mps)]


def _judged(images: list[Image], *, view: LastingView | None = None, speed_mps: float = 8.0) -> list[Judged]:
    view = view or LastingView(CAMERA)
    begin = datetime(2026, 11, 24, 8, tzinfo=UTC)
    states = [
        EgoState(
            at=begin + timedelta(seconds=number / 4),
            lon=120.4,
            lat=27.5,
            speed_mps=speed_mps,
            heading_deg=0.0,
            accuracy_m=3.0,
        )
        for number in range(len(images))
    ]
    return [view.see(grey_of(image), ego) for image, ego in zip(images, states, strict=True)]


def _altered(images: list[Image], alter: Alter) -> list[Image]:
    rng = np.random.default_rng(2)
    return [alter(image, rng) for image in images]


def _mud_on_pane(image: Image, rng: np.random.Generator) -> Alter:
    """Eight spots on the lower half."""
    height, width = image.shape[:2]
    share = np.zeros((height, width, 1), np.float32)
    for number in range(8):
        cv2.circle(share, (40 + 80 * number, round(height * (0.6 + 0.2 * rng.random()))), 34, 0.95, -1)
    return lambda image, _: np.clip(image * (1 - share) + 60 * share, 0, 255).astype(np.uint8)


def test_a_clean_pane_is_never_refused(drive: list[Image]) -> None:
    assert set(_judged(drive)) == {Judged()}


@pytest.mark.parametrize(
    ("on_pane", "reason"), [(drops_on_pane, Unusable.WET), (_mud_on_pane, Unusable.BLOCKED)], ids=["drops", "mud"]
)
def test_what_stays_while_the_road_moves_is_on_the_pane(drive: list[Image], on_pane: OnPane, reason: Unusable) -> None:
    verdicts = _verdicts(_altered(drive, on_pane(drive[0], np.random.default_rng(4))))
    assert verdicts[: LEAST - 1] == [None] * (LEAST - 1)
    assert set(verdicts[LEAST:]) == {reason}


def test_a_few_drops_make_wet_frames_that_can_be_used(drive: list[Image]) -> None:
    drops = np.zeros((CAMERA.height_px, CAMERA.width_px, 1), np.uint8)
    for column in range(60, CAMERA.width_px, 110):
        cv2.circle(drops, (column, 270), 24, 1, -1)
    wet = [np.where(drops, cv2.GaussianBlur(image, (0, 0), 13), image).astype(np.uint8) for image in drive]
    judged = _judged(wet)
    assert judged[0] == Judged()
    assert judged[-1] == Judged(quality="wet")


@pytest.mark.parametrize("alter", [upside_down, on_its_side])
def test_a_sky_that_is_not_above_means_a_turned_camera(drive: list[Image], alter: Alter) -> None:
    assert _verdicts(_altered(drive, alter))[-1] is Unusable.WRONG_VIEW


def test_a_road_that_is_lit_in_the_dark_is_no_sky(drive: list[Image]) -> None:
    night = [(image * 0.5).astype(np.uint8) for image in drive]
    for image in night:
        image[: round(CAMERA.horizon_px)] = 4
    assert Unusable.WRONG_VIEW not in _verdicts(night)


def test_a_bus_that_stands_learns_nothing(drive: list[Image]) -> None:
    wet = _altered(drive, drops_on_pane(drive[0], np.random.default_rng(4)))
    assert set(_verdicts(wet, speed_mps=0.0)) == {None}


def test_a_camera_that_hangs_while_the_bus_drives_has_not_looked(drive: list[Image]) -> None:
    seen = _verdicts([*drive[:MEMORY], *[drive[MEMORY]] * MEMORY, *drive[MEMORY + 1 : MEMORY + 3]])
    hangs = seen[MEMORY + 1 : 2 * MEMORY]
    assert seen[:MEMORY] == [None] * MEMORY
    assert hangs == [None] * (HUNG - 1) + [Unusable.BLOCKED] * (len(hangs) - HUNG + 1)
    assert seen[-2:] == [None, None], "the next other picture is believed"


def test_a_camera_that_hangs_says_nothing_of_the_pane(drive: list[Image]) -> None:
    view = LastingView(CAMERA)
    _verdicts([drive[0]] * len(drive), view=view)
    assert _verdicts(drive[:JUDGED_EVERY], view=view)[-1] is None


def test_a_bus_that_stands_under_a_receiver_that_wanders_has_a_camera_that_looks(drive: list[Image]) -> None:
    assert set(_verdicts([drive[0]] * 200, speed_mps=0.9 * DRIVES_MPS)) == {None}


def test_a_camera_that_hangs_still_hangs_where_the_bus_stands(drive: list[Image]) -> None:
    view = LastingView(CAMERA)
    _verdicts([drive[0]] * MEMORY, view=view)
    assert set(_verdicts([drive[0]] * MEMORY, view=view, speed_mps=0.5)) == {Unusable.BLOCKED}


def test_a_still_picture_that_is_coded_anew_is_the_same_picture(drive: list[Image]) -> None:
    coded = [
        np.asarray(cv2.imdecode(cv2.imencode(".jpg", drive[0], [cv2.IMWRITE_JPEG_QUALITY, 90 + k % 3])[1], 1), np.uint8)
        for k in range(MEMORY)
    ]
    assert _verdicts(coded)[-1] is Unusable.BLOCKED


def test_the_bus_itself_at_the_lower_edge_is_no_dirt(drive: list[Image]) -> None:
    with_bonnet = [image.copy() for image in drive]
    for image in with_bonnet:
        cv2.ellipse(image, (320, 400), (200, 80), 0, 0, 360, (60, 60, 60), -1)
    assert set(_verdicts(with_bonnet)) == {None}


def test_a_wiped_pane_is_believed_again(drive: list[Image]) -> None:
    view = LastingView(CAMERA)
    _verdicts(_altered(drive, drops_on_pane(drive[0], np.random.default_rng(4))), view=view)
    assert _verdicts(drive + drive, view=view)[2 * MEMORY + JUDGED_EVERY :][-1] is None
