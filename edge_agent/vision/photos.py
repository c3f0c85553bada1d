"""The detector on photos, for people: COCO in JSON, and pictures with boxes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypedDict

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from edge_agent.errors import SourceError
from edge_agent.readings import Image
from edge_agent.vision.detections import Detections
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.drawing import draw_detections

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class CocoImage(TypedDict):
    id: int
    file_name: str
    width: int
    height: int


class CocoAnnotation(TypedDict):
    id: int
    image_id: int
    category_id: int
    bbox: list[float]  # x, y, width, height
    area: float
    iscrowd: int
    score: float


class CocoCategory(TypedDict):
    id: int
    name: str


class CocoResult(TypedDict):
    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


def detect_on_photos(detector: OnnxDetector, paths: Sequence[Path], *, output: Path, draw: Path | None) -> list[Path]:
    """Write what is found on all photos; the photos that could not be read.

    Raises:
        SourceError: something cannot be written; where the list goes to is tried first.
    """
    _try_to_write(output)
    result = CocoResult(
        images=[],
        annotations=[],
        categories=[CocoCategory(id=i, name=code) for i, code in enumerate(detector.classes, start=1)],
    )
    unreadable: list[Path] = []
    photos = list(photos_of(paths))
    console = Console(stderr=True)
    for name, path in track(photos, "photos", console=console, disable=not console.is_terminal):
        image = read_photo(path)
        if image is None:
            unreadable.append(path)
            continue
        found = detector.detect(image)
        _add(result, name, image, found)
        if draw is not None:
            _write(draw / _name_of_drawn(name), drawn(image, found))
    output.write_text(json.dumps(result), encoding="utf-8")
    console.print(_summary(result, unreadable), highlight=False)
    return unreadable


def photos_of(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Photos with the name under which they are reported: relative to the folder that was given."""
    for path in paths:
        if not path.is_dir():
            yield path.name, path
            continue
        for photo in sorted(path.rglob("*")):
            if photo.suffix.lower() in PICTURES and photo.is_file():
                yield photo.relative_to(path).as_posix(), photo


def read_photo(path: Path) -> Image | None:
    """Pixels as they are stored (boxes are meant in these), or None when it is no picture."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None
    if not content.size:
        return None
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def drawn(image: Image, found: Detections) -> Image:
    """Copy of a picture with boxes, classes and scores."""
    picture = image.copy()
    draw_detections(picture, found)
    return picture


def _add(result: CocoResult, name: str, image: Image, found: Detections) -> None:
    image_id = len(result["images"]) + 1
    height, width = image.shape[:2]
    result["images"].append(CocoImage(id=image_id, file_name=name, width=width, height=height))
    category_of = {category["name"]: category["id"] for category in result["categories"]}
    for box, score, code in zip(found.boxes, found.confidences, found.class_codes, strict=True):
        left, top, right, bottom = (round(float(edge), 2) for edge in box)
        annotation = CocoAnnotation(
            id=len(result["annotations"]) + 1,
            image_id=image_id,
            category_id=category_of[code],
            bbox=[left, top, round(right - left, 2), round(bottom - top, 2)],
            area=round((right - left) * (bottom - top), 2),
            iscrowd=0,
            score=round(float(score), 4),
        )
        result["annotations"].append(annotation)


def _try_to_write(output: Path) -> None:
    """Before hours of looking, not after; what was there stays until there is something else."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.open("ab").close()
    except OSError as error:
        raise SourceError(f"{output} cannot be written: {error.strerror}") from error


def _name_of_drawn(name: str) -> str:
    """A picture with boxes is a JPEG; `a.png` and `a.jpg` of one folder are two."""
    return name if Path(name).suffix.lower() in {".jpg", ".jpeg"} else f"{name}.jpg"


def _write(path: Path, picture: Image) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{path.parent} cannot be made: {error.strerror}") from error
    if not cv2.imwrite(str(path), picture):
        raise SourceError(f"{path} cannot be written")


def _summary(result: CocoResult, unreadable: Sequence[Path]) -> str:
    photos, boxes = len(result["images"]), len(result["annotations"])
    text = f"{boxes} things on {photos} photos"
    return f"{text}, {len(unreadable)} unreadable" if unreadable else text
