"""What a bus's camera shows: drawn road and damage, or photos at their sites."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, box_of, draw_frame
from simulator.drawn_road import street_of
from simulator.errors import FramesError
from simulator.photos import SHOWN_M, Box, Site, moved_box, show_photo
from simulator.repairs import Repairs
from simulator.route import Line, Pose
from simulator.truth import LOOKALIKES, Defect, Truth
from wire.error_model import Quality

DRAWN_CAMERA: Final = CameraModel(width_px=640, height_px=384, focal_px=520.0, height_m=2.6, pitch_deg=12.0)
FARTHEST_M = 20.0  # beyond, a box is too small and its place too vague to be used
BEHIND_M = 2.0
CLEAN_EVERY_M = 2.0  # a cheap camera shows another picture of clean road every so many metres, or it would seem to hang
CLEAN_PERIOD_M = 12.0  # and the same ones again after so many
FILM_STEP_M = 0.5  # cheap cameras share one picture of so much road: a seventh of a lane's width beside the truth
FILM_PICTURES = 2048
FILM_QUALITY = 90
QUIET_STREETS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A defect in the picture, or what looks like one."""

    defect_id: str
    class_code: str  # what it is, or what it is easily taken for
    box_xyxy_px: Box
    is_damage: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One picture and what is to be seen in it."""

    image: Image
    shown: tuple[Shown, ...]
    quality: Quality = "good"


class Scenery(Protocol):
    """What stands before the cameras of all buses of a town."""

    @property
    def camera(self) -> CameraModel: ...

    def look(self, line: Line, pose: Pose, *, cheap: bool) -> Look:
        """Picture at a pose; a cheap one repeats itself where the road is clean."""
        ...


class DrawnScenery:
    """Everything is drawn."""

    camera = DRAWN_CAMERA

    def __init__(self, truth: Truth, *, seed: int, repairs: Repairs | None = None) -> None:
        self._truth, self._seed, self._repairs = truth, seed, repairs or Repairs()

    def look(self, line: Line, pose: Pose, *, cheap: bool) -> Look:
        near = defects_ahead(self._truth.things_on(line.id), pose)
        ahead = [defect for defect in near if self._repairs.is_there(defect)]
        drawn = [_before(defect, pose) for defect in ahead]
        if cheap and not drawn:
            return Look(image=cheap_road(self.camera, _road_seed(self._seed, line, pose), pose.along_m), shown=())
        image = self._shared(line, pose, ahead) if cheap else self._drawn(line, pose, drawn)
        shown = [
            _shown(defect, box.box_xyxy_px)
            for defect, before in zip(ahead, drawn, strict=True)
            if (box := box_of(self.camera, before)) is not None and defect.along_m - pose.along_m <= FARTHEST_M
        ]
        return Look(image=image, shown=tuple(shown))

    def _drawn(self, line: Line, pose: Pose, drawn: Sequence[DrawnDefect]) -> Image:
        return draw_frame(self.camera, drawn, seed=_road_seed(self._seed, line, pose), along_m=pose.along_m)[0]

    def _shared(self, line: Line, pose: Pose, ahead: Sequence[Defect]) -> Image:
        near = replace(pose, along_m=round(pose.along_m / FILM_STEP_M) * FILM_STEP_M)
        drawn = tuple(_before(defect, near) for defect in ahead)
        film = _film(self.camera, drawn, _road_seed(self._seed, line, pose), near.along_m)
        return _developed(film)


class PhotoScenery:
    """Photos at their sites, a drawn clean road elsewhere."""

    def __init__(
        self,
        truth: Truth,
        sites: Sequence[Site],
        *,
        camera: CameraModel,
        seed: int,
        repairs: Repairs | None = None,
    ) -> None:
        """Put photos at their sites; a site of which something was repaired is clean road from then on."""
        self.camera, self._seed, self._repairs = camera, seed, repairs or Repairs()
        self._defects = {defect.id: defect for defect in truth.defects}
        self._sites = {
            line_id: sorted((site for site in sites if site.line_id == line_id), key=lambda site: site.along_m)
            for line_id in {site.line_id for site in sites}
        }

    def look(self, line: Line, pose: Pose, *, cheap: bool) -> Look:
        site = self._site_at(line, pose)
        if site is not None:
            return self._show(site, advanced_m=pose.along_m - site.along_m)
        seed = _quiet_seed(_road_seed(self._seed, line, pose))
        if cheap:
            return Look(image=cheap_road(self.camera, seed, pose.along_m), shown=())
        return Look(image=draw_frame(self.camera, [], seed=seed, along_m=pose.along_m)[0], shown=())

    def _site_at(self, line: Line, pose: Pose) -> Site | None:
        sites = self._sites.get(line.id, [])
        index = bisect_left(sites, pose.along_m, key=lambda site: site.along_m + SHOWN_M)
        if index >= len(sites) or sites[index].along_m > pose.along_m:
            return None
        is_whole = all(self._repairs.is_there(self._defects[each]) for each in sites[index].defect_ids)
        return sites[index] if is_whole else None

    def _show(self, site: Site, *, advanced_m: float) -> Look:
        image = show_photo(_read_image(site.photo.path), self.camera, advanced_m=advanced_m)
        shown = [
            Shown(defect_id=defect_id, class_code=box.class_code, box_xyxy_px=moved)
            for defect_id, box in zip(site.defect_ids, site.photo.boxes, strict=True)
            if self._defects[defect_id].along_m - site.along_m - advanced_m <= FARTHEST_M
            and (moved := moved_box(self.camera, box.box_xyxy_px, advanced_m=advanced_m)) is not None
        ]
        return Look(image=image, shown=tuple(shown))


def defects_ahead(defects: Sequence[Defect], pose: Pose) -> Sequence[Defect]:
    """Those of a line's defects, sorted by their way, that may be in view."""
    first = bisect_left(defects, pose.along_m - BEHIND_M, key=lambda defect: defect.along_m)
    last = bisect_left(defects, pose.along_m + FARTHEST_M + 6, key=lambda defect: defect.along_m)
    return defects[first:last]


def _shown(defect: Defect, box: Box) -> Shown:
    taken_for = LOOKALIKES.get(defect.class_code)
    class_code = taken_for or defect.class_code
    return Shown(defect_id=defect.id, class_code=class_code, box_xyxy_px=box, is_damage=taken_for is None)


def _before(defect: Defect, pose: Pose) -> DrawnDefect:
    return DrawnDefect(
        class_code=defect.class_code,
        forward_m=defect.along_m - pose.along_m + defect.length_m / 2,
        right_m=defect.right_m,
        length_m=defect.length_m,
        width_m=defect.width_m,
        seed=defect.seed,
    )


def _road_seed(seed: int, line: Line, pose: Pose) -> int:
    """Look of the street: another one after each corner."""
    return (seed * 100_003 + _number_of(line.id) * 101 + line.side(pose.along_m)) % 2**31


@lru_cache(maxsize=1024)
def _number_of(line_id: str) -> int:
    """Of the invented lines their own; timetables name theirs as they like."""
    number = line_id.rpartition("-")[2]
    return int(number) if number.isdecimal() else crc32(line_id.encode())


@lru_cache(maxsize=64)
def _quiet_seed(seed: int) -> int:
    """Of the streets near a seed the one with the fewest manholes and patches: here the photos are to be looked at."""
    return min(range(seed, seed + QUIET_STREETS), key=lambda near: street_of(near).clutter_share)


@lru_cache(maxsize=FILM_PICTURES)
def _film(camera: CameraModel, drawn: Sequence[DrawnDefect], seed: int, along_m: float) -> NDArray[np.uint8]:
    """A picture in little memory."""
    image, _ = draw_frame(camera, drawn, seed=seed, along_m=along_m)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, FILM_QUALITY])[1].astype(np.uint8, copy=False)


def _developed(film: NDArray[np.uint8]) -> Image:
    return cv2.imdecode(film, cv2.IMREAD_COLOR).astype(np.uint8, copy=False)  # pyright: ignore[reportOptionalMemberAccess]


@lru_cache(maxsize=64)
def _clean_road(camera: CameraModel, seed: int, along_m: float) -> Image:
    return draw_frame(camera, [], seed=seed, along_m=along_m)[0]


def cheap_road(camera: CameraModel, seed: int, along_m: float) -> Image:
    """Clean road for cameras whose pictures nobody looks into: the same one over some metres, and again far on."""
    return _clean_road(camera, seed, along_m // CLEAN_EVERY_M * CLEAN_EVERY_M % CLEAN_PERIOD_M)


@lru_cache(maxsize=64)
def _read_image(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FramesError(f"{path} is no readable picture")
    return image.astype(np.uint8, copy=False)
