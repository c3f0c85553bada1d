"""What the quality gate says of real photos as they are, and of the same photos spoiled in known ways.

    python -m benchmarks.quality --data DIR [--json FILE]

DIR is the data folder (drive/, road-damage/, road-extra/). The first table is of spoiled photos, by what spoiled them;
photos of the night and pictures taken by hand from close by are not spoiled. The second table is of the photos as they
are, by source: a verdict there is a false alarm, but for the night drive, which is dark.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.altering import KINDS
from edge_agent.readings import Image
from edge_agent.vision.quality import judge_frame

USABLE = "usable"
NOT_SPOILED = frozenset({"annotated-potholes", "CULaneDetection night drive"})
MOST = 60  # photos of one source that are spoiled: neighbours look alike

Table = dict[str, Counter[str]]


def photos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Source and file of each photo."""
    for name in ("frames", "chiba/frames"):
        for path in sorted((folder / "drive" / name).glob("*.jpg")):
            yield f"drive/{name}", path
    for listing in ("road-damage/val.json", "road-extra/clean.json"):
        path = folder / listing
        for entry in json.loads(path.read_text(encoding="utf-8"))["images"]:
            yield entry["source"], path.parent / "images" / entry["file_name"]


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is no picture")
    return image.astype(np.uint8, copy=False)


def verdict(image: Image) -> str:
    reason = judge_frame(image)
    return USABLE if reason is None else reason.value


def measure(folder: Path, *, seed: int) -> tuple[Table, Table]:
    """Count the verdicts on the photos by source, and on the spoiled ones by kind."""
    rng = np.random.default_rng(seed)
    found = list(photos(folder))
    totals = Counter(source for source, _ in found)
    plain: Table = {source: Counter() for source in totals}
    spoiled: Table = {kind: Counter() for kind in KINDS}
    seen: Counter[str] = Counter()
    for source, path in found:
        image = read(path)
        plain[source][verdict(image)] += 1
        seen[source] += 1
        if source not in NOT_SPOILED and seen[source] % (-(-totals[source] // MOST)) == 0:
            for kind, (alter, _) in KINDS.items():
                spoiled[kind][verdict(alter(image, rng))] += 1
    return plain, spoiled


def right_share(kind: str, verdicts: Counter[str]) -> float:
    return sum(verdicts[word.value] for word in KINDS[kind][1]) / max(1, verdicts.total())


def rows(table: Table) -> Iterator[str]:
    words = [USABLE, *sorted({word for verdicts in table.values() for word in verdicts} - {USABLE})]
    yield f"| {'':28} | photos | " + " | ".join(f"{word:>10}" for word in words) + " |"
    yield f"|{'-' * 30}|-------:|" + "|".join("-" * 11 + ":" for _ in words) + "|"
    for name, verdicts in table.items():
        counts = " | ".join(f"{verdicts[word] or '':>10}" for word in words)
        yield f"| {name:28} | {verdicts.total():6} | {counts} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    plain, spoiled = measure(arguments.data, seed=arguments.seed)
    print("Spoiled photos\n", *rows(spoiled), "", sep="\n")
    print("Photos as they are\n", *rows(plain), sep="\n")
    by_day = [verdicts for source, verdicts in plain.items() if source != "CULaneDetection night drive"]
    refused = 1 - sum(verdicts[USABLE] for verdicts in by_day) / sum(verdicts.total() for verdicts in by_day)
    named = {kind: round(right_share(kind, verdicts), 3) for kind, verdicts in spoiled.items()}
    caught = {kind: round(1 - verdicts[USABLE] / verdicts.total(), 3) for kind, verdicts in spoiled.items()}
    result: dict[str, Any] = {"refused_by_day": round(refused, 4), "caught": caught, "named_rightly": named}
    print("", json.dumps(result), sep="\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result | {"plain": plain, "spoiled": spoiled}), encoding="utf-8")


if __name__ == "__main__":
    main()
