import json
from pathlib import Path

import cv2
import numpy as np

import models
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.training.teacher import DRIVE, drive_photos

MODEL = Path(models.__file__).parent / "road_damage"


def test_only_frames_without_labels_are_labelled_by_the_teacher(tmp_path: Path) -> None:
    rng = np.random.default_rng(2026)
    frames = tmp_path / DRIVE / "frames"
    frames.mkdir(parents=True)
    listed = list[dict[str, str | None]]()
    for number in range(6):
        cv2.imwrite(str(frames / f"{number}.png"), drawn_scene(rng).image)
        labelled_as = "known.jpg" if number == 0 else None
        listed.append({"file_name": f"frames/{number}.png", "source_file": f"s{number}", "labelled_as": labelled_as})
    index = {"width": 640, "height": 384, "frames": listed}
    (tmp_path / DRIVE / "index.json").write_text(json.dumps(index), encoding="utf-8")

    photos = drive_photos(tmp_path, MODEL)

    assert [photo.scene for photo in photos] == ["s1", "s2", "s3", "s4", "s5"]
    assert sum(len(photo.boxes) for photo in photos) > 0
    for photo in photos:
        assert photo.boxes.shape == (len(photo.labels), 4)
        assert photo.is_labelled.all()
        assert set(photo.labels.tolist()) <= set(range(len(CLASSES)))


def test_data_without_a_drive_give_no_photo(tmp_path: Path) -> None:
    assert drive_photos(tmp_path, MODEL) == []
