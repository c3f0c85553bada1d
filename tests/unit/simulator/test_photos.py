import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.vision.ground import CameraModel, RoadPoint, pixel_on_road, road_in_image
from simulator.city import make_town
from simulator.errors import FramesError
from simulator.photos import (
    Photo,
    PhotoBox,
    advance,
    choose_photos,
    guess_camera,
    make_sites,
    moved_box,
    read_photos,
    show_photo,
)
from simulator.plane import ahead
from simulator.route import make_lines

CAMERA = CameraModel(width_px=512, height_px=512, focal_px=768, height_m=2.6, pitch_deg=22)
TOWN = make_town(0)
LINES = make_lines(TOWN, 1)


def _photo(*boxes: tuple[str, tuple[float, float, float, float]], name: str = "a.jpg", size: int = 512) -> Photo:
    return Photo(
        path=Path(name),
        width_px=size,
        height_px=size,
        boxes=tuple(PhotoBox(class_code=code, box_xyxy_px=box) for code, box in boxes),
        unlabelled=("D00", "D10", "D20"),
    )


POTHOLE = _photo(("D40", (200, 150, 300, 220)))


def _write_folder(folder: Path, *, name: str = "val.json", file_name: str = "a.jpg") -> dict[str, Any]:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    coco = {
        "categories": [{"id": 1, "name": "D40"}, {"id": 2, "name": "Repair"}],
        "images": [
            {"id": 1, "file_name": file_name, "width": 64, "height": 64, "annotated_categories": ["D40"]},
            {"id": 2, "file_name": "empty.jpg", "width": 64, "height": 64},
        ],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 5]},
            {"image_id": 1, "category_id": 2, "bbox": [0, 0, 5, 5]},
        ],
    }
    (folder / name).write_text(json.dumps(coco))
    (folder / "images" / Path(file_name).name).touch()
    return coco


def test_a_folder_gives_its_photos_with_our_classes(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    (photo,) = read_photos(tmp_path)
    assert photo.path == tmp_path / "images" / "a.jpg"
    assert photo.boxes == (PhotoBox(class_code="D40", box_xyxy_px=(10, 20, 40, 25)),)
    assert photo.unlabelled == ("D00", "D10", "D20")


def test_a_folder_below_is_found(tmp_path: Path) -> None:
    _write_folder(tmp_path / "road-damage")
    assert len(read_photos(tmp_path)) == 1


def test_the_validation_split_is_preferred(tmp_path: Path) -> None:
    _write_folder(tmp_path, name="train.json", file_name="train.jpg")
    _write_folder(tmp_path, name="val.json", file_name="val.jpg")
    assert [photo.path.name for photo in read_photos(tmp_path)] == ["val.jpg"]


def test_a_photo_whose_file_is_missing_is_left_out(tmp_path: Path) -> None:
    _write_folder(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    assert read_photos(tmp_path) == []


def test_a_file_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    _write_folder(tmp_path, file_name="../../secret.jpg")
    assert read_photos(tmp_path)[0].path == tmp_path / "images" / "secret.jpg"


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"categories": [], "annotations": [{}], "images": []}'])
def test_what_is_no_coco_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "val.json").write_text(text)
    with pytest.raises(FramesError, match=r"val\.json"):
        read_photos(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FramesError, match="COCO"):
        read_photos(tmp_path)


def test_photos_of_the_commonest_size_are_chosen() -> None:
    small = _photo(("D40", (1, 1, 9, 9)), size=64)
    assert choose_photos([small, POTHOLE, POTHOLE]) == [POTHOLE, POTHOLE]


def test_photos_with_many_boxes_are_left_out() -> None:
    crowded = _photo(*[("D40", (10.0 * n, 20.0, 10.0 * n + 5, 30.0)) for n in range(5)])
    with pytest.raises(FramesError):
        choose_photos([crowded])


@pytest.mark.parametrize("top_px", [0.0, 150.0, 400.0])
def test_the_guessed_camera_sees_every_box_on_the_road(top_px: float) -> None:
    camera = guess_camera([_photo(("D40", (200, top_px, 300, top_px + 50)))])
    assert camera.horizon_px < top_px
    assert camera.pitch_deg > 0
    assert pixel_on_road(camera, u_px=200, v_px=top_px + 1).forward_m > 0


def test_truth_lies_where_the_agent_would_project_the_box() -> None:
    truth, sites = make_sites([POTHOLE], LINES, camera=CAMERA, plane=TOWN.plane, seed=0)
    site, defect = sites[0], truth.defects[0]
    point = pixel_on_road(CAMERA, u_px=250, v_px=220)
    spot, heading = LINES[0].place(site.along_m)
    lon, lat = TOWN.plane.lon_lat(ahead(spot, heading=heading, forward_m=point.forward_m, right_m=point.right_m))
    assert (defect.lon, defect.lat) == pytest.approx((lon, lat), abs=2e-7)
    assert defect.along_m - site.along_m == pytest.approx(point.forward_m, abs=0.02)


def test_sites_are_the_same_for_the_same_seed() -> None:
    photos = [_photo(("D40", (200, 150, 300, 220)), name=f"{number}.jpg") for number in range(5)]
    first, again, other = (make_sites(photos, LINES, camera=CAMERA, plane=TOWN.plane, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first[0].fingerprint() != other[0].fingerprint()


def test_unlabelled_classes_of_a_photo_go_into_the_truth() -> None:
    truth, sites = make_sites([POTHOLE], LINES, camera=CAMERA, plane=TOWN.plane, seed=0)
    assert len(truth.unlabelled) == len(sites)
    assert truth.unlabelled[0].class_codes == ("D00", "D10", "D20")


def test_photos_without_a_box_in_reach_are_refused() -> None:
    with pytest.raises(FramesError, match="distance"):
        make_sites([_photo(("D40", (0, 500, 20, 512)))], LINES, camera=CAMERA, plane=TOWN.plane, seed=0)


def test_pieces_of_one_crack_are_not_taken_for_two() -> None:
    pieces = _photo(("D10", (100, 150, 300, 220)), ("D10", (310, 150, 500, 221)))
    with pytest.raises(FramesError):
        make_sites([pieces], LINES, camera=CAMERA, plane=TOWN.plane, seed=0)


@pytest.mark.parametrize("metres", [0.0, 1.0, 4.0])
def test_a_road_point_moves_as_the_bus_drives(metres: float) -> None:
    before = np.array([*road_in_image(CAMERA, RoadPoint(forward_m=12, right_m=1)), 1.0])
    u, v, w = advance(CAMERA, metres) @ before
    assert (u / w, v / w) == pytest.approx(road_in_image(CAMERA, RoadPoint(forward_m=12 - metres, right_m=1)))


def test_a_photo_and_its_box_move_together() -> None:
    image = np.full((512, 512, 3), 128, np.uint8)
    cv2.rectangle(image, (200, 150), (300, 220), (0, 0, 0), -1)
    moved = show_photo(image, CAMERA, advanced_m=1.5)
    box = moved_box(CAMERA, (200, 150, 300, 220), advanced_m=1.5)
    assert box is not None
    rows, columns = np.nonzero(moved[..., 0] < 60)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == pytest.approx(box, abs=2)


def test_a_photo_at_its_site_is_the_photo() -> None:
    image = np.random.default_rng(0).integers(0, 255, (512, 512, 3)).astype(np.uint8)
    assert np.array_equal(show_photo(image, CAMERA, advanced_m=0.0), image)


def test_a_box_that_left_the_picture_is_not_seen() -> None:
    assert moved_box(CAMERA, (200, 400, 300, 480), advanced_m=3.0) is None
