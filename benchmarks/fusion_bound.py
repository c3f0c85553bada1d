"""What the best of all rules could make of the detector's passes: the goal of five passes, if places were no question.

    python -m benchmarks.fusion_bound [--plot FILE.svg] [--json FILE]

The passes of `benchmarks.fusion`, but each sighting is known to be of its place on two metres, each is weighed by how
often damage and nothing are told with just its confidence (the likelihood ratio, which no rule can beat: Neyman and
Pearson, 1933), and the line from which a finding is believed lies where 2 % of the believed ones are invented. So what
is missing then is missing in what the detector sees. It is asked for the detector as it is, told of every box and from
`TOLD_FROM` on, and for better ones: with more hits (as if it had looked so many times) and fewer false alarms.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import click
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from benchmarks.fusion import MODEL
from benchmarks.fusion_passes import FRAME_EVERY_M, FRAMES, Detector, drawn_of
from benchmarks.record import record, write
from simulator.error_model import CORRELATION
from simulator.truth import Defect
from simulator.world import make_world
from wire.error_model import Confidence, load_error_model
from wire.looks import TOLD_FROM, false_things, probabilities

mpl.use("Agg")
import matplotlib.pyplot as plt

from telemetry.result_file import RESULT_FILE

PASSES: Final = 5  # of the goal
INVENTED: Final = 0.02
FOUND_GOAL: Final = 0.98
PLACE_M: Final = 4.0  # of road, on which a sighting is of one place
TOWNS: Final = (100, 101, 102)
SIMULATED: Final = 1000  # passes by each defect
ROAD_KM: Final = 150.0  # without damage
EDGES: Final = np.linspace(-6, 6, 25)  # of log odds of the confidence, between bins
RARE: Final = 1e-5  # share of tellings as sure as nobody simulated
LEAST: Final = 1e-4  # probability of a box that nobody would tell: every box is told

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked."""

    passes: int = PASSES
    told_from: float = LEAST
    looks: float = 1.0  # hits as if each picture was looked at so many times
    alarms: float = 1.0  # false alarms, against those measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the best rule reaches."""

    case: Case
    hit_in_pass: float  # share of passes by damage that tell it
    found: float  # of all damage, with `INVENTED` of what is believed invented
    curve: tuple[tuple[float, float], ...]  # invented, found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """Passes by damage of one class, and by what is none; probabilities that a pass tells, nan for none."""

    damage: Array  # (defects, passes)
    nothing: tuple[tuple[Array, float], ...]  # (passes,), and how many there are in a metre of road

    def told_from(self, least: float) -> "_Class":
        def told(says: Array) -> Array:
            return np.where(np.nan_to_num(says) >= least, says, np.nan)

        nothing = tuple((told(says), per_m) for says, per_m in self.nothing)
        return replace(self, damage=told(self.damage), nothing=nothing)


def answer(case: Case, *, detector: Detector, defects: Sequence[Defect], road_km: float) -> Answer:
    """Simulate passes by these defects, and by as much road without any as tells how many are invented."""
    chance = np.random.default_rng(5)
    sums, weights, empty, hits = list[Array](), list[Array](), list[Array](), list[float]()
    for code in detector.errors.classes:
        mine = [defect for defect in defects if defect.class_code == code]
        of_class = _simulated(case, code, mine, detector, chance).told_from(case.told_from)
        prior = math.log(len(mine) / (road_km * 1000) * PLACE_M)
        ratios, missed = _ratios(of_class)
        damage = _sums(of_class.damage, ratios, missed, passes=case.passes)
        sums.append(damage + prior)
        weights.append(np.full(damage.size, len(mine) / damage.size))
        empty.append(np.array(list(_invented(of_class, ratios, missed, case.passes, chance))) + prior)
        hits.append(len(mine) * float((~np.isnan(of_class.damage)).mean()))
    curve = _curve(np.concatenate(sums), np.concatenate(weights), np.concatenate(empty), road_km=road_km)
    found = max((found for invented, found in curve if invented <= INVENTED), default=0.0)
    return Answer(case=case, hit_in_pass=sum(hits) / len(defects), found=found, curve=tuple(curve))


def _simulated(
    case: Case, code: str, defects: Sequence[Defect], detector: Detector, chance: np.random.Generator
) -> _Class:
    errors, known = detector.errors, detector.errors.confidence[code]
    damage = [_passes_by(_improved(detector.hit_rates(drawn_of(item)), case.looks), known, chance) for item in defects]
    sides = errors.false_alarm_middles_px(code)
    as_large = _improved([errors.hit_rate(code, width_px=side, height_px=side) for side in sides], case.looks)
    rates = np.repeat(chance.choice(as_large, 10 * SIMULATED)[:, None], FRAMES, axis=1)
    alarms_m = errors.false_alarms_per_picture(code) * case.alarms / FRAME_EVERY_M
    nothing = [
        (_said(things.hits, rates, known.false_alarm, known, chance), alarms_m * things.of_an_alarm)
        for things in false_things(rates, chance)
    ]
    return _Class(damage=np.array(damage), nothing=tuple(nothing))


def _improved(rates: Sequence[float], looks: float) -> Array:
    return 1 - (1 - np.array(rates)) ** looks


def _passes_by(rates: Array, known: Confidence, chance: np.random.Generator) -> Array:
    """As `Detector.confidence_of_hits` draws one."""
    shape = SIMULATED, len(rates)
    follows = chance.random(shape) < math.sqrt(CORRELATION)
    hits = np.where(follows, chance.random((SIMULATED, 1)), chance.random(shape)) < rates
    return _said(hits, np.broadcast_to(rates, shape), known.hit, known, chance)


def _said(
    hits: NDArray[np.bool_],
    rates: Array,
    beta: tuple[float, float],
    known: Confidence,
    chance: np.random.Generator,
) -> Array:
    seen = hits.any(axis=1)
    says = np.full(len(hits), np.nan)
    says[seen] = probabilities(hits[seen], rates[seen], chance.beta(*beta, hits[seen].shape), known)
    return says


def _ratios(of_class: _Class) -> tuple[Array, float]:
    """Log likelihood ratio of a sighting by bin of its confidence, and of a pass without one."""
    damage = _shares(of_class.damage.ravel())
    nothing = np.array([_shares(says) * per_m for says, per_m in of_class.nothing])
    ratios = np.log((damage + RARE) / ((nothing.sum(axis=0) + RARE) * PLACE_M))
    return np.maximum(ratios, 0.0), math.log(float(np.isnan(of_class.damage).mean()))


def _shares(says: Array) -> Array:
    """Of all passes, by bin; smoothed a little, since bins are few."""
    counts = np.bincount(_bins(says[~np.isnan(says)]), minlength=len(EDGES) + 1) / len(says)
    return np.convolve(np.pad(counts, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")


def _bins(says: Array) -> NDArray[np.int64]:
    return np.searchsorted(EDGES, np.log(says / (1 - says)))


def _sums(says: Array, ratios: Array, missed: float, *, passes: int) -> Array:
    rounds = says.shape[1] // passes
    taken = says[:, : rounds * passes].reshape(-1, passes)
    seen = ~np.isnan(taken)
    return np.where(seen, ratios[_bins(np.where(seen, taken, 0.5))], missed).sum(axis=1)


def _invented(
    of_class: _Class, ratios: Array, missed: float, passes: int, chance: np.random.Generator
) -> Iterator[float]:
    """Sums at places of a long road without damage, the largest of each place."""
    spots, weights, numbers = list[Array](), list[Array](), list[Array]()
    for number in range(passes):
        for says, per_m in of_class.nothing:
            drawn = chance.choice(says, chance.poisson(per_m * 1000 * ROAD_KM))
            told = drawn[~np.isnan(drawn)]
            spots.append(chance.uniform(0, 1000 * ROAD_KM, len(told)))
            weights.append(ratios[_bins(told)])
            numbers.append(np.full(len(told), number))
    order = np.argsort(np.concatenate(spots))
    spot, weight, number = (np.concatenate(each)[order] for each in (spots, weights, numbers))
    first, last = np.searchsorted(spot, spot - PLACE_M / 2), np.searchsorted(spot, spot + PLACE_M / 2)
    sums = np.array([_sum_at(weight[a:b], number[a:b], missed, passes) for a, b in zip(first, last, strict=True)])
    is_taken = np.zeros(len(spot), dtype=np.bool_)
    for place in np.argsort(-sums):
        if not is_taken[first[place] : last[place]].any():
            is_taken[place] = True
            yield float(sums[place])


def _sum_at(weights: Array, numbers: Array, missed: float, passes: int) -> float:
    best: dict[float, float] = {}
    for weight, number in zip(weights.tolist(), numbers.tolist(), strict=True):
        best[number] = max(best.get(number, 0.0), weight)
    return sum(best.values()) + (passes - len(best)) * missed


def _curve(sums: Array, weights: Array, empty: Array, *, road_km: float) -> list[tuple[float, float]]:
    """Shares invented and found, over the line from which a place is believed."""
    points: list[tuple[float, float]] = []
    for line in np.arange(-8.0, 10.0, 0.25):
        found = float(weights[sums >= line].sum())
        invented = float((empty >= line).sum()) / ROAD_KM * road_km
        points.append((invented / max(invented + found, 1e-9), found / float(weights.sum())))
    return points


ASKED: Final[Mapping[str, Sequence[Case]]] = {
    "told from 0.6, as now": [Case(told_from=TOLD_FROM, passes=passes) for passes in (PASSES, 7, 10, 15)],
    "every box told": [Case(passes=passes) for passes in (PASSES, 7, 10, 15)],
    "more hits": [Case(looks=looks) for looks in (1.5, 2.0, 3.0, 4.0)],
    "fewer false alarms": [Case(alarms=alarms) for alarms in (0.5, 0.25, 0.1)],
    "both": [Case(looks=2.0, alarms=0.5), Case(looks=3.0, alarms=0.5), Case(looks=3.0, alarms=0.25)],
}


def table(answers: Mapping[str, Sequence[Answer]]) -> str:
    rows = [f"{'':<24}{'passes':>7}{'looks':>7}{'alarms':>8}{'told in a pass':>16}{'found at 2 % invented':>23}"]
    for name, mine in answers.items():
        for one in mine:
            case = one.case
            rows.append(
                f"{name:<24}{case.passes:>7}{case.looks:>7.1f}{case.alarms:>8.2f}{one.hit_in_pass:>16.1%}{one.found:>23.1%}"
            )
    return "\n".join(rows)


def plot(file: Path, answers: Mapping[str, Sequence[Answer]]) -> None:
    """Left what is invented for what is found, right what a better detector would give."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for one in answers["every box told"]:
        invented, found = zip(*one.curve, strict=True)
        left.plot(np.multiply(invented, 100), np.multiply(found, 100), label=f"{one.case.passes} passes")  # pyright: ignore[reportUnknownMemberType]
    left.axvline(100 * INVENTED, color="grey", linestyle=":")  # pyright: ignore[reportUnknownMemberType]
    left.axhline(100 * FOUND_GOAL, color="grey", linestyle=":")  # pyright: ignore[reportUnknownMemberType]
    left.set(xlim=(0, 20), ylim=(70, 100.5), xlabel="invented, % of what is believed", ylabel="found, %")
    left.legend(loc="lower right")  # pyright: ignore[reportUnknownMemberType]
    better = [
        one for mine in answers.values() for one in mine if one.case.passes == PASSES and one.case.told_from == LEAST
    ]
    for alarms, mark in ((1.0, "o-"), (0.5, "s-"), (0.25, "^-")):
        points = sorted({(one.hit_in_pass, one.found) for one in better if one.case.alarms == alarms})
        label = "false alarms as measured" if alarms == 1.0 else f"{alarms:g} of the false alarms"
        right.plot(*(100 * np.array(points).T), mark, label=label)  # pyright: ignore[reportUnknownMemberType]
    right.axhline(100 * FOUND_GOAL, color="grey", linestyle=":")  # pyright: ignore[reportUnknownMemberType]
    right.set(xlabel="told in one pass, % of damage", ylabel="found after five passes, %, with 2 % invented")
    right.legend(loc="lower right")  # pyright: ignore[reportUnknownMemberType]
    figure.savefig(file)  # pyright: ignore[reportUnknownMemberType]


@click.command(help=__doc__)
@click.option(
    "--errors", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=MODEL, show_default=True
)
@click.option("--plot", "plot_file", type=RESULT_FILE)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, errors: Path, plot_file: Path | None, json_file: Path | None) -> None:
    detector = Detector(errors=load_error_model(errors))
    worlds = [make_world(seed=seed, buses=3, frames=None) for seed in TOWNS]
    defects = [defect for world in worlds for defect in world.truth.defects]
    road_km = sum(line.length_m for world in worlds for line in world.lines) / 1000
    answers = {
        name: [answer(case, detector=detector, defects=defects, road_km=road_km) for case in cases]
        for name, cases in ASKED.items()
    }
    click.echo(table(answers))
    if plot_file is not None:
        plot(plot_file, answers)
    if json_file is not None:
        best = answers["every box told"][0].found
        numbers = {name: [asdict(one) | {"curve": None} for one in mine] for name, mine in answers.items()}
        ratio_is = "share found by the best rule after five passes to the goal of 0.98"
        write(
            json_file,
            record("fusion_bound", ratio=best / FOUND_GOAL, ratio_is=ratio_is, seed=TOWNS[0], numbers=numbers),
        )


if __name__ == "__main__":
    main()
