"""What the quality gate says of real photos as they are, and of the same photos spoiled in known ways.

    python -m benchmarks.quality --data DIR [--json FILE]

DIR is the data folder (drive/, road-damage/, road-extra/). The first table is of spoiled photos, by what spoiled them;
photos of the night and pictures taken by hand from close by are not spoiled. The second table is of the photos as they
are, by source: a verdict there is a false alarm, but for the night drive, which is dark. The third table is of whole
drives, real and drawn, with and without drops and mud that stay in their place of the pane: what a frame's verdict is
from the 21st on, when the frames before it count too.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.altering import KINDS, Alter, drops_on_pane, mud_on_pane, on_its_side, upside_down
from benchmarks.drives import BEGIN
from benchmarks.real_drives import CHIBA, MOTORWAY
from edge_agent.ego import EgoState
from edge_agent.readings import Image
from edge_agent.scenarios.road_damage.scenario import UNLIT
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.lasting import LEAST, LastingView
from edge_agent.vision.quality import grey_of, judge_frame, judge_grey
from simulator.world import make_world

USABLE = "usable"
NOT_SPOILED = frozenset({"annotated-potholes", "CULaneDetection night drive"})
PANES: Final = 4  # of drops, and of mud
DRAWN_FRAMES: Final = 120
DRAWN_EVERY_S: Final = 0.4
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Pictures of one camera on its way."""

    name: str
    images: list[Image]
    camera: CameraModel


def drives(folder: Path) -> Iterator[Drive]:
    motorway = sorted((folder / "drive" / "frames").glob("*.jpg"))[::2]
    yield Drive(name="motorway", images=[read(path) for path in motorway], camera=MOTORWAY)
    chiba = folder / "drive" / "chiba"
    entries = json.loads((chiba / "index.json").read_text(encoding="utf-8"))["frames"]
    for segment, frames in groupby(entries, key=itemgetter("segment")):
        images = [read(chiba / entry["file_name"]) for entry in frames]
        yield Drive(name=f"chiba {segment}", images=images, camera=CHIBA)
    world = make_world(seed=1, buses=3, frames=None)
    line, motion = world.lines[0], world.motions[0]
    for is_cheap in (False, True):
        poses = [motion.pose(frame * DRAWN_EVERY_S) for frame in range(DRAWN_FRAMES)]
        images = [world.scenery.look(line, pose, cheap=is_cheap).image for pose in poses]
        yield Drive(name="drawn, repeating" if is_cheap else "drawn", images=images, camera=world.scenery.camera)


def drive_through(drive: Drive, alter: Alter, rng: np.random.Generator) -> Counter[str]:
    """Verdicts of the frames of a drive, from the first on that is judged in the light of those before."""
    lasting, verdicts = LastingView(drive.camera), Counter[str]()
    for number, image in enumerate(drive.images):
        grey = grey_of(alter(image, rng))
        at = BEGIN + timedelta(seconds=number)
        ego = EgoState(at=at, lon=120.4, lat=27.5, speed_mps=8.0, heading_deg=0.0, accuracy_m=3.0)
        alone = judge_grey(grey)
        over_frames = None if alone in UNLIT else lasting.see(grey, ego)
        reason = alone or over_frames
        if number >= LEAST:
            verdicts[USABLE if reason is None else reason.value] += 1
    return verdicts


def measure_drives(folder: Path, *, seed: int) -> Table:
    table: Table = {}
    for drive in drives(folder):
        first, rng = drive.images[0], np.random.default_rng(seed)
        ways: dict[str, Sequence[Alter]] = {
            "as it is": [unaltered],
            "upside down": [upside_down],
            "on its side": [on_its_side],
        }
        ways["drops"] = [drops_on_pane(first, rng) for _ in range(PANES)]
        ways["mud"] = [mud_on_pane(first, rng) for _ in range(PANES)]
        for kind, alters in ways.items():
            verdicts = (drive_through(drive, alter, rng) for alter in alters)
            table[f"{drive.name}, {kind}"] = sum(verdicts, Counter[str]())
    return table


def unaltered(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 - as the others
    return image


def right_share(kind: str, verdicts: Counter[str]) -> float:
    return sum(verdicts[word.value] for word in KINDS[kind][1]) / max(1, verdicts.total())


def rows(table: Table) -> Iterator[str]:
    words = [USABLE, *sorted({word for verdicts in table.values() for word in verdicts} - {USABLE})]
    yield f"| {'':30} | photos | " + " | ".join(f"{word:>10}" for word in words) + " |"
    yield f"|{'-' * 32}|-------:|" + "|".join("-" * 11 + ":" for _ in words) + "|"
    for name, verdicts in table.items():
        counts = " | ".join(f"{verdicts[word] or '':>10}" for word in words)
        yield f"| {name:30} | {verdicts.total():6} | {counts} |"


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
    over_frames = measure_drives(arguments.data, seed=arguments.seed)
    print("", "Drives\n", *rows(over_frames), sep="\n")
    refused = 1 - sum(verdicts[USABLE] for verdicts in by_day) / sum(verdicts.total() for verdicts in by_day)
    named = {kind: round(right_share(kind, verdicts), 3) for kind, verdicts in spoiled.items()}
    caught = {kind: round(1 - verdicts[USABLE] / verdicts.total(), 3) for kind, verdicts in spoiled.items()}
    result: dict[str, Any] = {"refused_by_day": round(refused, 4), "caught": caught, "named_rightly": named}
    print("", json.dumps(result), sep="\n")
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps(result | {"plain": plain, "spoiled": spoiled, "drives": over_frames}), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
