from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.altering import KINDS
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.quality import (
    EVEN,
    SHARP,
    Judged,
    grey_of,
    judge_frame,
    judge_grey,
    sharpness_of,
    speed_limit_mps,
)
from wire.error_model import Quality
from wire.messages import Unusable


@pytest.fixture
def road() -> Image:
    """Sky, kerbs and a road with grain and a crack, drawn with numpy."""
    rng = np.random.default_rng(0)
    image = np.full((480, 640, 3), 170, np.uint8)
    image[200:] = 110
    image[200:, :120] = image[200:, 520:] = 70
    image[200:, 316:324] = 210
    image[300:420, 200:204] = 40
    grain = rng.normal(0, 12, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _lit(image: Image, factor: float) -> Image:
    return np.clip(image * factor, 0, 255).astype(np.uint8)


def _blurred(image: Image, sigma: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8)


def _glaring(image: Image) -> Image:
    image = image.copy()
    cv2.circle(image, (320, 400), 210, (255, 255, 255), -1)
    return image


def _covered(image: Image, share: float) -> Image:
    image = image.copy()
    image[: round(share * len(image))] = 120
    return image


def _moved(image: Image, *, rows: int, columns: int) -> Image:
    """Along one line of this length."""
    kernel = np.zeros((2 * abs(rows) + 1, 2 * abs(columns) + 1), np.float32)
    for share in np.linspace(-1, 1, 200):
        kernel[round(abs(rows) + share * rows), round(abs(columns) + share * columns)] = 1
    return cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.uint8)


def _mixed(image: Image, other: Image, share: float) -> Image:
    return (image * (1 - share) + other * share).astype(np.uint8)


Alter = Callable[[Image], Image]
SPOILED: dict[str, tuple[Alter, Unusable]] = {
    "night": (lambda image: _lit(image, 0.1), Unusable.DARK),
    "black": (lambda image: _lit(image, 0.0), Unusable.DARK),
    "out of focus": (lambda image: _blurred(image, 3), Unusable.BLURRED),
    "fogged": (lambda image: _blurred(image, 8), Unusable.BLURRED),
    "moved sideways": (lambda image: _moved(image, rows=0, columns=14), Unusable.BLURRED),
    "moved down": (lambda image: _moved(image, rows=14, columns=0), Unusable.BLURRED),
    "moved aslant": (lambda image: _moved(image, rows=10, columns=-10), Unusable.BLURRED),
    "turned over": (lambda image: _lit(image[::-1], 1.4), Unusable.WRONG_VIEW),
    "low sun": (_glaring, Unusable.GLARE),
    "covered": (lambda image: _covered(image, 0.95), Unusable.BLOCKED),
    "grey": (lambda image: _covered(image, 1.0), Unusable.BLOCKED),
}
ORDINARY: dict[str, Alter] = {
    "overcast": lambda image: _lit(image, 0.5),
    "bright": lambda image: _lit(image, 1.25),
    "a little soft": lambda image: _blurred(image, 0.7),
}


USABLE: dict[str, tuple[Alter, Quality]] = {
    "as it is": (lambda image: image, "good"),
    "overcast": (lambda image: _lit(image, 0.75), "good"),
    "dusk": (lambda image: _lit(image, 0.28), "dark"),
    "shaken": (lambda image: _mixed(image, _moved(image, rows=0, columns=9), 0.73), "blurred"),
}


def test_a_plain_road_is_usable(road: Image) -> None:
    assert judge_frame(road) is None


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_frame_is_named(road: Image, name: str) -> None:
    alter, reason = SPOILED[name]
    assert judge_frame(alter(road)) is reason


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_frame_passes(road: Image, name: str) -> None:
    assert judge_frame(ORDINARY[name](road)) is None


@pytest.mark.parametrize("name", USABLE)
def test_a_usable_frame_is_as_good_as_the_nearest_measured_photos(road: Image, name: str) -> None:
    alter, quality = USABLE[name]
    assert judge_grey(grey_of(alter(road))) == Judged(quality=quality)


def test_lamps_do_not_make_a_night_bright(road: Image) -> None:
    night = _lit(road, 0.24)
    night[440:, 200:440] = 150
    assert judge_grey(grey_of(night)) == Judged(quality="dark")


@pytest.mark.parametrize(
    ("alone", "over_frames", "both"),
    [
        (Judged(), Judged(quality="wet"), Judged(quality="wet")),
        (Judged(quality="dark"), Judged(quality="wet"), Judged(quality="dark")),
        (Judged(quality="dark"), Judged(unusable=Unusable.WET), Judged(unusable=Unusable.WET)),
        (Judged(unusable=Unusable.BLURRED), Judged(quality="wet"), Judged(unusable=Unusable.BLURRED)),
    ],
)
def test_the_worse_of_two_verdicts_counts(alone: Judged, over_frames: Judged, both: Judged) -> None:
    assert alone.beside(over_frames) == both


@pytest.mark.parametrize("shape", [(16, 16, 3), (20, 400, 3), (2000, 30, 3)])
def test_odd_sizes_are_judged(shape: tuple[int, int, int]) -> None:
    assert judge_frame(np.full(shape, 128, np.uint8)) is not None


@pytest.mark.parametrize("light", [0.4, 1.0, 1.4])
def test_sharpness_does_not_depend_on_light(road: Image, light: float) -> None:
    half = grey_of(_lit(road, light))[100:]
    assert sharpness_of(half).worst > 2 * SHARP


def test_motion_takes_detail_along_one_direction(road: Image) -> None:
    still, moved = (sharpness_of(grey_of(image)[100:]) for image in (road, _moved(road, rows=0, columns=14)))
    assert moved.evenness < EVEN < still.evenness


def test_grain_does_not_pass_for_sharpness(road: Image) -> None:
    rng = np.random.default_rng(1)
    grainy = np.clip(_blurred(road, 6) + rng.normal(0, 2, road.shape), 0, 255).astype(np.uint8)
    assert judge_frame(grainy) is Unusable.BLURRED


def test_the_speed_limit_grows_with_the_square_of_the_distance() -> None:
    camera = CameraModel(width_px=1280, height_px=720, focal_px=1000, height_m=2.4, pitch_deg=8)
    near, far = speed_limit_mps(camera, ahead_m=5.0), speed_limit_mps(camera, ahead_m=10.0)
    assert far == pytest.approx(4 * near)
    assert 25 < far < 40  # a bus on a motorway is slower


@pytest.mark.data
def test_real_daylight_frames_pass(data_folder: Path) -> None:
    photos = sorted((data_folder / "drive").rglob("*.jpg"))[::12]
    images = [cv2.imread(str(photo)) for photo in photos]
    refused = [judge_frame(image.astype(np.uint8)) for image in images if image is not None]
    assert refused == [None] * len(photos)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["dark", "motion", "out of focus", "low sun", "covered"])
def test_spoiled_real_frames_are_refused(data_folder: Path, kind: str) -> None:
    rng, (alter, words) = np.random.default_rng(0), KINDS[kind]
    photos = [*sorted((data_folder / "drive/frames").glob("*.jpg"))[::40]]
    photos += sorted((data_folder / "drive/chiba/frames").glob("*.jpg"))[::20]
    verdicts = [judge_frame(alter(cv2.imread(str(photo)).astype(np.uint8), rng)) for photo in photos]  # pyright: ignore[reportOptionalMemberAccess]
    assert None not in verdicts
    assert sum(verdict in words for verdict in verdicts) >= 0.8 * len(verdicts)
