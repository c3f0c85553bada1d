"""Curves of an evaluation: precision over recall, and how honest the confidences are."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from models.road_damage.drawn_set import CLASSES
from models.road_damage.evaluate import Evaluation
from models.road_damage.score import count, precision_recall, rates

_pyplot: Any = plt  # it is typed in part


def draw_plots(found: Evaluation, folder: Path) -> None:
    """Write precision_recall.png, reliability.png and by_size.png."""
    _draw(_precision_recall, found, folder / "precision_recall.png")
    _draw(_reliability, found, folder / "reliability.png")
    _draw(_by_size, found, folder / "by_size.png")


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
