"""The figures of an evaluation, and how they are shown."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.road_damage.calibrate import Bin
from models.road_damage.drawn_set import CLASSES
from models.road_damage.score import SIZE_EDGES_PX, Outcome, Rates, interval, rates, tally

BOOTSTRAP_SEED = 1
Row = tuple[str, ...]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Rates):
    """Rates with their 95 % intervals over scenes."""

    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source, or all photos, or the drawn scenes."""

    pictures: int
    scenes: int
    total: Measured
    by_class: dict[str, Measured]
    by_size: dict[str, Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Boxes on pictures of roads without visible damage."""

    pictures: int
    boxes: int
    by_class: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """Calibration, on boxes of the validation photos."""

    shipped_error: float  # of the line that is shipped, fitted on all of these photos
    cross_fitted_error: float  # each scene by a line that was fitted without it
    returned_error: float  # the same, of the boxes above the threshold
    bins: list[Bin]  # cross-fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8:
    """The int8 file beside the fp32 file, on the same photos."""

    f1: float
    f1_fp32: float
    median_ms: float
    median_ms_fp32: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    model: str
    threshold: float
    photos: Part
    vehicle_views: Part | None  # RM-RDD and Chiba
    by_source: dict[str, Part]
    drawn: Part
    clean: dict[str, Clean]
    map50: float
    ap50: dict[str, float]
    f1_by_other_scenes: float  # each scene at the threshold that is best for all others
    honesty: Honesty
    int8: Int8 | None
    median_ms: float


def part_of(outcomes: Sequence[Outcome], threshold: float, *, input_px: float) -> Part:
    counts = tally(outcomes, threshold, input_px=input_px)
    return Part(
        pictures=len(outcomes),
        scenes=len(counts),
        total=measured(counts),
        by_class={code: measured(counts[:, :, index]) for index, code in enumerate(CLASSES)},
        by_size={size_name(size): measured(counts[:, size]) for size in range(counts.shape[1])},
    )


def measured(scenes: NDArray[np.int64]) -> Measured:
    """Rates of counts (scenes, …, 3)."""

    def between(value: Callable[[Rates], float]) -> Interval:
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        return interval(scenes, lambda counts: value(rates(counts)), rng=rng)

    return Measured(
        **asdict(rates(scenes)),
        precision_interval=between(lambda one: one.precision),
        recall_interval=between(lambda one: one.recall),
        f1_interval=between(lambda one: one.f1),
    )


def size_name(size: int) -> str:
    low, high = SIZE_EDGES_PX[size], SIZE_EDGES_PX[size + 1]
    return f"{low} px and more" if size == len(SIZE_EDGES_PX) - 2 else f"{low} to {high} px"


def tables(report: Report) -> Iterator[tuple[str, list[Row]]]:
    """Title and rows of each table; the first row holds the heads."""
    yield f"{report.model}, threshold {report.threshold}, IoU 0.5", _source_rows(report)
    yield "By class, all photos", _rate_rows("class", report.photos.by_class)
    yield "By size at the model's scale, all photos", _rate_rows("size", report.photos.by_size)
    yield "Roads without visible damage", _clean_rows(report)
    yield "Other figures", _other_rows(report)


def _source_rows(report: Report) -> list[Row]:
    parts: dict[str, Part | None] = {
        **report.by_source,
        "RM-RDD and Chiba together": report.vehicle_views,
        "all photos": report.photos,
        "drawn scenes": report.drawn,
    }
    heads = ("source", "pictures", "scenes", "F1", "95 %", "precision", "recall", *CLASSES)
    return [heads, *(_source_row(name, part) for name, part in parts.items() if part is not None)]


def _source_row(name: str, part: Part) -> Row:
    total = part.total
    of_class = (f"{one.f1:.2f}" if one.hits + one.missed else "-" for one in part.by_class.values())
    sizes = str(part.pictures), str(part.scenes)
    return (
        name,
        *sizes,
        f"{total.f1:.3f}",
        _range(total.f1_interval),
        f"{total.precision:.2f}",
        f"{total.recall:.2f}",
        *of_class,
    )


def _rate_rows(head: str, parts: dict[str, Measured]) -> list[Row]:
    heads = (head, "F1", "95 %", "precision", "95 %", "recall", "95 %", "hits", "false alarms", "missed")
    return [heads, *((name, *_rate_cells(one)) for name, one in parts.items())]


def _rate_cells(one: Measured) -> Row:
    return (
        f"{one.f1:.2f}",
        _range(one.f1_interval),
        f"{one.precision:.2f}",
        _range(one.precision_interval),
        f"{one.recall:.2f}",
        _range(one.recall_interval),
        str(one.hits),
        str(one.false_alarms),
        str(one.missed),
    )


def _range(between: Interval) -> str:
    return f"{between[0]:.2f}-{between[1]:.2f}"


def _clean_rows(report: Report) -> list[Row]:
    heads = ("pictures of", "pictures", "boxes", *CLASSES)
    rows = (
        (name, str(one.pictures), str(one.boxes), *map(str, one.by_class.values()))
        for name, one in report.clean.items()
    )
    return [heads, *rows]


def _other_rows(report: Report) -> list[Row]:
    honesty = report.honesty
    rows = [
        ("figure", "value"),
        ("mAP at IoU 0.5", f"{report.map50:.3f} ({', '.join(f'{c} {v:.2f}' for c, v in report.ap50.items())})"),
        ("F1 with each scene at the threshold of the others", f"{report.f1_by_other_scenes:.3f}"),
        ("calibration error (ECE), fitted on other scenes", f"{honesty.cross_fitted_error:.3f}"),
        ("the same, boxes above the threshold", f"{honesty.returned_error:.3f}"),
        ("the same, the shipped line on the photos it was fitted on", f"{honesty.shipped_error:.3f}"),
        ("milliseconds a picture, fp32 (median, one thread, this machine)", f"{report.median_ms:.1f}"),
    ]
    if report.int8 is not None:
        rows += _int8_rows(report.int8)
    return rows


def _int8_rows(int8: Int8) -> list[Row]:
    return [
        ("F1 of fp32 and int8, all photos", f"{int8.f1_fp32:.3f} and {int8.f1:.3f} ({int8.f1 - int8.f1_fp32:+.3f})"),
        ("milliseconds of fp32 and int8, in turn", f"{int8.median_ms_fp32:.1f} and {int8.median_ms:.1f}"),
    ]


def show(report: Report, console: Console) -> None:
    for title, rows in tables(report):
        table = Table(title=title)
        for place, head in enumerate(rows[0]):
            table.add_column(head, justify="right" if place else "left")
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)


def as_markdown(report: Report) -> str:
    """The same tables, as a card holds them."""
    return "\n".join(_markdown(title, rows) for title, rows in tables(report))


def _markdown(title: str, rows: Sequence[Row]) -> str:
    line = "|---" + "|---:" * (len(rows[0]) - 1) + "|"
    body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"### {title}", "", body[0], line, *body[1:], ""])


def write_json(report: Report, file: Path) -> None:
    file.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
