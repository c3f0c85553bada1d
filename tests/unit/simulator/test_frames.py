from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.vision.ground import CameraModel, pixel_on_road
from edge_agent.vision.quality import judge_frame
from simulator.city import make_town
from simulator.errors import FramesError
from simulator.frames import FILM_STEP_M, DrawnScenery, PhotoScenery, defects_ahead
from simulator.photos import SHOWN_M, Photo, PhotoBox, make_sites
from simulator.route import Motion, Pose, make_lines
from simulator.truth import LOOKALIKES, enlivened, make_truth

TOWN = make_town(0)
(LINE,) = make_lines(TOWN, 1)
MOTION = Motion(LINE)
TRUTH = make_truth([LINE], plane=TOWN.plane, seed=0)
CAMERA = CameraModel(width_px=512, height_px=512, focal_px=768, height_m=2.6, pitch_deg=22)


def _pose(along_m: float) -> Pose:
    spot, heading = LINE.place(along_m)
    return Pose(spot=spot, heading_deg=heading, speed_mps=8, along_m=along_m, lap=0)


@pytest.fixture
def drawn() -> DrawnScenery:
    return DrawnScenery(TRUTH, seed=0)


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    path = tmp_path / "a.png"
    grain = np.random.default_rng(0).integers(80, 160, (512, 512, 3)).astype(np.uint8)
    cv2.imwrite(str(path), cv2.GaussianBlur(grain, (3, 3), 0))
    box = PhotoBox(class_code="D40", box_xyxy_px=(200, 150, 300, 220))
    return Photo(path=path, width_px=512, height_px=512, boxes=(box,), unlabelled=())


def test_only_what_lies_before_the_bus_is_ahead() -> None:
    defects = TRUTH.on_line(LINE.id)
    ahead = defects_ahead(defects, _pose(defects[5].along_m - 10))
    assert defects[5] in ahead
    assert defects[3] not in ahead
    assert all(-3 < defect.along_m - defects[5].along_m + 10 < 27 for defect in ahead)


def test_a_line_of_a_timetable_may_have_any_name(drawn: DrawnScenery) -> None:
    named, other = (replace(LINE, id=name) for name in ("红线", "Ring B"))
    pictures = [drawn.look(line, _pose(50), cheap=False).image for line in (named, named, other)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_drawn_defect_stands_where_the_agent_would_project_it(drawn: DrawnScenery) -> None:
    """Its box's foot on the road is the truth's place, so that a perfect detector is off by nothing but GNSS."""
    for defect in TRUTH.on_line(LINE.id)[:12]:
        pose = _pose(defect.along_m - 7)
        shown = [item for item in drawn.look(LINE, pose, cheap=False).shown if item.defect_id == defect.id]
        for item in shown:
            x1, _, x2, y2 = item.box_xyxy_px
            foot = pixel_on_road(drawn.camera, u_px=(x1 + x2) / 2, v_px=y2)
            assert foot.forward_m == pytest.approx(7, abs=0.8)
            assert foot.right_m == pytest.approx(defect.right_m, abs=0.6)


def test_every_defect_comes_into_view_for_several_frames(drawn: DrawnScenery) -> None:
    for defect in TRUTH.on_line(LINE.id)[:12]:
        looks = [drawn.look(LINE, _pose(defect.along_m - ahead_m), cheap=False) for ahead_m in np.arange(3, 12, 1.4)]
        frames = sum(any(item.defect_id == defect.id for item in look.shown) for look in looks)
        assert frames >= 2, defect


def test_drawn_frames_are_usable_to_the_agent(drawn: DrawnScenery) -> None:
    assert all(judge_frame(drawn.look(LINE, MOTION.pose(at_s), cheap=True).image) is None for at_s in (5, 50, 150))


def test_a_cheap_clean_road_is_drawn_once(drawn: DrawnScenery) -> None:
    first, again = (drawn.look(LINE, _pose(along_m), cheap=True) for along_m in (22.2, 23.8))
    assert first.image is again.image


def test_cheap_cameras_share_a_picture_but_not_its_boxes(drawn: DrawnScenery) -> None:
    along_m = TRUTH.on_line(LINE.id)[0].along_m - 8
    step = round(along_m / FILM_STEP_M) * FILM_STEP_M
    first, again, farther = (drawn.look(LINE, _pose(step + beside_m), cheap=True) for beside_m in (-0.1, 0.1, 0.6))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, farther.image)
    assert first.shown[0].box_xyxy_px[3] < again.shown[0].box_xyxy_px[3]


def test_what_looks_like_damage_is_drawn_and_shown_as_what_it_is_taken_for() -> None:
    lively = enlivened(TRUTH, seed=0)
    thing = next(each for each in lively.lookalikes if each.line_id == LINE.id)
    look = DrawnScenery(lively, seed=0).look(LINE, _pose(thing.along_m - 7), cheap=False)
    (shown,) = [each for each in look.shown if each.defect_id == thing.id]
    assert (shown.class_code, shown.is_damage) == (LOOKALIKES[thing.class_code], False)
    assert all(each.is_damage for each in look.shown if each.defect_id != thing.id)


def test_a_photo_is_shown_at_its_site_and_not_elsewhere(photo: Photo) -> None:
    truth, sites = make_sites([photo], [LINE], camera=CAMERA, plane=TOWN.plane, seed=0)
    scenery = PhotoScenery(truth, sites, camera=CAMERA, seed=0)
    at_m = sites[0].along_m
    shown = {
        along_m: bool(scenery.look(LINE, _pose(along_m), cheap=False).shown)
        for along_m in (at_m - 1, at_m, at_m + 1, at_m + SHOWN_M + 1)
    }
    assert list(shown.values()) == [False, True, True, False]


def test_the_photo_at_its_site_is_untouched(photo: Photo) -> None:
    truth, sites = make_sites([photo], [LINE], camera=CAMERA, plane=TOWN.plane, seed=0)
    look = PhotoScenery(truth, sites, camera=CAMERA, seed=0).look(LINE, _pose(sites[0].along_m), cheap=False)
    assert np.array_equal(look.image, np.asarray(cv2.imread(str(photo.path))))
    assert look.shown[0].box_xyxy_px == pytest.approx((200, 150, 300, 220), abs=1e-6)


def test_a_photo_that_is_no_picture_is_named(tmp_path: Path, photo: Photo) -> None:
    photo.path.write_text("no picture")
    truth, sites = make_sites([photo], [LINE], camera=CAMERA, plane=TOWN.plane, seed=0)
    with pytest.raises(FramesError, match="readable"):
        PhotoScenery(truth, sites, camera=CAMERA, seed=0).look(LINE, _pose(sites[0].along_m), cheap=False)
