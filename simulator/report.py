"""What a simulation has to say: while it runs, and at its end."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from simulator.fleet import FleetCounts
from simulator.score import Score
from telemetry.replaced import replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One state of a simulation; `score` is there when it is over."""

    seed: int
    truth_hash: str
    buses: int
    full_buses: int
    is_running: bool
    elapsed_s: float
    driven_s: float  # until the buses stood in the depot; afterwards the cloud still takes what they hold
    counts: FleetCounts
    exposed: int
    is_all_stored: bool | None = None  # every message has its receipt and every picture is uploaded
    is_all_fused: bool | None = None
    score: Score | None = None
    candidates: int | None = None  # findings seen but not yet believed
    found_or_candidate: int | None = None  # exposed defects that at least a candidate stands for
    others: int = 0  # buses without an agent beside them ...
    sent_by_others: int = 0  # ... and what they published, once it is over
    started_at: datetime
    badly_driven: tuple[dict[str, object], ...] = ()  # which bus, what, from when to when, how clear
    furniture: tuple[dict[str, object], ...] = ()  # things beside the road: what, where, what becomes of it, when
    rides: tuple[dict[str, object], ...] = ()  # of people with tags: who, on which bus, from when to when, how far

    def as_json(self) -> dict[str, object]:
        """Flat object; times in seconds, distances in metres."""
        result: dict[str, object] = {
            "seed": self.seed,
            "truth_hash": self.truth_hash,
            "buses": self.buses,
            "full_buses": self.full_buses,
            "others": self.others,
            "sent_by_others": self.sent_by_others,
            "is_running": self.is_running,
            "elapsed_s": round(self.elapsed_s, 1),
            "driven_s": round(self.driven_s, 1),
            **asdict(self.counts),
            "exposed": self.exposed,
            "is_all_stored": self.is_all_stored,
            "is_all_fused": self.is_all_fused,
            "candidates": self.candidates,
            "found_or_candidate": self.found_or_candidate,
            "started_at": self.started_at.isoformat(),
            "badly_driven": list(self.badly_driven),
            "furniture": list(self.furniture),
            "rides": list(self.rides),
        }
        return result | (_score_as_json(self.score) if self.score is not None else {})


def _score_as_json(score: Score) -> dict[str, object]:
    median_m = score.median_distance_m
    return {
        "found": len(score.found),
        "missed": len(score.missed),
        "invented": len(score.invented),
        "doubled": len(score.doubled),
        "median_distance_m": None if median_m is None else round(median_m, 2),
        "missed_ids": list(score.missed),
        "invented_ids": list(score.invented),
        "doubled_ids": list(score.doubled),
    }


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write so that a reader finds the old or the new document, never half of one."""
    with replaced(path) as file:
        file.write((json.dumps(document, indent=2) + "\n").encode())


def in_words(report: Report) -> list[str]:
    """Lines for a person."""
    counts, lines = report.counts, [f"seed {report.seed}, truth {report.truth_hash[:16]}"]
    lines.append(
        f"{report.buses} buses ({report.full_buses} with the real detector) drove {report.elapsed_s:.0f} s: "
        f"{counts.frames} frames, {counts.boxes} boxes, {counts.observations} observations, {counts.sent} messages"
    )
    if report.others:
        lines.append(f"{report.others} other buses of the county as numbers: {report.sent_by_others} messages")
    if report.score is not None:
        score, median_m = report.score, report.score.median_distance_m
        distance = "" if median_m is None else f", median distance {median_m:.1f} m"
        lines.append(
            f"of {score.exposed} defects shown: {len(score.found)} found, {len(score.missed)} missed; "
            f"{len(score.invented)} invented, {len(score.doubled)} doubled{distance}"
        )
    return lines
