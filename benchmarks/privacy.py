"""What the blurring of pictures covers, how much of a picture it costs, and how long it takes; the same of a clip.

    python -m benchmarks.privacy --data DIR [--json FILE]

DIR is the data folder (privacy/, drive/). A face or plate counts as covered when nine tenths of its labelled box lie
in what was blurred. The set is small, its faces were partly labelled by a detector: optimistic, and a smoke test rather
than a rate. The blurred area of drive/frames, where no face and no readable plate shows, and of drive/chiba, where few
do among many signs, shop fronts and zebra crossings, tells what is blurred in vain.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.record import result_file
from edge_agent.config import Privacy as PrivacySettings
from edge_agent.readings import FrameReading, Image
from edge_agent.vision.clips import EVERY as EVERY_FRAME
from edge_agent.vision.clips import ClipRing
from edge_agent.vision.privacy import Found, Privacy, hidden_area

COVERED: Final = 0.9
NAMES: Final = {1: "faces", 2: "plates"}
MUST_BE_COVERED_PX: Final = {"faces": 24, "plates": 16}  # of height
EVERY: Final = 10  # of drive/frames, much alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A picture with the boxes (x, y, width, height) that must be covered."""

    image: Image
    boxes: tuple[tuple[str, NDArray[np.float32]], ...]


def labelled(folder: Path) -> Iterator[Labelled]:
    document = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    for entry in document["images"]:
        notes = [note for note in document["annotations"] if note["image_id"] == entry["id"]]
        yield Labelled(
            image=read(folder / "images" / Path(entry["file_name"]).name),
            boxes=tuple((NAMES[note["category_id"]], np.array(note["bbox"], np.float32)) for note in notes),
        )


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is no picture")
    return image.astype(np.uint8, copy=False)


def is_covered(hidden: NDArray[np.bool_], box: NDArray[np.float32]) -> bool:
    return bool(hidden[_inside(box)].mean() >= COVERED)


def _inside(box: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of a box (x, y, width, height)."""
    x, y, width, height = (round(float(side)) for side in box)
    return slice(y, y + height), slice(x, x + width)


def measure(privacy: Privacy, pictures: Sequence[Labelled]) -> dict[str, Any]:
    """Covered of all, by kind and by height in pixels, and the area that was blurred, all and outside the labels."""
    covered: dict[str, list[bool]] = {}
    shares: list[float] = []
    vain: list[float] = []
    for picture in pictures:
        hidden = hidden_area(picture.image, privacy.find(picture.image))
        shares.append(float(hidden.mean()))
        for name, box in picture.boxes:
            for group in (name, f"{name}, {size_of(name, height_px=float(box[3]))}"):
                covered.setdefault(group, []).append(is_covered(hidden, box))
        for _, box in picture.boxes:
            hidden[_inside(box)] = False
        vain.append(float(hidden.mean()))
    recall = {name: f"{sum(covered[name])} of {len(covered[name])}" for name in sorted(covered)}
    return recall | {"covered_area": round(mean(shares), 4), "false_area": round(mean(vain), 4)}


def size_of(name: str, *, height_px: float) -> str:
    """Of which size a label is: those above must be covered, smaller ones cannot be read from far."""
    least_px = MUST_BE_COVERED_PX[name]
    return f"above {least_px} px" if height_px > least_px else f"up to {least_px} px"


def times_ms(privacy: Privacy, images: Sequence[Image]) -> dict[str, float]:
    """Medians of looking for both, and of everything up to the JPEG."""
    find_s: list[float] = []
    whole_s: list[float] = []
    for image in images:
        begun_s = time.perf_counter()
        privacy.find(image)
        found_s = time.perf_counter()
        privacy.blurred(image)
        find_s.append(found_s - begun_s)
        whole_s.append(time.perf_counter() - found_s)
    return {"find_ms": round(1e3 * median(find_s), 1), "picture_ms": round(1e3 * median(whole_s), 1)}


def clip(privacy: Privacy, images: Sequence[Image]) -> dict[str, float]:
    """A clip of frames at its rate: what each costs as it comes, and the sheet, with its size."""
    ring = ClipRing(privacy)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    begun_s = time.perf_counter()
    for number, image in enumerate(images):
        ring.take(FrameReading(at=begin + number * EVERY_FRAME, camera_id="front", image=image))
    taken_s = time.perf_counter()
    sheet = ring.cut(until=begin + (len(images) - 1) * EVERY_FRAME)
    if sheet is None:
        raise SystemExit("there are no pictures for a clip")
    return {
        "clip_frames": len(sheet.taken_at),
        "clip_frame_ms": round(1e3 * (taken_s - begun_s) / len(images), 1),
        "clip_sheet_ms": round(1e3 * (time.perf_counter() - taken_s), 1),
        "clip_kb": round(len(sheet.picture.content) / 1000, 1),
    }


def vain_share(privacy: Privacy, images: Sequence[Image]) -> float:
    found: list[tuple[Image, Found]] = [(image, privacy.find(image)) for image in images]
    return mean(float(hidden_area(image, boxes).mean()) for image, boxes in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=result_file)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    privacy = Privacy(PrivacySettings().faces, threads=1)
    pictures = list(labelled(arguments.data / "privacy"))
    folder = arguments.data / "drive"
    motorway = [read(path) for path in sorted((folder / "frames").glob("*.jpg"))[::EVERY]]
    streets = [read(path) for path in sorted((folder / "chiba" / "frames").glob("*.jpg"))[::2]]
    result = measure(privacy, pictures)
    result |= times_ms(privacy, [picture.image for picture in pictures])
    result |= clip(privacy, streets)
    result["blurred_of_motorway"] = round(vain_share(privacy, motorway), 5)
    result["blurred_of_streets"] = round(vain_share(privacy, streets), 5)
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
