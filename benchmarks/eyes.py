"""How well the eyes of photos are read: lids drawn over them and heads turned in space, with the truth known.

`python -m benchmarks.eyes FOLDER` looks at each photo of one large face in the folder, scaled to what a driver's camera
of 640 x 480 sees.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import cv2
import numpy as np

import models
from benchmarks.faces import turned, with_closed_eyes
from edge_agent.readings import Image
from edge_agent.vision.face_mesh import CHEEKS, FaceMesh, Points
from edge_agent.vision.usual import OPEN_QUANTILE, SHUT, Face

MODELS: Final = Path(models.__file__).parent
CLOSED: Final = (0.25, 0.5, 0.75, 0.9, 1.0)
TURNS_DEG: Final = (-45, -30, -15, 15, 30, 45)
FACE_PX: Final = 130.0  # between the cheeks, at 0.7 m before a lens of 60 degrees
MARGIN: Final = 1.0  # of the face around it
SHUT_BELOW: Final = SHUT + 0.2 * (1 - SHUT)  # of the usual opening: eyes of PERCLOS
REPEATS: Final = 20


def fresh() -> FaceMesh:
    return FaceMesh(MODELS / "eyes" / "manifest.toml", MODELS / "faces" / "manifest.toml")


def cut_out(photo: Image) -> tuple[Image, Points] | None:
    """The face alone, as large as a driver's camera sees it, with its mesh."""
    points = fresh().points(photo)
    if points is None:
        return None
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    margin = MARGIN * (high - low)
    left, top = np.maximum(low - margin, 0).astype(int)
    right, bottom = np.minimum(high + margin, photo.shape[1::-1]).astype(int)
    scale = FACE_PX / float(np.hypot(*(points[CHEEKS[1], :2] - points[CHEEKS[0], :2])))
    piece = cv2.resize(photo[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    image = piece.astype(np.uint8)
    fitted = fresh().points(image)
    return None if fitted is None else (image, fitted)


def read_lids(image: Image, points: Points, usual: float) -> dict[str, float | None]:
    """Opening by share of closure, of the usual one."""
    mesh = fresh()
    outlines = [mesh.outline(image, points, side) for side in (0, 1)]
    found = {closed: fresh().look(with_closed_eyes(image, outlines, closed)) for closed in CLOSED}
    return {str(closed): _share(face, usual) for closed, face in found.items()}


def _share(face: Face | None, usual: float) -> float | None:
    return None if face is None or face.aspect is None else round(face.aspect / usual, 2)


def read_turns(image: Image, points: Points) -> dict[str, float | None]:
    """Turn that is read, against the head as it was, by the turn that was made."""
    base = fresh().look(turned(image, points, right_deg=0))
    if base is None:
        return {}
    found = {turn: fresh().look(turned(image, points, right_deg=turn)) for turn in TURNS_DEG}
    return {
        str(turn): None if face is None else round(face.turned_deg - base.turned_deg, 1) for turn, face in found.items()
    }


def milliseconds(image: Image) -> float:
    """Of a face that is followed; the least of some, since others use the machine too."""
    mesh, took = fresh(), list[float]()
    for _ in range(REPEATS):
        begin = time.perf_counter()
        mesh.look(image)
        took.append(time.perf_counter() - begin)
    return round(1000 * min(took), 1)


def photos(folder: Path) -> Iterator[tuple[str, Image]]:
    for path in sorted(folder.iterdir()):
        photo = cv2.imread(str(path))
        if photo is not None:
            yield path.name, photo.astype(np.uint8)


def measured(photo: Image) -> dict[str, object] | None:
    """All of one photo, or none where no face is found."""
    cut = cut_out(photo)
    face = None if cut is None else fresh().look(cut[0])
    if cut is None or face is None or face.aspect is None:
        return None
    return {
        "opening": round(face.aspect, 3),
        "turned_deg": round(face.turned_deg, 1),
        "of_usual_by_closure": read_lids(*cut, usual=face.aspect),
        "read_by_turn_deg": read_turns(*cut),
        "ms": milliseconds(cut[0]),
    }


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Look at each photo and print what was read."""
    found = {name: measured(photo) for name, photo in photos(folder)}
    json.dump({"shut_below": SHUT_BELOW, "usual_quantile": OPEN_QUANTILE, "photos": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
