"""Photos that nobody labelled, labelled by an earlier model: a drive along roads like those that have boxes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_agent.vision.detector import OnnxDetector
from models.road_damage.coco import Photo, decoded
from models.road_damage.drawn_set import CLASSES

DRIVE = "drive/chiba"
SURE_ENOUGH = 0.25  # below the threshold for users: a missed crack teaches worse than a doubtful one


def drive_photos(data: Path, model: Path) -> list[Photo]:
    """Frames of the drive that are not among the labelled photos, with the boxes that a model sees in them.

    Returns:
        None of them if the data folder has no drive.
    """
    index = data / DRIVE / "index.json"
    if not index.is_file():
        return []
    content = json.loads(index.read_text(encoding="utf-8"))
    teacher = OnnxDetector(model / "manifest.toml", threads=1, threshold=SURE_ENOUGH)
    unlabelled = [
        Photo(
            path=index.parent / frame["file_name"],
            width_px=content["width"],
            height_px=content["height"],
            source=DRIVE,
            scene=frame["source_file"],
            boxes=np.zeros((0, 4), np.float32),
            labels=np.zeros(0, np.int64),
            is_labelled=np.ones(len(CLASSES), np.bool_),
        )
        for frame in content["frames"]
        if frame["labelled_as"] is None
    ]
    return [_labelled(photo, teacher) for photo in unlabelled]


def _labelled(photo: Photo, teacher: OnnxDetector) -> Photo:
    seen = teacher.detect(decoded(photo))
    labels = np.array([CLASSES.index(code) for code in seen.class_codes], np.int64)
    return replace(photo, boxes=seen.boxes.astype(np.float32), labels=labels)
