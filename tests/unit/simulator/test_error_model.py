import gc
import json

import numpy as np
import pytest

from edge_agent.readings import Image
from simulator.county.build import SHIPPED_ERRORS
from simulator.error_model import ErrorModel, ErrorModelDetector
from simulator.frames import DRAWN_CAMERA, Shown
from simulator.plane import Spot
from simulator.route import Pose
from tests.unit.cloud.findings.test_rates import error_model
from wire.error_model import ErrorModel as Measured
from wire.error_model import Quality, load_error_model

SHOWN = Shown(defect_id="d", class_code="D40", box_xyxy_px=(300, 250, 340, 270))
SURE = ErrorModel(hit_in_pass={"D40": 1.0}, hit_in_frame=1.0, false_alarms_per_km=0)


def _image() -> Image:
    return np.zeros((384, 640, 3), np.uint8)


def _pose(*, along_m: float = 0.0, lap: int = 0) -> Pose:
    return Pose(spot=Spot(0, 0), heading_deg=0, speed_mps=8, along_m=along_m, lap=lap)


def _detector(errors: ErrorModel, *, seed: int = 0) -> ErrorModelDetector:
    return ErrorModelDetector(camera=DRAWN_CAMERA, rng=np.random.default_rng(seed), errors=errors)


def test_a_sure_detector_sees_what_is_shown() -> None:
    detector, image = _detector(SURE), _image()
    detector.remember(image, _pose(), (SHOWN,))
    found = detector.detect(image)
    assert found.class_codes == ("D40",)
    assert found.boxes[0] == pytest.approx(SHOWN.box_xyxy_px, abs=10)
    assert 0 < found.confidences[0] < 1


def test_it_sees_nothing_in_an_unknown_picture() -> None:
    assert len(_detector(SURE).detect(_image())) == 0


def test_a_picture_that_is_gone_is_forgotten() -> None:
    detector, image = _detector(SURE), _image()
    detector.remember(image, _pose(), (SHOWN,))
    del image
    gc.collect()
    assert detector.remembered == 0


@pytest.mark.parametrize(("share", "frames"), [(0.0, 0), (1.0, 10)])
def test_a_pass_is_a_hit_or_a_miss_as_a_whole(share: float, frames: int) -> None:
    detector = _detector(ErrorModel(hit_in_pass={"D40": share}, hit_in_frame=1.0, false_alarms_per_km=0))
    images = [_image() for _ in range(10)]
    for image in images:
        detector.remember(image, _pose(), (SHOWN,))
    assert sum(len(detector.detect(image)) for image in images) == frames


def test_as_many_passes_are_hits_as_the_model_says() -> None:
    errors = ErrorModel(hit_in_pass={"D40": 0.7}, hit_in_frame=1.0, false_alarms_per_km=0)
    detector = _detector(errors)
    hits = 0
    for lap in range(1000):
        image = _image()
        detector.remember(image, _pose(lap=lap), (SHOWN,))
        hits += len(detector.detect(image))
    assert hits / 1000 == pytest.approx(0.7, abs=0.05)


def test_false_alarms_stand_still_for_a_pass_and_are_as_many_as_said() -> None:
    detector = _detector(ErrorModel(false_alarms_per_km=4.0))
    alarms = 0
    was_there = False
    for along_m in np.arange(0, 20_000, 2.0):
        image = _image()
        detector.remember(image, _pose(along_m=float(along_m)), ())
        is_there = len(detector.detect(image)) > 0
        alarms += is_there and not was_there
        was_there = is_there
    assert alarms / 20 == pytest.approx(4.0, rel=0.35)


def test_the_same_seed_makes_the_same_errors() -> None:
    answers: list[list[float]] = []
    for _ in range(2):
        detector, image = _detector(ErrorModel(), seed=5), _image()
        detector.remember(image, _pose(), (SHOWN,))
        answers.append(detector.detect(image).boxes.ravel().tolist())
    assert answers[0] == answers[1]


def test_measured_model_is_hit_as_often_as_it_was_measured_and_says_its_own_version() -> None:
    measured = error_model(hit=0.3, per_picture=0.0001)
    detector = ErrorModelDetector(camera=DRAWN_CAMERA, rng=np.random.default_rng(3), measured=measured)
    images = [_image() for _ in range(600)]
    for number, image in enumerate(images):
        detector.remember(image, _pose(lap=number), (SHOWN,))
    share = sum(len(detector.detect(image)) for image in images) / len(images)

    assert share == pytest.approx(0.3, abs=0.06)
    assert detector.model == measured.model


def with_sides(side_px: float) -> Measured:
    document = error_model(per_picture=0.5).model_dump(mode="json", by_alias=True)
    document["false_alarm_sides_px"] = {code: [side_px] * 11 for code in document["confidence"]}
    return Measured.model_validate_json(json.dumps(document))


def sides_of_false_alarms(measured: Measured) -> list[float]:
    """In all pictures of three kilometres that show one."""
    detector = ErrorModelDetector(camera=DRAWN_CAMERA, rng=np.random.default_rng(1), measured=measured)
    found: list[float] = []
    for along_m in np.arange(0, 3000, 2.0):
        image = _image()
        detector.remember(image, _pose(along_m=float(along_m)), ())
        boxes = detector.detect(image).boxes
        found += np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).tolist()
    return found


@pytest.mark.parametrize("side_px", [25.0, 60.0])
def test_false_alarms_are_about_as_large_as_they_were_measured(side_px: float) -> None:
    """Each stands still while the bus comes nearer, so it is smaller and larger than that, too."""
    sides = sides_of_false_alarms(with_sides(side_px))

    assert len(sides) > 100
    assert side_px / 1.7 < float(np.median(sides)) < side_px * 1.7


def test_a_measured_model_is_hit_less_often_in_pictures_that_are_worse() -> None:
    """With the shipped one: a thing of a middling size."""
    measured = load_error_model(SHIPPED_ERRORS)
    qualities: tuple[Quality, ...] = ("good", "dark")
    wanted: dict[Quality, float] = {
        each: measured.hit_rate("D40", width_px=40, height_px=20, quality=each) for each in qualities
    }
    assert wanted["dark"] < wanted["good"]
    for quality, rate in wanted.items():
        detector = ErrorModelDetector(camera=DRAWN_CAMERA, rng=np.random.default_rng(3), measured=measured)
        hits = 0
        for lap in range(2000):
            image = _image()
            detector.remember(image, _pose(lap=lap), (SHOWN,), quality=quality)
            boxes = detector.detect(image).boxes
            hits += any(
                abs(float(box[0]) - SHOWN.box_xyxy_px[0]) < 40 and abs(float(box[3]) - 270) < 40 for box in boxes
            )
        assert hits / 2000 == pytest.approx(rate, abs=0.05)
