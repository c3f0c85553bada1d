"""The shipped model on photos that it was not trained on, run as the agent runs it."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from edge_agent.readings import Image
from edge_agent.vision.detections import Detector
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.model_file import load_manifest
from models.road_damage.coco import Photo, decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.score import Outcome, Rates, count, f1_interval, judge, rates

DRAWN_SCENES = 200
DRAWN_SEED = 2026
BOOTSTRAP_SEED = 1
# Photos of roads without visible damage, if the data folder has them: every box there is a false alarm or worth a look.
CLEAN_FOLDERS = ("drive/frames", "road-extra/images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source, or all photos, or the drawn scenes."""

    pictures: int
    scenes: int
    total: Rates
    f1_low: float  # 95 % interval by scenes
    f1_high: float
    by_class: dict[str, Rates]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    pictures: int
    boxes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    model: str
    threshold: float
    photos: Part
    by_source: dict[str, Part]
    drawn: Part
    clean: dict[str, Clean]
    median_ms: float


def evaluate(model: Path, data: Path) -> Report:
    """Measure the model of a folder on `val.json` of the data.

    Raises:
        DataError: the data folder has no val.json, or a picture is missing.
        ModelError: file and manifest of the model do not fit.
    """
    manifest = load_manifest(model / "manifest.toml")
    detector = OnnxDetector(model / "manifest.toml", threads=1)
    photos = read_photos(road_damage_file(data, "val"), CLASSES)
    clock = _Clock(detector)
    outcomes = [clock.outcome(decoded(photo), photo) for photo in photos]
    sources = sorted({outcome.source for outcome in outcomes})
    return Report(
        model=f"{manifest.name} {manifest.version}",
        threshold=manifest.threshold,
        photos=_part(outcomes),
        by_source={source: _part([one for one in outcomes if one.source == source]) for source in sources},
        drawn=_part(list(_drawn(clock))),
        clean=dict(_clean(clock, data)),
        median_ms=round(float(np.median(clock.milliseconds)), 1),
    )


class _Clock:
    """The detector, and how long it took for each picture."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.milliseconds: list[float] = []

    def outcome(self, image: Image, truth: Photo) -> Outcome:
        began = time.perf_counter()
        found = self._detector.detect(image)
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        return judge(
            boxes=found.boxes,
            scores=found.confidences,
            labels=np.array([CLASSES.index(code) for code in found.class_codes], np.int64),
            truth=truth,
        )

    def boxes_on(self, image: Image) -> int:
        return len(self._detector.detect(image))


def _drawn(clock: _Clock) -> Iterator[Outcome]:
    rng = np.random.default_rng(DRAWN_SEED)
    for index in range(DRAWN_SCENES):
        scene = drawn_scene(rng)
        yield clock.outcome(scene.image, scene.as_photo(str(index)))


def _clean(clock: _Clock, data: Path) -> Iterator[tuple[str, Clean]]:
    for name in CLEAN_FOLDERS:
        files = sorted((data / name).glob("*.jpg"))
        if files:
            images = (cv2.imread(str(file)) for file in files)
            boxes = sum(clock.boxes_on(np.asarray(image, np.uint8)) for image in images)
            yield name, Clean(pictures=len(files), boxes=boxes)


def _part(outcomes: Sequence[Outcome]) -> Part:
    """Rates of everything the detector returned: it applies its own threshold."""
    counts = count(outcomes, threshold=0.0)
    low, high = f1_interval(outcomes, 0.0, rng=np.random.default_rng(BOOTSTRAP_SEED))
    return Part(
        pictures=len(outcomes),
        scenes=len({(outcome.source, outcome.scene) for outcome in outcomes}),
        total=rates(counts),
        f1_low=low,
        f1_high=high,
        by_class={code: rates(counts[index]) for index, code in enumerate(CLASSES)},
    )


def show(report: Report) -> None:
    """Print the report as tables."""
    console = Console(width=120)
    table = Table(title=f"{report.model}, threshold {report.threshold}, F1 at IoU 0.5")
    for column in ("source", "photos", "scenes", "F1", "95 %", "precision", "recall", *CLASSES):
        table.add_column(column, justify="left" if column == "source" else "right")
    for name, part in _rows(report):
        table.add_row(name, *_cells(part))
    console.print(table)
    for name, clean in report.clean.items():
        console.print(f"{name}: {clean.boxes} boxes on {clean.pictures} pictures of roads without visible damage")
    console.print(f"{report.median_ms} ms a picture (median, this machine)")


def _rows(report: Report) -> Iterable[tuple[str, Part]]:
    yield from report.by_source.items()
    yield "all photos", report.photos
    yield "drawn scenes", report.drawn


def _cells(part: Part) -> list[str]:
    total = part.total
    return [
        str(part.pictures),
        str(part.scenes),
        f"{total.f1:.3f}",
        f"{part.f1_low:.2f}-{part.f1_high:.2f}",
        f"{total.precision:.2f}",
        f"{total.recall:.2f}",
        *(f"{one.f1:.2f}" if one.hits + one.missed else "-" for one in part.by_class.values()),
    ]


def write(report: Report, file: Path) -> None:
    content: dict[str, Any] = asdict(report)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
