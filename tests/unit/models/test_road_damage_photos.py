import json
from pathlib import Path

import numpy as np

from models.road_damage.drawn_set import CLASSES
from models.road_damage.training.photos import DRIVE, drive_photos


def test_each_frame_has_its_boxes_inside_the_picture(tmp_path: Path) -> None:
    (tmp_path / DRIVE).mkdir(parents=True)
    photos = drive_photos(tmp_path)

    assert len({photo.path for photo in photos}) == len(photos) == 96
    assert {photo.path.parent for photo in photos} == {tmp_path / DRIVE / "frames"}
    assert {photo.source for photo in photos} == {DRIVE}
    assert sum(len(photo.boxes) for photo in photos) == 82
    for photo in photos:
        assert photo.is_labelled.shape == (len(CLASSES),)
        assert photo.is_labelled.all()
        assert (photo.boxes >= 0).all()
        assert (photo.boxes[:, :2] < photo.boxes[:, 2:]).all()
        assert (photo.boxes[:, 2:] <= [photo.width_px, photo.height_px]).all()
        assert photo.labels.dtype == np.int64


def test_frames_of_one_minute_are_one_scene(tmp_path: Path) -> None:
    (tmp_path / DRIVE).mkdir(parents=True)
    scenes = {photo.path.stem[:7]: photo.scene for photo in drive_photos(tmp_path)}  # of s1_144316: s1_1443
    assert len(scenes) == len(set(scenes.values())) == 15


def test_data_without_a_drive_give_no_photo(tmp_path: Path) -> None:
    assert drive_photos(tmp_path) == []


def test_exactly_the_frames_that_nobody_had_labelled_have_our_boxes(data_folder: Path) -> None:
    index = json.loads((data_folder / DRIVE / "index.json").read_text(encoding="utf-8"))
    unlabelled = {data_folder / DRIVE / one["file_name"] for one in index["frames"] if one["labelled_as"] is None}
    assert {photo.path for photo in drive_photos(data_folder)} == unlabelled
