"""A face's mesh and the outlines of its eyes, from a picture: how open they are and where the head points.

468 points of the face and 71 around each eye, by the networks of models/eyes; a face that is not followed already is
looked for with the finder that also serves blurring. Only the nearest face counts: a driver sits before the passengers.
Sources: Kartynnik and others 2019, Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs; Soukupova and
Cech 2016, Real-Time Eye Blink Detection using Facial Landmarks (the aspect ratio of an eye).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edge_agent.readings import Image
from edge_agent.vision.detections import areas
from edge_agent.vision.model_file import Network, Weights, read_manifest, sigmoid
from edge_agent.vision.privacy import FaceFinder
from edge_agent.vision.usual import Eye, Face
from wire.units import Name

Points = NDArray[np.float64]  # (n, 2) xy px, or (n, 3) with depth in the same unit, the nearer the smaller

MESH_PX: Final = 192  # sides of what the networks look at ...
OUTLINE_PX: Final = 64
MESH_SHARE: Final = 1.5  # ... and how much that is of the face's longer side and of the eye's width, as in training
OUTLINE_SHARE: Final = 2.3
EYES: Final = ((33, 133), (263, 362))  # points of the mesh: outer and inner corner, left and right in the picture
CHEEKS: Final = (234, 454)
FOREHEAD_AND_CHIN: Final = (10, 152)
LOWER_LID: Final = slice(1, 8)  # of the outline, whose points 0 and 8 are the corners
UPPER_LID: Final = slice(9, 16)
SEEK_EVERY: Final = 8  # frames: looking for who is not there must cost little


class EyesManifest(BaseModel):
    """The files of both networks; what `manifest.toml` says beyond these keys is for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name
    version: Name
    threshold: Annotated[float, Field(gt=0, lt=1)]  # of the mesh's own belief that it lies on a face
    mesh: Weights
    outlines: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """A turned square of a picture."""

    x_px: float  # of its middle
    y_px: float
    side_px: float
    turn_rad: float  # clockwise, as the picture is seen

    def to_network(self, side_px: int, *, is_mirrored: bool = False) -> NDArray[np.float64]:
        """The affine map (2, 3) from the picture to the network's input."""
        scale = side_px / self.side_px
        cos, sin = math.cos(self.turn_rad) * scale, math.sin(self.turn_rad) * scale
        turned = np.array([[-cos, -sin] if is_mirrored else [cos, sin], [-sin, cos]])
        return np.hstack([turned, side_px / 2 - turned @ [[self.x_px], [self.y_px]]])


class FaceMesh:
    """Follows one face from picture to picture."""

    def __init__(self, manifest_path: Path, faces_path: Path) -> None:
        """Load the networks.

        Raises:
            ModelError: one of them is not there.
        """
        manifest = read_manifest(EyesManifest, manifest_path)
        self._finder = FaceFinder(faces_path, threads=1)
        self._mesh = Network(manifest_path.parent, manifest.mesh, threads=1)
        self._outlines = Network(manifest_path.parent, manifest.outlines, threads=1)
        self._threshold = manifest.threshold
        self._followed: Square | None = None
        self._missed = 0

    def look(self, image: Image) -> Face | None:
        """The nearest face, or none where it is hidden or turned so far that the mesh does not fit."""
        points = self.points(image)
        if points is None:
            return None
        turned_deg, up_deg = head_direction(points)
        left, right = (eye_of(self.outline(image, points, side)) for side in (0, 1))
        return Face(eyes=(left, right), turned_deg=turned_deg, up_deg=up_deg)

    def points(self, image: Image) -> Points | None:
        """The mesh (468, 3) in pixels of the picture, or none."""
        square = self._followed or self._sought(image)
        points = None if square is None else self._fitted(image, square)
        if self._followed is None and points is not None:  # a box of the finder fits less well than the mesh itself
            points = self._fitted(image, around_mesh(points))
        self._followed = None if points is None else around_mesh(points)
        return points

    def _sought(self, image: Image) -> Square | None:
        self._missed += 1
        if self._missed % SEEK_EVERY != 1:
            return None
        boxes = self._finder.find(image)
        if not len(boxes):
            return None
        self._missed = 0
        left, top, right, bottom = (float(side) for side in boxes[np.argmax(areas(boxes))])
        side_px = max(right - left, bottom - top)  # the finder's margin is the mesh's share
        return Square(x_px=(left + right) / 2, y_px=(top + bottom) / 2, side_px=side_px, turn_rad=0.0)

    def _fitted(self, image: Image, square: Square) -> Points | None:
        to_network = square.to_network(MESH_PX)
        found, belief = self._mesh.run(_cut(image, to_network, MESH_PX))
        if float(sigmoid(belief.ravel())[0]) < self._threshold:
            return None
        points = found.reshape(-1, 3).astype(np.float64)
        depths = points[:, 2:] * (square.side_px / MESH_PX)
        return np.hstack([_into_picture(points[:, :2], to_network), depths])

    def outline(self, image: Image, points: Points, side: int) -> Points:
        """The outline (71, 2) of the eye on the left (0) or right (1), in pixels of the picture."""
        square = around_eye(points[list(EYES[side]), :2], is_left=side == 0)
        to_network = square.to_network(OUTLINE_PX, is_mirrored=side == 1)  # it knows left eyes only
        found, _ = self._outlines.run(_cut(image, to_network, OUTLINE_PX))
        return _into_picture(found.reshape(-1, 3)[:, :2].astype(np.float64), to_network)


def around_mesh(points: Points) -> Square:
    """What to look at for a mesh, upright by the outer corners of the eyes."""
    (left, right), (low, high) = points[[EYES[0][0], EYES[1][0]], :2], (points[:, :2].min(0), points[:, :2].max(0))
    x_px, y_px = (low + high) / 2
    return Square(
        x_px=float(x_px),
        y_px=float(y_px),
        side_px=float(MESH_SHARE * max(high - low)),
        turn_rad=math.atan2(right[1] - left[1], right[0] - left[0]),
    )


def around_eye(corners: Points, *, is_left: bool) -> Square:
    """What to look at for an outline, upright by the eye's corners (2, 2), the outer one first."""
    left, right = corners if is_left else corners[::-1]
    x_px, y_px = (left + right) / 2
    return Square(
        x_px=float(x_px),
        y_px=float(y_px),
        side_px=float(OUTLINE_SHARE * np.hypot(*(right - left))),
        turn_rad=math.atan2(right[1] - left[1], right[0] - left[0]),
    )


def eye_of(outline: Points) -> Eye:
    """How high an eye's opening is on average and how wide, by its outline (71, 2).

    The corners are left out of the height: they do not move. An upper lid below the lower one counts as shut.
    """
    across = outline[8] - outline[0]
    width_px = float(np.hypot(*across))
    openings = outline[LOWER_LID] - outline[UPPER_LID]
    downwards = np.array([-across[1], across[0]]) / width_px * np.sign(across[0])
    return Eye(aspect=float(np.maximum(0.0, openings @ downwards).mean()) / width_px, width_px=width_px)


def head_direction(points: Points) -> tuple[float, float]:
    """Turn to the head's own right and upwards in degrees, against the camera's axis, by a mesh (468, 3).

    The face's plane is that of its cheeks, forehead and chin; a head that is tilted to the shoulder is not turned.
    """
    across = points[CHEEKS[1]] - points[CHEEKS[0]]
    upwards = points[FOREHEAD_AND_CHIN[0]] - points[FOREHEAD_AND_CHIN[1]]
    ahead = np.cross(across, -upwards)  # away from the camera: x to the right, y downwards, depth away
    tilt = math.atan2(across[1], across[0])
    x = ahead[0] * math.cos(tilt) + ahead[1] * math.sin(tilt)
    y = -ahead[0] * math.sin(tilt) + ahead[1] * math.cos(tilt)
    flat = math.hypot(x, ahead[2])
    return math.degrees(math.atan2(x, ahead[2])), math.degrees(math.atan2(y, flat))


def _cut(image: Image, to_network: NDArray[np.float64], side_px: int) -> NDArray[np.float32]:
    """A square of the picture as the networks' input (1, 3, side, side), RGB from 0 to 1."""
    cut = cv2.warpAffine(image, to_network, (side_px, side_px), flags=cv2.INTER_LINEAR)
    return (cv2.cvtColor(cut, cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0).transpose(2, 0, 1)[None]


def _into_picture(points: Points, to_network: NDArray[np.float64]) -> Points:
    back = cv2.invertAffineTransform(to_network)
    return points @ back[:, :2].T + back[:, 2]
