"""A model on photos that it was not trained on, run as the agent runs it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.model_file import Calibration, Manifest, load_manifest
from edge_agent.vision.quality import grey_of, judge_grey
from models.errors import DataError
from models.road_damage import calibrate
from models.road_damage.card import write_measured
from models.road_damage.coco import Photo, decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.error_model import FOUND_IOU, error_model
from models.road_damage.release import UNCALIBRATED, Bar, judged
from models.road_damage.report import Clean, Honesty, Int8, Part, Report, part_of
from models.road_damage.sample import Sample, Seen, sample_of
from models.road_damage.score import MATCH_IOU, Outcome, average_precision, count, judged_again, rates
from simulator.altered import ALTERED
from wire.error_model import Quality

LOWEST_CONFIDENCE: Final = 0.05  # boxes below it only make curves longer
DRAWN_SCENES: Final = 200
DRAWN_SEED: Final = 2026
ALTERED_SEED: Final = 7
VEHICLE_VIEWS: Final = frozenset({"RM-RDD", "RoadDamageDataset2018/Chiba"})
# Photos of roads without visible damage, if the data folder has them: every box there is a false alarm or worth a look.
CLEAN_FOLDERS: tuple[str, ...] = ("drive/frames", "road-extra/images")
EVERY_CLEAN: Final = 8  # of the photos that are altered for the error model: a drive's frames are much alike


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """The report, and the boxes behind it with a confidence of LOWEST_CONFIDENCE or more."""

    report: Report
    outcomes: list[Outcome]
    clean: list[Outcome]


@dataclass(slots=True, eq=False)
class Looker:
    """A detector, and how long each picture took."""

    detector: OnnxDetector
    milliseconds: list[float] = field(default_factory=list[float])

    def look(self, image: Image, truth: Photo, *, match_iou: float = MATCH_IOU) -> Outcome:
        began = time.perf_counter()
        outcome = judged(self.detector, image, truth, match_iou=match_iou)
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        return outcome

    @property
    def median_ms(self) -> float:
        return round(float(np.median(self.milliseconds)), 1)


def evaluate(model: Path, data: Path, *, bar: Bar) -> Evaluation:
    """Measure the model of a folder on `val.json` of the data.

    Raises:
        DataError: the data folder has no val.json, it names no photo, or a picture is missing.
        ModelError: file and manifest of the model do not fit.
    """
    path = model / "manifest.toml"
    manifest = load_manifest(path)
    file = road_damage_file(data, "val")
    photos = read_photos(file, CLASSES)
    if not photos:
        raise DataError(f"{file} names no photo")
    looker = Looker(OnnxDetector(path, threads=1, threshold=LOWEST_CONFIDENCE))
    if manifest.int8 is None:
        outcomes, int8 = list(_each(looker, photos, bar, "photos")), None
    else:
        outcomes, int8 = _side_by_side(path, looker, photos, manifest.threshold, bar)
    median_ms = looker.median_ms
    drawn = list(_drawn(looker, bar))
    clean = list(_each(looker, _clean_photos(data), bar, "clean roads"))
    report = _report(manifest=manifest, outcomes=outcomes, drawn=drawn, clean=clean, int8=int8, median_ms=median_ms)
    return Evaluation(report=report, outcomes=outcomes, clean=clean)


def ship(found: Evaluation, model: Path, *, bar: Bar) -> None:
    """Write error_model.json and the measured part of card.md into the model's folder.

    Raises:
        DataError: the card has no place for it.
    """
    manifest = load_manifest(model / "manifest.toml")
    samples = sample_qualities(found, model, bar=bar)
    errors = error_model(samples, model=manifest.model, threshold=manifest.threshold, input_px=input_px_of(manifest))
    content = errors.model_dump_json(by_alias=True, indent=1)
    (model / "error_model.json").write_text(f"{content}\n", encoding="utf-8")
    write_measured(model, manifest, found.report, errors, samples)


def sample_qualities(found: Evaluation, model: Path, *, bar: Bar) -> dict[Quality, Sample]:
    """Choose the pictures of each quality: of photos as they were, and of all val photos altered."""
    looker = Looker(OnnxDetector(model / "manifest.toml", threads=1))
    rng = np.random.default_rng(ALTERED_SEED)
    good = list(_as_they_were(found, bar))
    photos = len(found.outcomes)
    samples: dict[Quality, Sample] = {"good": sample_of("good", good)}
    for quality, alter in ALTERED.items():
        progressed = bar(f"photos made {quality}", photos + len(found.clean[::EVERY_CLEAN]))
        seen: list[Seen] = []
        for before in (*good[:photos], *good[photos::EVERY_CLEAN]):
            truth = before.outcome.truth
            image = alter(decoded(truth), rng)
            outcome = looker.look(image, truth, match_iou=FOUND_IOU)
            seen.append(Seen(verdict=judge_grey(grey_of(image)), outcome=outcome, unaltered=before.outcome))
            progressed()
        samples[quality] = sample_of(quality, seen)
    return samples


def _as_they_were(found: Evaluation, bar: Bar) -> Iterator[Seen]:
    outcomes = [*found.outcomes, *found.clean]
    progressed = bar("photos as they were", len(outcomes))
    for every_box in outcomes:
        outcome = judged_again(every_box.surer_than(found.report.threshold), FOUND_IOU)
        verdict = judge_grey(grey_of(decoded(outcome.truth)))
        yield Seen(verdict=verdict, outcome=outcome, unaltered=outcome)
        progressed()


def input_px_of(manifest: Manifest) -> float:
    """Side of the square whose area a picture is scaled to."""
    return float(np.sqrt(manifest.input_width * manifest.input_height))


def _each(looker: Looker, photos: Sequence[Photo], bar: Bar, words: str) -> Iterator[Outcome]:
    seen = bar(words, len(photos))
    for photo in photos:
        yield looker.look(decoded(photo), photo)
        seen()


def _side_by_side(
    path: Path, looker: Looker, photos: Sequence[Photo], threshold: float, bar: Bar
) -> tuple[list[Outcome], Int8]:
    """Show each photo to both files in turn: what else the machine does then slows both."""
    other = Looker(OnnxDetector(path, threads=1, threshold=LOWEST_CONFIDENCE, precision="int8"))
    seen = bar("photos, fp32 and int8", len(photos))
    outcomes: list[Outcome] = []
    of_other: list[Outcome] = []
    for photo in photos:
        image = decoded(photo)
        outcomes.append(looker.look(image, photo))
        of_other.append(other.look(image, photo))
        seen()
    return outcomes, Int8(
        f1=rates(count(of_other, threshold)).f1,
        f1_fp32=rates(count(outcomes, threshold)).f1,
        median_ms=other.median_ms,
        median_ms_fp32=looker.median_ms,
    )


def _drawn(looker: Looker, bar: Bar) -> Iterator[Outcome]:
    rng = np.random.default_rng(DRAWN_SEED)
    seen = bar("drawn scenes", DRAWN_SCENES)
    for index in range(DRAWN_SCENES):
        scene = drawn_scene(rng)
        yield looker.look(scene.image, scene.as_photo(str(index)))
        seen()


def _clean(outcomes: Sequence[Outcome], threshold: float) -> dict[str, Clean]:
    found: dict[str, Clean] = {}
    for name in dict.fromkeys(outcome.source for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.source == name]
        counts = count(own, threshold).sum(axis=1).tolist()
        found[name] = Clean(pictures=len(own), boxes=sum(counts), by_class=dict(zip(CLASSES, counts, strict=True)))
    return found


def _clean_photos(data: Path) -> list[Photo]:
    """Pictures without boxes; their folder is their source, and each folder counts as a scene of its own."""
    return [_clean_photo(file, name) for name in CLEAN_FOLDERS for file in sorted((data / name).glob("*.jpg"))]


def _clean_photo(file: Path, name: str) -> Photo:
    image = cv2.imread(str(file))
    if image is None:
        raise DataError(f"cannot read the picture {file}")
    return Photo(
        path=file,
        width_px=image.shape[1],
        height_px=image.shape[0],
        source=name,
        scene=name,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        is_labelled=np.ones(len(CLASSES), np.bool_),
    )


def _report(
    *,
    manifest: Manifest,
    outcomes: list[Outcome],
    drawn: list[Outcome],
    clean: Sequence[Outcome],
    int8: Int8 | None,
    median_ms: float,
) -> Report:
    input_px, threshold = input_px_of(manifest), manifest.threshold

    def part(wanted: Sequence[Outcome]) -> Part:
        return part_of(wanted, threshold, input_px=input_px)

    sources = sorted({outcome.source for outcome in outcomes})
    of_vehicles = [one for one in outcomes if one.source in VEHICLE_VIEWS]
    ap50 = {code: average_precision(outcomes, index) for index, code in enumerate(CLASSES)}
    return Report(
        model=f"{manifest.name} {manifest.version}",
        threshold=threshold,
        photos=part(outcomes),
        vehicle_views=part(of_vehicles) if of_vehicles else None,
        by_source={source: part([one for one in outcomes if one.source == source]) for source in sources},
        drawn=part(drawn),
        clean=_clean(clean, threshold),
        map50=float(np.mean(list(ap50.values()))),
        ap50=ap50,
        f1_by_other_scenes=rates(calibrate.counts_by_other_scenes(outcomes)).f1,
        honesty=_honesty(outcomes, manifest.calibration or UNCALIBRATED, threshold),
        int8=int8,
        median_ms=median_ms,
    )


def _honesty(outcomes: Sequence[Outcome], shipped: Calibration, threshold: float) -> Honesty:
    boxes = calibrate.boxes_of(outcomes)
    chances = calibrate.cross_fitted(calibrate.with_raw_scores(shipped, boxes), len(CLASSES))
    is_returned = chances >= threshold
    bins = calibrate.reliability(chances, boxes.is_hit)
    returned = calibrate.reliability(chances[is_returned], boxes.is_hit[is_returned])
    return Honesty(
        shipped_error=calibrate.calibration_error(calibrate.reliability(boxes.scores, boxes.is_hit)),
        cross_fitted_error=calibrate.calibration_error(bins),
        returned_error=calibrate.calibration_error(returned),
        bins=bins,
    )
