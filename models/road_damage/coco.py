"""Photos with boxes from a COCO file whose images say which classes their source labelled."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from models.errors import DataError

FORBIDDEN_FOR_TRAINING = frozenset({"RM-RDD"})  # no licence stated: evaluation only


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One photo and its boxes of the wanted classes."""

    path: Path
    width_px: int
    height_px: int
    source: str
    scene: str
    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    labels: NDArray[np.int64]  # (n,) index into the wanted classes
    is_labelled: NDArray[np.bool_]  # (classes,) whether the source labelled the class at all


def read_photos(file: Path, classes: Sequence[str], *, images: Path | None = None) -> list[Photo]:
    """Read a COCO file; its pictures are in `images`, or in the folder of that name next to it.

    Raises:
        DataError: it is not COCO detection.
    """
    try:
        return _read(json.loads(file.read_text(encoding="utf-8")), images or file.parent / "images", classes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is no COCO detection file: {error!r}") from error


def decoded(photo: Photo) -> Image:
    """Read the picture of a photo.

    Raises:
        DataError: there is none, or it cannot be decoded.
    """
    image = cv2.imread(str(photo.path))
    if image is None:
        raise DataError(f"cannot read the picture {photo.path}")
    return np.asarray(image, np.uint8)


def _read(content: dict[str, list[dict[str, Any]]], images: Path, classes: Sequence[str]) -> list[Photo]:
    names = {category["id"]: category["name"] for category in content["categories"]}
    boxes_of: dict[int, list[tuple[list[float], int]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        name = names[annotation["category_id"]]
        if name in classes:
            boxes_of[annotation["image_id"]].append((annotation["bbox"], classes.index(name)))
    return [_photo(image, boxes_of[image["id"]], images, classes) for image in content["images"]]


def road_damage_file(data: Path, split: str) -> Path:
    """Find `<split>.json` in a data folder or in its `road-damage`.

    Raises:
        DataError: neither holds it.
    """
    for folder in (data, data / "road-damage"):
        if (folder / f"{split}.json").is_file():
            return folder / f"{split}.json"
    raise DataError(f"no {split}.json in {data} or {data / 'road-damage'}")


def _photo(image: dict[str, Any], boxes: list[tuple[list[float], int]], folder: Path, classes: Sequence[str]) -> Photo:
    xywh = np.array([box for box, _ in boxes], np.float32).reshape(-1, 4)
    labelled = image.get("annotated_categories", classes)
    return Photo(
        path=folder / image["file_name"],
        width_px=image["width"],
        height_px=image["height"],
        source=image.get("source", "unknown"),
        scene=image.get("scene", image["file_name"]),
        boxes=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
        labels=np.array([label for _, label in boxes], np.int64),
        is_labelled=np.array([name in labelled for name in classes]),
    )
