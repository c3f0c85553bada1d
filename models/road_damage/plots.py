"""Curves of an evaluation: precision over recall, how honest the confidences are, and where a model fails."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from edge_agent.vision.model_file import load_manifest
from models.road_damage.drawn_set import CLASSES
from models.road_damage.evaluate import Evaluation, input_px_of
from models.road_damage.failures import Fate, Piece, pieces_of
from models.road_damage.report import size_name
from models.road_damage.score import MATCH_IOU, SIZE_EDGES_PX, count, precision_recall, rates

FAILURES_FILE: Final = "where_it_fails.png"
COLOUR_OF_FATE: Final = {
    Fate.FOUND: "#2e7d4f",
    Fate.MISPLACED: "#e0a526",
    Fate.ANOTHER_CLASS: "#8a6fb0",
    Fate.NOTHING: "#c9ccd1",
}
COLOUR_OF_CLASS: Final = dict(zip(CLASSES, ("#1f5a96", "#6ba3d6", "#d67c3a", "#7a3b2e"), strict=True))
_pyplot: Any = plt  # it is typed in part


def draw_plots(found: Evaluation, folder: Path) -> None:
    """Write precision_recall.png, reliability.png and by_size.png."""
    _draw(_precision_recall, found, folder / "precision_recall.png")
    _draw(_reliability, found, folder / "reliability.png")
    _draw(_by_size, found, folder / "by_size.png")


def draw_failures(found: Evaluation, folder: Path) -> None:
    """Write where_it_fails.png into a model's folder: beside the card, and with the hash of the model in it."""
    manifest = load_manifest(folder / "manifest.toml")
    sure = [outcome.surer_than(manifest.threshold) for outcome in found.outcomes]
    pieces = list(pieces_of(sure, input_px=input_px_of(manifest)))
    figure, (left, right) = _pyplot.subplots(1, 2, figsize=(13, 5.6), width_ratios=(1.1, 1), layout="constrained")
    _fates(left, pieces)
    _best_boxes(right, pieces)
    figure.suptitle(f"{found.report.model}, threshold {manifest.threshold}: {len(pieces)} pieces of labelled damage")
    facts = {"Title": found.report.model, "Description": manifest.model.sha256, "Software": None}
    figure.savefig(folder / FAILURES_FILE, dpi=80, metadata=facts)
    _pyplot.close(figure)


def _fates(axes: Any, pieces: Sequence[Piece]) -> None:  # noqa: ANN401
    """A bar for each class, each size and each source."""
    sizes = [size_name(size) for size in range(len(SIZE_EDGES_PX) - 1)]
    groups = [
        [(code, [one for one in pieces if one.class_code == code]) for code in CLASSES],
        [(size, [one for one in pieces if one.size == size]) for size in sizes],
        [(source, [one for one in pieces if one.source == source]) for source in sorted({p.source for p in pieces})],
    ]
    places: dict[str, float] = {}
    for number, group in enumerate(groups):
        for name, own in group:
            label = f"{name} ({len(own)})"
            places[label] = len(places) + 0.6 * number
            _fate_bar(axes, places[label], own)
    axes.set_yticks(list(places.values()), list(places))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the pieces (their number in brackets)")
    handles = [_pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOUR_OF_FATE.values()]
    axes.legend(handles, list(COLOUR_OF_FATE), loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, frameon=False)


def _fate_bar(axes: Any, place: float, pieces: Sequence[Piece]) -> None:  # noqa: ANN401
    counts, left = Counter(piece.fate for piece in pieces), 0.0
    for fate, colour in COLOUR_OF_FATE.items():
        share = counts[fate] / max(len(pieces), 1)
        axes.barh(place, share, left=left, color=colour, height=0.8)
        left += share


def _best_boxes(axes: Any, pieces: Sequence[Piece]) -> None:  # noqa: ANN401
    """How well the best box of its class lies on each piece of damage that has one."""
    near = [[one.best_iou for one in pieces if one.class_code == code and one.best_iou > 0] for code in CLASSES]
    tenths = [number / 10 for number in range(11)]
    axes.hist(near, bins=tenths, stacked=True, color=list(COLOUR_OF_CLASS.values()), label=list(CLASSES))
    axes.axvline(MATCH_IOU, color="black", linestyle="--", linewidth=1)
    without = len(pieces) - sum(map(len, near))
    axes.set(xlim=(0, 1), xlabel="IoU of the best box of its class; from the dashed line on: found", ylabel="pieces")
    axes.set_title(f"{without} pieces more have no box of their class", fontsize="medium")
    axes.legend(frameon=False)


def _draw(painter: Any, found: Evaluation, path: Path) -> None:  # noqa: ANN401 (pyplot's axes have no types)
    figure, axes = _pyplot.subplots(figsize=(5.5, 5))
    painter(axes, found)
    axes.grid(visible=True, linewidth=0.4)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    _pyplot.close(figure)


def _precision_recall(axes: Any, found: Evaluation) -> None:  # noqa: ANN401
    """One curve for each class; the dot is the shipped threshold."""
    counts = count(found.outcomes, found.report.threshold)
    for index, code in enumerate(CLASSES):
        precision, recall = precision_recall(found.outcomes, index)
        (line,) = axes.plot(recall, precision, label=f"{code} (AP {found.report.ap50[code]:.2f})")
        point = rates(counts[index])
        axes.plot(point.recall, point.precision, marker="o", color=line.get_color())
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=found.report.model)
    axes.legend()


def _reliability(axes: Any, found: Evaluation) -> None:  # noqa: ANN401
    bins = found.report.honesty.bins
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.plot([one.confidence for one in bins], [one.right for one in bins], marker="o")
    for one in bins:
        axes.annotate(str(one.boxes), (one.confidence, one.right), textcoords="offset points", xytext=(6, -10))
    title = f"calibration error {found.report.honesty.cross_fitted_error:.3f}, scenes not fitted on"
    axes.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1), title=title)


def _by_size(axes: Any, found: Evaluation) -> None:  # noqa: ANN401
    parts = found.report.photos.by_size
    for name in ("precision", "recall"):
        values = [getattr(one, name) for one in parts.values()]
        between = [getattr(one, f"{name}_interval") for one in parts.values()]
        below = [max(value - low, 0) for value, (low, _) in zip(values, between, strict=True)]
        above = [max(high - value, 0) for value, (_, high) in zip(values, between, strict=True)]
        axes.errorbar(list(parts), values, yerr=[below, above], marker="o", capsize=4, label=name)
    axes.set(ylim=(0, 1), title="by size at the model's scale, 95 % by scenes")
    axes.tick_params(axis="x", labelrotation=20)
    axes.legend()
