"""How well a thing that looks different is told from one that looks as before: pairs of pictures of real drives.

    python -m benchmarks.furniture --data DIR [--plot FILE.png] [--json FILE]

DIR is the data folder (drive/). Same thing: pieces of the roadside, found again in a later frame of the same drive by
their features (SIFT, one similarity for all of a piece). That chooses pieces that can be found again, on one day, in
one light; the later picture is spoiled in known ways to stand for another day. Changed: another piece in its place, the
same piece turned, covered or faded. No picture of a real sign before and after damage is within reach.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.record import result_file
from cloud.scenarios.street_furniture.compare import SIDE_PX, Patch, difference
from cloud.scenarios.street_furniture.kinds import load_kinds

Image = NDArray[np.uint8]  # (h, w, 3) BGR
Square = tuple[float, float, float]  # middle and side, px

STEPS: Final = (0.25, 0.3, 0.35, 0.4, 0.45, 0.55)  # from which two pictures may be said to differ
DRIVES: Final = {"motorway": ("drive", "frames", (6, 12)), "town": ("drive/chiba", "frames", (1,))}
EVERY: Final = {"motorway": 6, "town": 1}  # frame is begun from
SIDES_PX: Final = (44.0, 64.0)
LEAST_INLIERS: Final = 6
MOST_PAIRS: Final = 300  # of a drive
ROAD_FROM: Final = 0.62  # of the height: below lies the road
SAME: Final = ("as it is", "dusk", "warm light", "blurred", "cut elsewhere")
CHANGED: Final = ("another", "turned 30 degrees", "half covered", "faded")


@dataclass(frozen=True, slots=True)
class Pair:
    """A piece of the roadside, and the same piece later."""

    drive: str
    before: Image
    later: Image
    at_before: Square
    at_later: Square


def pairs_of(drive: str, folder: Path, steps: Sequence[int]) -> Iterator[Pair]:
    """Pieces that are found again some frames later."""
    frames = sorted(folder.glob("*.jpg"))
    sift, found = cv2.SIFT.create(1500), 0
    for number in range(0, len(frames) - max(steps), EVERY[drive]):
        for step in steps:
            before, later = (cv2.imread(str(frames[each])) for each in (number, number + step))
            if before is None or later is None:
                continue
            for at_before, at_later in _again(sift, before, later):
                yield Pair(drive, before.astype(np.uint8), later.astype(np.uint8), at_before, at_later)
                found += 1
                if found >= MOST_PAIRS:
                    return


def _again(sift: Any, before: Any, later: Any) -> Iterator[tuple[Square, Square]]:  # noqa: ANN401 - OpenCV
    keys, told = sift.detectAndCompute(before, None)
    keys_later, told_later = sift.detectAndCompute(later, None)
    if told is None or told_later is None or len(keys_later) < 2:  # noqa: PLR2004 - a best and a second
        return
    matches = cv2.BFMatcher().knnMatch(told, told_later, k=2)
    good = [pair[0] for pair in matches if _is_clear(pair)]
    here = np.array([keys[match.queryIdx].pt for match in good]).reshape(-1, 2)
    there = np.array([keys_later[match.trainIdx].pt for match in good]).reshape(-1, 2)
    height, width = before.shape[:2]
    for side in SIDES_PX:
        for x in np.arange(side, width - side, side):
            for y in np.arange(side, ROAD_FROM * height, side):
                inside = np.all(np.abs(here - np.array([x, y])) < side / 2, axis=1)
                if inside.sum() < LEAST_INLIERS:
                    continue
                turn, inliers = cv2.estimateAffinePartial2D(here[inside], there[inside], ransacReprojThreshold=2.0)
                if turn is None or np.count_nonzero(np.asarray(inliers)) < LEAST_INLIERS:  # pyright: ignore[reportUnnecessaryComparison]
                    continue
                size = float(np.hypot(turn[0, 0], turn[1, 0]))
                u, v = turn @ np.array([x, y, 1.0])
                is_inside = (
                    side * size / 2 < u < width - side * size / 2 and side * size / 2 < v < height - side * size / 2
                )
                if is_inside and 0.7 < size < 1.6 and abs(turn[1, 0]) < 0.15:  # noqa: PLR2004 - as a bus comes nearer
                    yield (float(x), float(y), side), (float(u), float(v), side * size)


def _is_clear(pair: Any) -> bool:  # noqa: ANN401 - OpenCV
    """Lowe's test: the best match is clearly better than the second."""
    return len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance  # noqa: PLR2004


def cut(image: Image, square: Square, *, off_share: float = 0.0) -> Patch:
    """The piece at the size that is compared, RGB."""
    x, y, side = square
    patch = cv2.getRectSubPix(image, (max(8, round(side)),) * 2, (x + off_share * side, y + off_share * side))
    small = cv2.resize(patch, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return small[..., ::-1].astype(np.float64)


def spoiled(pair: Pair, how: str) -> Patch:
    """The later picture on another day."""
    patch = cut(pair.later, pair.at_later, off_share=0.12 if how == "cut elsewhere" else 0.0)
    match how:
        case "dusk":
            return 255 * (patch / 255) ** 1.6 * 0.6
        case "warm light":
            return np.clip(patch * (1.25, 1.0, 0.75), 0, 255)
        case "blurred":
            return np.asarray(cv2.GaussianBlur(patch, (0, 0), 1.5), np.float64)
        case _:
            return patch


def changed(pair: Pair, how: str, another: Pair) -> Patch:
    """The later picture of a thing that is not as before."""
    patch, other = cut(pair.later, pair.at_later), cut(another.later, another.at_later)
    match how:
        case "another":
            return other
        case "turned 30 degrees":
            matrix = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), 30, 1.0)
            turned = cv2.warpAffine(patch, matrix, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
            return np.asarray(turned, np.float64)
        case "half covered":
            covered = patch.copy()
            covered[SIDE_PX // 2 :] = other[SIDE_PX // 2 :]
            return covered
        case _:
            return 0.25 * patch + 0.75 * patch.mean(axis=(0, 1))


def measured(pairs: Sequence[Pair], *, seed: int = 1) -> dict[str, list[float]]:
    """Differences by what was done to the later picture."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {how: [] for how in (*SAME, *CHANGED)}
    for pair in pairs:
        another = pairs[int(rng.integers(len(pairs)))]
        before = cut(pair.before, pair.at_before)
        for how in SAME:
            found[how].append(difference(before, spoiled(pair, how)))
        for how in CHANGED:
            if another is not pair or how not in {"another", "half covered"}:
                found[how].append(difference(before, changed(pair, how, another)))
    return found


def told(found: dict[str, list[float]], *, from_difference: float) -> dict[str, float]:
    """Share of the pairs of each row that is said to differ."""
    return {how: float(np.mean(np.array(values) >= from_difference)) for how, values in found.items()}


def plot(found: dict[str, list[float]], path: Path, *, from_difference: float) -> None:
    """Cumulated differences, those of the same thing green, of changed ones red."""
    width, height, margin = 900, 520, 60
    canvas = np.full((height, width, 3), 255, np.uint8)
    x = margin + round(from_difference * (width - 2 * margin))
    cv2.line(canvas, (x, margin), (x, height - margin), (120, 120, 120), 1, cv2.LINE_AA)
    for number, (how, values) in enumerate(found.items()):
        ordered, shade = np.sort(values), 40 * (number % 5)
        colour = (shade, 160 - shade // 2, shade) if how in SAME else (shade, shade, 210)
        xs = margin + ordered * (width - 2 * margin)
        ys = height - margin - np.linspace(0, 1, len(ordered)) * (height - 2 * margin)
        points = np.stack([xs, ys], axis=1).round().astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=colour, thickness=2, lineType=cv2.LINE_AA)
        cv2.putText(
            canvas, how, (width - 200, 200 + 26 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA
        )
    for tick in np.linspace(0, 1, 6):
        at = margin + round(float(tick) * (width - 2 * margin))
        cv2.putText(canvas, f"{tick:.1f}", (at - 12, height - margin + 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1)
    title = "share of pairs that differ by at most so much; grey: said to differ from here"
    cv2.putText(canvas, title, (margin, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), canvas)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--plot", type=result_file)
    parser.add_argument("--json", type=result_file)
    arguments = parser.parse_args()
    rules = load_kinds().pictures
    if rules is None:
        parser.error("the shipped kinds.toml compares no pictures")
    from_difference = rules.differs_from
    whole: dict[str, list[float]] = {how: [] for how in (*SAME, *CHANGED)}
    rows: dict[str, dict[str, float]] = {}
    for drive, (folder, frames, steps) in DRIVES.items():
        pairs = list(pairs_of(drive, arguments.data / folder / frames, steps))
        found = measured(pairs)
        rows[f"{drive}, {len(pairs)} pairs"] = told(found, from_difference=from_difference)
        for how, values in found.items():
            whole[how] += values
    rows |= {f"all, from {step:.2f}": told(whole, from_difference=step) for step in STEPS}
    print(f"share said to differ (from {from_difference:.2f} on, where nothing else stands)")
    print(f"{'':24}" + "".join(f"{how:>20}" for how in whole))
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{share:>19.0%} " for share in row.values()))
    medians = {how: round(float(np.median(values)), 2) for how, values in whole.items()}
    print(f"{'median difference':24}" + "".join(f"{value:>20}" for value in medians.values()))
    if arguments.plot is not None:
        plot(whole, arguments.plot, from_difference=from_difference)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"rows": rows, "medians": medians}, indent=2) + "\n")


if __name__ == "__main__":
    main()
