"""What the pipeline made of a recording, counted, and as a table for people."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rich.table import Table

from edge_agent.watch import Scene
from wire.messages import Unusable


@dataclass(slots=True)
class Summary:
    """What the pipeline made of a recording."""

    frames: int = 0
    boxes: int = 0
    unusable: Counter[Unusable] = field(default_factory=Counter[Unusable])
    observations: Counter[str] = field(default_factory=Counter[str])
    steps_ms: dict[str, float] = field(default_factory=dict[str, float])  # sums over all frames
    first_at: datetime | None = None
    last_at: datetime | None = None
    passed_s: float = 0.0
    has_track: bool = False
    is_camera_guessed: bool = False

    def add(self, scene: Scene) -> None:
        """Count one frame."""
        self.frames += 1
        self.boxes += len(scene.detections)
        self.first_at = self.first_at or scene.frame.at
        self.last_at = scene.frame.at
        for step, ms in scene.steps_ms.items():
            self.steps_ms[step] = self.steps_ms.get(step, 0.0) + ms
        if scene.verdict is not None:
            self.unusable[scene.verdict] += 1


def summary_table(summary: Summary) -> Table:
    """The summary for people."""
    table = Table(show_header=False)
    for name, value in _rows(summary):
        table.add_row(name, value)
    return table


def _rows(summary: Summary) -> Iterator[tuple[str, str]]:
    frames, unusable = summary.frames, summary.unusable.total()
    yield "frames looked at", f"{frames}{_length(summary)}"
    yield "usable", _share(frames - unusable, frames)
    for reason, count in summary.unusable.most_common():
        yield f"unusable: {reason.value}", _share(count, frames)
    yield "boxes", str(summary.boxes)
    yield "observations", _observations(summary)
    if summary.is_camera_guessed:
        yield "camera", "guessed; --config names the real one"
    total_ms = sum(summary.steps_ms.values())
    for step, ms in summary.steps_ms.items():
        yield f"time: {step}", f"{ms / frames:.1f} ms a frame, {ms / total_ms:.0%}"
    if frames:
        yield "time: all steps", f"{total_ms / frames:.1f} ms a frame, {1000 * frames / total_ms:.1f} frames a second"
        yield "time: with reading and drawing", f"{summary.passed_s:.1f} s"


def _length(summary: Summary) -> str:
    if summary.first_at is None or summary.last_at is None:
        return ""
    return f" over {(summary.last_at - summary.first_at).total_seconds():.1f} s"


def _share(count: int, frames: int) -> str:
    return f"{count} ({count / max(frames, 1):.0%})"


def _observations(summary: Summary) -> str:
    if not summary.has_track:
        return "none: without a track no place is known"
    by_class = [f"{count} {code}" for code, count in sorted(summary.observations.items())]
    return ", ".join(by_class) or "0"
