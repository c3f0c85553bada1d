"""How good the findings are: passes by known damage with the detector's measured mistakes, and the real rules.

`python -m benchmarks.fusion [--json FILE]` needs no broker, no database and no pictures. The edge's tracker is in it by
its own sums (`edge_agent...evidence`), the cloud by `clusters_of`, `look_at` and `fuse`; what is between them is not.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import numpy as np

from benchmarks.fusion_passes import BEGIN, CANYON, STREET, Detector, Drive, Receiver, Reported
from benchmarks.record import record, write
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.findings.cluster import clusters_of
from cloud.findings.fuse import fuse
from cloud.findings.geometry import sigma_m
from cloud.findings.model import FindingState, Fused, Observation
from cloud.findings.rates import RateBook
from cloud.findings.visibility import Reach, Stretch, look_at, reach_of
from simulator.score import Claim, Score, score_claims
from simulator.world import World, make_world
from telemetry.result_file import RESULT_FILE
from wire.error_model import Quality, load_error_model

MODEL: Final = Path("models/road_damage/error_model.json")
GOALS: Final = {"found": ("at least", 0.98), "invented": ("at most", 0.02), "doubled": ("at most", 0.01)}
DISTANCE_GOAL_M: Final = 3.0
BUSES: Final = 4
HALF_POOR: Final[tuple[Quality, ...]] = ("good", "wet", "good", "dark")
EVERY: Final = timedelta(minutes=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated."""

    name: str
    receiver: Receiver
    passes: int
    seeds: int
    qualities: tuple[Quality, ...] = ("good",)  # of the pictures of each pass, in turn
    is_told: bool = True  # whether tracker and cloud know of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table; shares, metres and seconds."""

    scene: str
    passes: int
    defects: int
    open_findings: int
    found: float
    found_or_candidate: float
    invented: float
    doubled: float
    gone: float  # defects that once were believed or suspected and are no longer, though they are there
    median_distance_m: float | None
    found_of_class: dict[str, float]
    seconds: float
    observations: int
    observations_per_s: float  # of one core


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the cloud's part took."""

    observations: int
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A town with the scores of what is believed, of what is at least a candidate, and of what is taken for gone."""

    world: World
    opened: Score
    alive: Score
    gone: Score
    work: Work

    @property
    def lost(self) -> int:
        """Defects that are taken for gone."""
        return len(_ids(self.gone) - _ids(self.alive))


def _ids(score: Score) -> set[str]:
    return {defect_id for defect_id, _, _ in score.found}


def run(scene: Scene, detector: Detector, *, catalogue: Catalogue) -> Line:
    """Simulate a scene over its seeds."""
    began = time.perf_counter()
    book = RateBook(models={(detector.errors.model.name, detector.errors.model.version): detector.errors})
    towns = [_town(scene, seed, detector, catalogue=catalogue, book=book) for seed in range(scene.seeds)]
    return _line(scene, towns, seconds=time.perf_counter() - began)


def _town(scene: Scene, seed: int, detector: Detector, *, catalogue: Catalogue, book: RateBook) -> Town:
    world = make_world(seed=seed, buses=3, frames=None)
    reports = [report for number in range(scene.passes) for report in _pass(scene, seed, number, world, detector)]
    begun_s = time.process_time()
    fused = findings_of(reports, catalogue=catalogue, book=book)
    work = Work(observations=sum(len(report.observations) for report in reports), cpu_s=time.process_time() - begun_s)

    def score(*states: FindingState) -> Score:
        return _score([item for item in fused if item.state in states], world, catalogue)

    return Town(
        world=world,
        opened=score(FindingState.OPEN),
        alive=score(FindingState.OPEN, FindingState.CANDIDATE),
        gone=score(FindingState.GONE),
        work=work,
    )


def _pass(scene: Scene, seed: int, number: int, world: World, detector: Detector) -> list[Reported]:
    quality = scene.qualities[(number + number // BUSES) % len(scene.qualities)]  # no bus always has the same
    in_this_light = replace(detector, quality=quality, is_told=scene.is_told)
    return [
        Drive(
            line,
            device=f"bus-{number % BUSES + 1}",
            at=BEGIN + number * EVERY,
            plane=world.town.plane,
            receiver=scene.receiver,
            rng=np.random.default_rng((seed, 9, number, place)),
        ).report(world.truth, in_this_light)
        for place, line in enumerate(world.lines)
    ]


def findings_of(reports: Sequence[Reported], *, catalogue: Catalogue, book: RateBook) -> list[Fused]:
    """What the cloud makes of it."""
    stretches = [(stretch, reach_of(stretch)) for report in reports for stretch in report.stretches]
    groups = clusters_of((item for report in reports for item in report.observations), catalogue=catalogue, book=book)
    return [_fused(group, stretches, catalogue=catalogue, book=book) for group in groups]


def _fused(
    group: Sequence[Observation], stretches: Sequence[tuple[Stretch, Reach]], *, catalogue: Catalogue, book: RateBook
) -> Fused:
    alone = fuse(group, [], catalogue=catalogue, book=book)
    looks = [
        look_at(stretch, lon=alone.lon, lat=alone.lat, sigma_m=sigma_m(alone.covariance), heading_deg=alone.heading_deg)
        for stretch, reach in stretches
        if reach.holds(lon=alone.lon, lat=alone.lat)
    ]
    return fuse(group, looks, catalogue=catalogue, book=book)


def _score(findings: Sequence[Fused], world: World, catalogue: Catalogue) -> Score:
    claims = [
        Claim(id=str(number), class_code=item.class_code, lon=item.lon, lat=item.lat)
        for number, item in enumerate(findings)
    ]
    return score_claims(
        claims,
        truth=world.truth,
        exposed_ids={defect.id for defect in world.truth.defects},
        group_of={code: entry.group for code, entry in catalogue.classes.items()},
        plane=world.town.plane,
    )


def _line(scene: Scene, towns: Sequence[Town], *, seconds: float) -> Line:
    opened, works = [town.opened for town in towns], [town.work for town in towns]
    observations = sum(work.observations for work in works)
    defects = sum(len(town.world.truth.defects) for town in towns)
    claims = sum(len(s.found) + len(s.invented) + len(s.doubled) for s in opened)
    distances = [metres for score in opened for _, _, metres in score.found]
    return Line(
        scene=scene.name,
        passes=scene.passes,
        defects=defects,
        open_findings=claims,
        found=sum(len(s.found) for s in opened) / defects,
        found_or_candidate=sum(len(town.alive.found) for town in towns) / defects,
        invented=sum(len(s.invented) for s in opened) / max(1, claims),
        doubled=sum(len(s.doubled) for s in opened) / max(1, claims),
        gone=sum(town.lost for town in towns) / defects,
        median_distance_m=float(np.median(distances)) if distances else None,
        found_of_class=_by_class(towns),
        seconds=seconds,
        observations=observations,
        observations_per_s=round(observations / sum(work.cpu_s for work in works)),
    )


def _by_class(towns: Sequence[Town]) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for town in towns:
        hits = _ids(town.opened)
        for defect in town.world.truth.defects:
            found.setdefault(defect.class_code, []).append(defect.id in hits)
    return {code: sum(hits) / len(hits) for code, hits in sorted(found.items())}


def table(lines: Sequence[Line]) -> str:
    """Text for people: what was reached, and the goal beside it."""
    head = (
        f"{'receiver':<32}{'passes':>7}{'defects':>8}{'open':>6}{'found':>8}{'+cand.':>8}{'invented':>10}{'doubled':>9}"
        f"{'gone':>7}{'median m':>10}{'obs./s':>8}   found of each class"
    )
    rows = [head]
    for line in lines:
        distance = "-" if line.median_distance_m is None else f"{line.median_distance_m:.2f}"
        classes = " ".join(f"{code} {share:.0%}" for code, share in line.found_of_class.items())
        rows.append(
            f"{line.scene:<32}{line.passes:>7}{line.defects:>8}{line.open_findings:>6}{line.found:>8.1%}"
            f"{line.found_or_candidate:>8.1%}{line.invented:>10.1%}{line.doubled:>9.1%}{line.gone:>7.1%}{distance:>10}"
            f"{line.observations_per_s:>8.0f}   {classes}"
        )
    rows.append(f"{'goal (five passes)':<53}{'>= 98%':>8}{'':>8}{'<= 2%':>10}{'<= 1%':>9}{'':>7}{'<= 3':>10}")
    return "\n".join(rows)


def _in_good_light(passes: Sequence[int], seeds: int) -> list[Scene]:
    streets = [Scene(name="street, 68% in 5 m", receiver=STREET, passes=count, seeds=seeds) for count in passes]
    return [*streets, Scene(name="canyon, 68% in 7.5 m", receiver=CANYON, passes=passes[0], seeds=seeds)]


def _in_poor_light(passes: Sequence[int], seeds: int) -> list[Scene]:
    return [
        Scene(name=name, receiver=STREET, passes=count, seeds=seeds, qualities=HALF_POOR, is_told=is_told)
        for count in passes
        for name, is_told in (("street, light not told", False), ("street, light told", True))
    ]


@click.command()
@click.option("--json", "json_file", type=RESULT_FILE)
@click.option(
    "--errors", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=MODEL, show_default=True
)
@click.option("--seeds", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option("--passes", type=click.IntRange(1, 1000), multiple=True, default=(5, 10, 20), show_default=True)
@click.option("--light", is_flag=True, help="Half of the passes in rain or at dusk: told, and taken for good light.")
def main(*, json_file: Path | None, errors: Path, seeds: int, passes: tuple[int, ...], light: bool) -> None:
    """Print the table with the goals beside it."""
    detector = Detector(errors=load_error_model(errors))
    catalogue = load_catalogue()
    scenes = _in_poor_light(passes, seeds) if light else _in_good_light(passes, seeds)
    lines = [run(scene, detector, catalogue=catalogue) for scene in scenes]
    model = detector.errors.model
    click.echo(f"detector {model.name} {model.version}, {seeds} towns")
    click.echo(table(lines))
    if json_file is not None:
        goals = {"found_min": 0.98, "invented_max": 0.02, "doubled_max": 0.01, "median_distance_max_m": DISTANCE_GOAL_M}
        numbers = {"model": asdict(model), "goals": goals, "lines": [asdict(line) for line in lines]}
        numbers |= {"rate": lines[0].observations_per_s, "rows": lines[0].observations}
        ratio, ratio_is = lines[0].found / goals["found_min"], "share found of the first scene to the goal of 0.98"
        write(json_file, record("fusion", ratio=ratio, ratio_is=ratio_is, seed=seeds, numbers=numbers))


if __name__ == "__main__":
    main()
