"""Real photos with known boxes as places on a bus's way.

Nobody knows the camera of a photo, and a picture of a plane does not tell its scale: the camera is guessed once for a
folder such that every box lies below the horizon, and the same guess places the truth and runs the agent, so that both
speak of the same road. While the bus passes a site its photo is moved by the homography of the road plane.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import AboveHorizonError
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, pixel_on_road, road_to_image
from simulator.errors import FramesError
from simulator.plane import Plane, ahead
from simulator.route import Line
from simulator.truth import CLASS_CODES, Defect, Truth, Unlabelled, place_defect, straight_places

CAMERA_HEIGHT_M = 2.6
FOCAL_SHARE = 1.5  # of the width; a wider lens makes cracks wider than a lane
HORIZON_MARGIN_SHARE = 0.12  # of the height, above the highest box
HIGHEST_HORIZON_SHARE = 0.45  # of the height: no lower than a level telephone has it
SHOWN_M = 7.0  # a photo stays while the bus drives so far; all its boxes have been passed by then
GAP_M = (20.0, 27.0)
NEAREST_FOOT_M = 1.5  # beyond the lower edge of the picture: stays for several frames
FARTHEST_FOOT_M = 10.0
UNLABELLED_M = 20.0  # radius around a site
MOST_BOXES = 4
ONE_DEFECT_M = 3.0  # boxes of one class whose feet are nearer mark pieces of one defect
SMALLEST_BOX_PX = 6.0
SEEN_SHARE = 0.5

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoBox:
    class_code: str
    box_xyxy_px: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    path: Path
    width_px: int
    height_px: int
    boxes: tuple[PhotoBox, ...]  # of our classes
    unlabelled: tuple[str, ...]  # our classes that nobody labelled in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a bus sees a photo: it looks exactly like the photo at `along_m` of the line."""

    id: str
    line_id: str
    along_m: float
    photo: Photo
    defect_ids: tuple[str, ...]  # of the photo's boxes, in their order


def read_photos(folder: Path) -> list[Photo]:
    """Photos with boxes of a COCO folder, as far as their files are there.

    A validation split is preferred, since no model was trained on it.

    Raises:
        FramesError: no COCO file, or nothing usable in it.
    """
    for place in (folder, folder / "road-damage"):
        files = {path.name: path for path in sorted(place.glob("*.json"))}
        for name in ("val.json", "train.json", *files):
            if name in files and (place / "images").is_dir():
                return _read_coco(files[name])
    raise FramesError(f"{folder}: a COCO file (val.json, train.json) beside a folder images/ is expected")


def _read_coco(path: Path) -> list[Photo]:
    try:
        coco = cast("dict[str, Any]", json.loads(path.read_bytes()))
        names = {category["id"]: category["name"] for category in coco["categories"]}
        boxes: dict[int, list[PhotoBox]] = {}
        for annotation in coco["annotations"]:
            if (name := names[annotation["category_id"]]) in CLASS_CODES:
                x, y, width, height = annotation["bbox"]
                box = PhotoBox(class_code=name, box_xyxy_px=(x, y, x + width, y + height))
                boxes.setdefault(annotation["image_id"], []).append(box)
        photos = [_photo(path.parent / "images", image, boxes.get(image["id"], [])) for image in coco["images"]]
    except (KeyError, TypeError, ValueError) as error:
        raise FramesError(f"{path}: not a COCO file ({error!r})") from error
    there = (photo for photo in photos if photo.boxes and photo.path.is_file())
    return sorted(there, key=lambda photo: photo.path.name)


def _photo(images: Path, image: dict[str, Any], boxes: list[PhotoBox]) -> Photo:
    labelled = image.get("annotated_categories", CLASS_CODES)
    return Photo(
        path=images / Path(str(image["file_name"])).name,
        width_px=int(image["width"]),
        height_px=int(image["height"]),
        boxes=tuple(boxes),
        unlabelled=tuple(code for code in CLASS_CODES if code not in labelled),
    )


def choose_photos(photos: Sequence[Photo]) -> list[Photo]:
    """Keep those of the commonest size that have few boxes.

    Raises:
        FramesError: none has.
    """
    clear = [photo for photo in photos if len(photo.boxes) <= MOST_BOXES]
    if not clear:
        raise FramesError(f"no photo is there that has one to {MOST_BOXES} boxes of {', '.join(CLASS_CODES)}")
    size, _ = Counter((photo.width_px, photo.height_px) for photo in clear).most_common(1)[0]
    return [photo for photo in clear if (photo.width_px, photo.height_px) == size]


def guess_camera(photos: Sequence[Photo]) -> CameraModel:
    """Camera of a bus that sees every box of the photos on the road."""
    width, height = photos[0].width_px, photos[0].height_px
    highest_px = min(box.box_xyxy_px[1] for photo in photos for box in photo.boxes)
    horizon_px = min(highest_px - HORIZON_MARGIN_SHARE * height, HIGHEST_HORIZON_SHARE * height)
    focal_px = FOCAL_SHARE * width
    pitch_deg = math.degrees(math.atan((height / 2 - horizon_px) / focal_px))
    return CameraModel(
        width_px=width, height_px=height, focal_px=focal_px, height_m=CAMERA_HEIGHT_M, pitch_deg=round(pitch_deg, 2)
    )


def make_sites(
    photos: Sequence[Photo], lines: Sequence[Line], *, camera: CameraModel, plane: Plane, seed: int
) -> tuple[Truth, list[Site]]:
    """Put photos along the lines; their boxes become the truth's defects.

    Raises:
        FramesError: no photo has a box at a distance at which a bus sees it.
    """
    usable = [
        photo
        for photo in photos
        if _are_apart(camera, photo.boxes)
        and all(_foot(camera, box)[0] <= FARTHEST_FOOT_M for box in photo.boxes)
        and any(_stays_in_view(camera, box) for box in photo.boxes)
    ]
    if not usable:
        raise FramesError("no photo has a box at a usable distance")
    deck = _shuffled(usable, np.random.default_rng((seed, 3)))
    maker = _SiteMaker(camera=camera, plane=plane)
    for number, line in enumerate(lines):
        rng = np.random.default_rng((seed, 4, number))
        for along_m in straight_places(line, rng=rng, gap_m=GAP_M):
            maker.add(line, deck[len(maker.sites) % len(deck)], along_m=along_m)
    return Truth(defects=tuple(maker.defects), unlabelled=tuple(maker.unlabelled)), maker.sites


def _shuffled(photos: Sequence[Photo], rng: np.random.Generator) -> list[Photo]:
    """All photos once, those of rare classes among the first: one of each class in turn while there are any."""
    order = [photos[int(index)] for index in rng.permutation(len(photos))]
    hands = [[photo for photo in order if _rarest(photo) == code] for code in CLASS_CODES]
    return [photo for turn in zip_longest(*hands) for photo in turn if photo is not None]


def _rarest(photo: Photo) -> str:
    """Class of a photo that other photos have least: potholes before alligator cracks before single cracks."""
    codes = {box.class_code for box in photo.boxes}
    return next(code for code in ("D40", "D20", "D00", "D10") if code in codes)


def _stays_in_view(camera: CameraModel, box: PhotoBox) -> bool:
    """Whether a box lies far enough before the bus to be seen in several frames."""
    edge_m = pixel_on_road(camera, u_px=camera.width_px / 2, v_px=camera.height_px).forward_m
    return _foot(camera, box)[0] >= edge_m + NEAREST_FOOT_M


def _are_apart(camera: CameraModel, boxes: Sequence[PhotoBox]) -> bool:
    """Whether no two boxes could mean pieces of one defect."""
    return all(
        a.class_code != b.class_code or math.dist(_foot(camera, a), _foot(camera, b)) > ONE_DEFECT_M
        for a, b in combinations(boxes, 2)
    )


def _foot(camera: CameraModel, box: PhotoBox) -> tuple[float, float]:
    """Metres forward and right of the middle of a box's lower edge."""
    x1, _, x2, y2 = box.box_xyxy_px
    point = pixel_on_road(camera, u_px=(x1 + x2) / 2, v_px=y2)
    return point.forward_m, point.right_m


class _SiteMaker:
    """Collects sites and their truth."""

    def __init__(self, *, camera: CameraModel, plane: Plane) -> None:
        self._camera, self._plane = camera, plane
        self.sites: list[Site] = []
        self.defects: list[Defect] = []
        self.unlabelled: list[Unlabelled] = []

    def add(self, line: Line, photo: Photo, *, along_m: float) -> None:
        site_id = f"site-{len(self.sites) + 1}"
        defects = [
            self._defect(line, box, along_m=along_m, defect_id=f"{site_id}-{number}", site_id=site_id)
            for number, box in enumerate(photo.boxes, start=1)
        ]
        self.defects += defects
        self.sites.append(
            Site(
                id=site_id,
                line_id=line.id,
                along_m=along_m,
                photo=photo,
                defect_ids=tuple(defect.id for defect in defects),
            )
        )
        if photo.unlabelled:
            self._leave_out(line, photo, along_m=along_m)

    def _defect(self, line: Line, box: PhotoBox, *, along_m: float, defect_id: str, site_id: str) -> Defect:
        forward_m, right_m = _foot(self._camera, box)
        length_m, width_m = box_size_m(self._camera, box.box_xyxy_px)
        defect = place_defect(
            plane=self._plane,
            line=line,
            defect_id=defect_id,
            class_code=box.class_code,
            along_m=along_m,
            right_m=0.0,
            length_m=length_m,
            width_m=width_m,
            seed=0,
            site_id=site_id,
        )
        # The photo's plane is straight even where the road ahead is not.
        spot, heading = line.place(along_m)
        lon, lat = self._plane.lon_lat(ahead(spot, heading=heading, forward_m=forward_m, right_m=right_m))
        return replace(
            defect,
            lon=round(lon, 7),
            lat=round(lat, 7),
            along_m=round(along_m + forward_m, 2),
            right_m=round(right_m, 2),
        )

    def _leave_out(self, line: Line, photo: Photo, *, along_m: float) -> None:
        lon, lat = self._plane.lon_lat(line.place(along_m + UNLABELLED_M / 2)[0])
        self.unlabelled.append(
            Unlabelled(lon=round(lon, 7), lat=round(lat, 7), radius_m=UNLABELLED_M, class_codes=photo.unlabelled)
        )


def box_size_m(camera: CameraModel, box_xyxy_px: Box) -> tuple[float, float]:
    """Length along and width across the road of what a box covers, at most 30 m."""
    x1, y1, x2, y2 = box_xyxy_px
    foot = pixel_on_road(camera, u_px=(x1 + x2) / 2, v_px=y2)
    right = pixel_on_road(camera, u_px=x2, v_px=y2).right_m - pixel_on_road(camera, u_px=x1, v_px=y2).right_m
    try:
        top_m = pixel_on_road(camera, u_px=(x1 + x2) / 2, v_px=y1).forward_m
    except AboveHorizonError:
        top_m = math.inf
    return min(top_m - foot.forward_m, 30.0), min(right, 30.0)


def advance(camera: CameraModel, metres: float) -> NDArray[np.float64]:
    """Homography that takes pixels of the road before to pixels after the bus drove straight on.

    Source: Hartley and Zisserman, Multiple View Geometry, 2nd ed., section 13.1: K (R - t n'/d) K^-1 for a plane; here
    written by way of the plane's own coordinates, with R the identity.
    """
    project = road_to_image(camera)
    drive = np.array([[1.0, 0.0, -metres], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return project @ drive @ np.linalg.inv(project)


def show_photo(image: Image, camera: CameraModel, *, advanced_m: float) -> Image:
    """The photo as the camera sees it so far past its site; the sky stays."""
    size = (camera.width_px, camera.height_px)
    moved = cv2.warpPerspective(
        image, advance(camera, advanced_m), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    sky_rows = max(0, math.ceil(camera.horizon_px))
    moved[:sky_rows] = image[:sky_rows]
    return moved.astype(np.uint8, copy=False)


def moved_box(camera: CameraModel, box_xyxy_px: Box, *, advanced_m: float) -> Box | None:
    """Where a box of the photo lies then; None if it is hardly in the picture any more."""
    x1, y1, x2, y2 = box_xyxy_px
    corners = np.array([[[x1, y1], [x2, y1], [x1, y2], [x2, y2]]], np.float64)
    moved = cast("NDArray[np.float64]", cv2.perspectiveTransform(corners, advance(camera, advanced_m)))[0]
    whole = np.concatenate([moved.min(axis=0), moved.max(axis=0)])
    seen = np.clip(whole, 0, [camera.width_px, camera.height_px] * 2)
    sides, whole_sides = seen[2:] - seen[:2], whole[2:] - whole[:2]
    if sides.min() < SMALLEST_BOX_PX or sides.prod() < SEEN_SHARE * whole_sides.prod():
        return None
    left, top, right, bottom = (float(side) for side in seen)
    return left, top, right, bottom
