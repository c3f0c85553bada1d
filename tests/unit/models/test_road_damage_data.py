from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.road_damage.coco import Photo
from models.road_damage.training.data import Photos, without_masks


def photo(folder: Path, *, scene: str, is_labelled: Sequence[bool] = (True,) * 4) -> Photo:
    path = folder / f"{scene}.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    return Photo(
        path=path,
        width_px=8,
        height_px=8,
        source="RDD2022/China_MotorBike",
        scene=scene,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        is_labelled=np.array(is_labelled),
    )


def test_a_scene_of_many_photos_is_shown_less_often_than_its_photos_count(tmp_path: Path) -> None:
    photos = [photo(tmp_path, scene=scene) for scene in "aaaab"]

    assert Photos(photos).chances == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 3])
    assert Photos(photos, is_balanced=False).chances == pytest.approx([0.2] * 5)


def test_without_masks_every_class_counts_as_labelled(tmp_path: Path) -> None:
    (shown,) = without_masks([photo(tmp_path, scene="a", is_labelled=(False, False, False, True))])

    assert shown.is_labelled.all()
