"""What the quality gate says of real photos as they are, and of the same photos spoiled in known ways.

    python -m benchmarks.quality --data DIR [--json FILE]

DIR is the data folder (drive/, road-damage/, road-extra/). The first table is of spoiled photos, by what spoiled them;
photos of the night and pictures taken by hand from close by are not spoiled. The second table is of the photos as they
are, by source: a verdict there is a false alarm, but for the night drive, which is dark. The third table is of whole
drives, real and drawn, with and without drops and mud that stay in their place of the pane: what a frame's verdict is
from the 21st on, when the frames before it count too. The last table is of the quality that the gate gives to frames
that can be used: the same photos altered as the rates of the error model were measured, and drives with such drops.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.altering import KINDS, Alter, drops_on_pane, mud_on_pane, on_its_side, upside_down
from benchmarks.drives import BEGIN
from benchmarks.real_drives import CHIBA, MOTORWAY
from benchmarks.record import result_file
from edge_agent.ego import EgoState
from edge_agent.readings import Image
from edge_agent.scenarios.road_damage.scenario import UNLIT
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.lasting import LEAST, LastingView
from edge_agent.vision.quality import Judged, grey_of, judge_grey
from simulator.altered import ALTERED
from simulator.gnss import STANDING_MPS
from simulator.world import make_world

USABLE, REFUSED = "usable", "refused"
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
    return word_of(judge_grey(grey_of(image)))


def word_of(judged: Judged) -> str:
    return USABLE if judged.unusable is None else judged.unusable.value


def quality_of(judged: Judged) -> str:
    return judged.quality if judged.unusable is None else REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Verdicts on photos: as they are by source, spoiled by kind, and their quality by how they were altered."""

    plain: Table
    spoiled: Table
    qualities: Table


def measure(folder: Path, *, seed: int) -> Measured:
    rng, altering = np.random.default_rng(seed), np.random.default_rng((seed, 1))
    found = list(photos(folder))
    totals = Counter(source for source, _ in found)
    plain: Table = {source: Counter() for source in totals}
    spoiled: Table = {kind: Counter() for kind in KINDS}
    qualities: Table = {word: Counter() for word in ("good", *ALTERED)}
    seen: Counter[str] = Counter()
    for source, path in found:
        image = read(path)
        plain[source][verdict(image)] += 1
        seen[source] += 1
        if source not in NOT_SPOILED and seen[source] % (-(-totals[source] // MOST)) == 0:
            for kind, (alter, _) in KINDS.items():
                spoiled[kind][verdict(alter(image, rng))] += 1
            qualities["good"][quality_of(judge_grey(grey_of(image)))] += 1
            for word, altered in ALTERED.items():
                qualities[word][quality_of(judge_grey(grey_of(altered(image, altering))))] += 1
    return Measured(plain=plain, spoiled=spoiled, qualities=qualities)


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
    on_its_way = (motion.pose(frame * DRAWN_EVERY_S) for frame in count())
    poses = list(islice((pose for pose in on_its_way if pose.speed_mps > STANDING_MPS), DRAWN_FRAMES))
    for is_cheap in (False, True):
        images = [world.scenery.look(line, pose, cheap=is_cheap).image for pose in poses]
        yield Drive(name="drawn, repeating" if is_cheap else "drawn", images=images, camera=world.scenery.camera)


def drive_through(
    drive: Drive, alter: Alter, rng: np.random.Generator, *, say: Callable[[Judged], str]
) -> Counter[str]:
    """Verdicts of the frames of a drive, from the first on that is judged in the light of those before."""
    lasting, verdicts = LastingView(drive.camera), Counter[str]()
    for number, image in enumerate(drive.images):
        grey = grey_of(alter(image, rng))
        at = BEGIN + timedelta(seconds=number)
        ego = EgoState(at=at, lon=120.4, lat=27.5, speed_mps=8.0, heading_deg=0.0, accuracy_m=3.0)
        judged = judge_grey(grey)
        if judged.unusable not in UNLIT:
            judged = judged.beside(lasting.see(grey, ego))
        if number >= LEAST:
            verdicts[say(judged)] += 1
    return verdicts


def measure_drives(folder: Path, *, seed: int) -> tuple[Table, Table]:
    """Verdicts by what is on the pane, and qualities with the drops of the error model and without."""
    table: Table = {}
    qualities: Table = {}
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
            verdicts = (drive_through(drive, alter, rng, say=word_of) for alter in alters)
            table[f"{drive.name}, {kind}"] = sum(verdicts, Counter[str]())
        qualities[f"{drive.name}, good"] = drive_through(drive, unaltered, rng, say=quality_of)
        wet_ones = (drive_through(drive, wet_pane(seed), rng, say=quality_of) for seed in range(PANES))
        qualities[f"{drive.name}, wet"] = sum(wet_ones, Counter[str]())
    return table, qualities


def wet_pane(seed: int) -> Alter:
    """Drops as those of the error model, that stay where they are."""
    return lambda image, _: ALTERED["wet"](image, np.random.default_rng(seed))


def unaltered(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 - as the others
    return image


def right_share(kind: str, verdicts: Counter[str]) -> float:
    return sum(verdicts[word.value] for word in KINDS[kind][1]) / max(1, verdicts.total())


def rows(table: Table) -> Iterator[str]:
    words = sorted({word for verdicts in table.values() for word in verdicts}, key=lambda word: (word != USABLE, word))
    yield f"| {'':30} | photos | " + " | ".join(f"{word:>10}" for word in words) + " |"
    yield f"|{'-' * 32}|-------:|" + "|".join("-" * 11 + ":" for _ in words) + "|"
    for name, verdicts in table.items():
        counts = " | ".join(f"{verdicts[word] or '':>10}" for word in words)
        yield f"| {name:30} | {verdicts.total():6} | {counts} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=result_file)
    arguments = parser.parse_args()
    found = measure(arguments.data, seed=arguments.seed)
    plain, spoiled = found.plain, found.spoiled
    print("Spoiled photos\n", *rows(spoiled), "", sep="\n")
    print("Photos as they are\n", *rows(plain), sep="\n")
    by_day = [verdicts for source, verdicts in plain.items() if source != "CULaneDetection night drive"]
    over_frames, qualities = measure_drives(arguments.data, seed=arguments.seed)
    print("", "Drives\n", *rows(over_frames), sep="\n")
    qualities = found.qualities | qualities
    print("", "Quality of what can be used\n", *rows(qualities), sep="\n")
    refused = 1 - sum(verdicts[USABLE] for verdicts in by_day) / sum(verdicts.total() for verdicts in by_day)
    named = {kind: round(right_share(kind, verdicts), 3) for kind, verdicts in spoiled.items()}
    caught = {kind: round(1 - verdicts[USABLE] / verdicts.total(), 3) for kind, verdicts in spoiled.items()}
    result: dict[str, Any] = {"refused_by_day": round(refused, 4), "caught": caught, "named_rightly": named}
    print("", json.dumps(result), sep="\n")
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps(result | {"plain": plain, "spoiled": spoiled, "drives": over_frames, "qualities": qualities}),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
