"""What a demo did, as a table for people and as JSON for programs."""

from dataclasses import asdict, dataclass
from typing import Final

from rich.table import Table

MEANINGS: Final = {
    "frames": "frames that the agents looked at",
    "boxes": "boxes that the detectors drew",
    "sent": "messages that the buses numbered",
    "stored": "of them in the database, or in quarantine",
    "duplicates": "stored twice",
    "redelivered": "came again and were ignored",
    "given_up": "given up by full outboxes",
    "lost": "neither stored nor given up",
    "found": "defects shown to a camera and believed, also those that were then repaired",
    "missed": "shown and not believed",
    "invented": "believed without a defect, also those that a person then rejected",
    "doubled": "believed twice",
    "median_distance_m": "median distance of a finding from its defect, in metres",
    "cases": "cases",
    "cases_by_step": "filed dispatched accepted repaired verified reopened rejected",
    "p50_ms": "median from exposure to the live map, in ms, of buses with a network",
    "p99_ms": "99th percentile of it, in ms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers; `lost` and `duplicates` must be zero."""

    seed: int
    truth_hash: str
    seconds: float
    frames: int
    frames_per_s: float
    boxes: int
    observations: int
    pictures: int
    sent: int
    stored: int
    duplicates: int
    redelivered: int
    given_up: int
    exposed: int
    found: int
    missed: int
    invented: int
    doubled: int
    median_distance_m: float | None
    candidates: int
    found_or_candidate: int
    cases: int
    cases_by_step: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None
    finding_p50_ms: float | None
    finding_p99_ms: float | None
    observations_shown: int
    restarts: int
    is_all_stored: bool
    is_all_fused: bool
    scenarios: dict[str, dict[str, object]]

    @property
    def lost(self) -> int:
        return self.sent - self.stored - self.given_up

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        return self.lost <= 0 and self.duplicates == 0

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "lost": self.lost}

    def as_table(self) -> Table:
        title = f"busense demo, seed {self.seed}, truth {self.truth_hash[:16]}, {self.seconds:.0f} s"
        table = Table(title=title, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_column(style="dim")
        values = self.as_json()
        for name, meaning in MEANINGS.items():
            table.add_row(name, _shown(values[name]), meaning)
        for name, score in self.scenarios.items():
            table.add_row(name, _shown(score), " ".join(score))
        return table


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return " ".join(str(count) for count in value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return f"{value:.1f}" if isinstance(value, float) else str(value)
