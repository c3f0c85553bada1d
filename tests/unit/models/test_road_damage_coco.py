import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import DataError
from models.road_damage.coco import decoded, read_photos, road_damage_file

CLASSES = ("D00", "D40")


def write_set(folder: Path, **image: str | list[str]) -> Path:
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((8, 12, 3), np.uint8))
    content = {
        "categories": [{"id": 1, "name": "D00"}, {"id": 4, "name": "D40"}, {"id": 5, "name": "Repair"}],
        "images": [{"id": 7, "file_name": "a.png", "width": 12, "height": 8, **image}],
        "annotations": [
            {"image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "category_id": 5, "bbox": [0, 0, 1, 1]},
        ],
    }
    file = folder / "val.json"
    file.write_text(json.dumps(content))
    return file


def test_boxes_become_corners_and_foreign_classes_go(tmp_path: Path) -> None:
    (photo,) = read_photos(write_set(tmp_path), CLASSES)

    assert photo.boxes.tolist() == [[1, 2, 4, 6]]
    assert photo.labels.tolist() == [1]
    assert decoded(photo).shape == (8, 12, 3)


def test_classes_a_source_did_not_label_are_marked(tmp_path: Path) -> None:
    (photo,) = read_photos(write_set(tmp_path, annotated_categories=["D40"], scene="x", source="y"), CLASSES)

    assert photo.is_labelled.tolist() == [False, True]
    assert (photo.scene, photo.source) == ("x", "y")


def test_without_a_word_about_labels_all_classes_count_as_labelled(tmp_path: Path) -> None:
    (photo,) = read_photos(write_set(tmp_path), CLASSES)

    assert photo.is_labelled.all()


def test_set_is_found_in_the_folder_or_below_it(tmp_path: Path) -> None:
    file = write_set(tmp_path / "road-damage")

    assert road_damage_file(tmp_path, "val") == file
    assert road_damage_file(tmp_path / "road-damage", "val") == file


def test_missing_set_names_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"val\.json"):
        road_damage_file(tmp_path, "val")


@pytest.mark.parametrize("text", ["no json", "[]", '{"images": []}'], ids=["text", "list", "no categories"])
def test_file_that_is_not_coco_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "val.json"
    file.write_text(text)

    with pytest.raises(DataError, match=r"val\.json"):
        read_photos(file, CLASSES)


def test_missing_picture_is_named(tmp_path: Path) -> None:
    (photo,) = read_photos(write_set(tmp_path), CLASSES)
    photo.path.unlink()

    with pytest.raises(DataError, match=r"a\.png"):
        decoded(photo)
