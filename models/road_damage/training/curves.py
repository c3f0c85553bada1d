"""The course of a run as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def draw_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss on the left; F1 on photos and drawn scenes on the right."""
    steps = [entry["step"] for entry in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    left.plot(steps, [entry["loss"] for entry in history], marker=".")
    left.set(title="training loss", xlabel="step")
    for key, name in (("f1", "photos"), ("drawn_f1", "drawn scenes")):
        right.plot(steps, [entry[key] for entry in history], marker=".", label=name)
    for code in history[-1]["f1_by_class"]:
        right.plot(steps, [entry["f1_by_class"][code] for entry in history], linewidth=0.8, label=code)
    right.set(title="F1 on val at the best threshold", xlabel="step", ylim=(0, 1))
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
