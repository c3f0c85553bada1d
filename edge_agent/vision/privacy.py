"""Faces and number plates are made unreadable before a picture leaves the bus. In doubt there is no picture."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import ModelError, PictureError
from edge_agent.readings import Image
from edge_agent.vision.detections import Boxes, areas, overlaps
from edge_agent.vision.model_file import Network, load_manifest
from edge_agent.vision.quality import Grey
from wire.messages import Blur, PictureReference

FACE_MARGIN: Final = 0.25, 0.25  # of a box's width and height on each side: hair and ears
PLATE_MARGIN: Final = 0.15, 0.4
"""The cascade's windows are 3 to 1: wider than a plate most often, but lower than one that is seen askew."""
CELLS: Final = 3  # what stays of a face or plate: 3 x 3 mean colours; nobody can be read from nine
MAX_PICTURE_BYTES: Final = 400_000
MAX_SIDE_PX: Final = 1920
MIN_SIDE_PX: Final = 16
_QUALITIES: Final = (85, 75, 60, 45, 30)
_PLATE_CASCADE: Final = "haarcascade_russian_plate_number.xml"
_PLATE_WIDTH_PX: Final = 960  # of the picture that the cascade searches
_SLOPES: Final = 0.2, -0.2
"""The cascade knows level plates only. Of ten plates drawn askew by 0.2 it finds one or two, and nine in a picture that
is sheared back; coarser than the level one, since plates that can be read from aside are near."""
_ASKEW_WIDTH_PX: Final = 640
_PLATE_STEP: Final = 1.1  # between two sizes of the search
_PLATE_NEIGHBOURS: Final = 1  # one find is enough: 9 of 10 plates instead of 7, for three more boxes in five pictures
_PLATE_LARGEST: Final = 0.4
"""Of the longer side, that a window may be wide: the longest plates, 0.52 m, come to it 1.4 m before a usual lens. Road
markings and whole cars look like larger ones."""
_INSIDE: Final = 0.95  # of a window's area in a larger one: the cascade takes the whole rear of a car for a plate too
_LARGER: Final = 2.0  # times the area
_FACE_CELL_PX: Final = 4  # one output cell covers 4 input pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlurredPicture:
    """A JPEG that may leave the bus."""

    content: bytes
    width_px: int
    height_px: int
    blur: Blur

    def reference(self) -> PictureReference:
        return PictureReference(
            sha256=hashlib.sha256(self.content).hexdigest(),
            size_bytes=len(self.content),
            media_type="image/jpeg",
            width_px=self.width_px,
            height_px=self.height_px,
            blur=self.blur,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What must be made unreadable, with a margin, in pixels of the picture."""

    faces: Boxes
    plates: Boxes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hidden:
    """A picture without readable faces and plates, and how many there were."""

    picture: Image
    faces: int
    plates: int


class FaceFinder:
    """CenterFace: one score per cell, with size and offset of the face."""

    def __init__(self, manifest_path: Path, *, threads: int) -> None:
        self.manifest = load_manifest(manifest_path)
        self._network = Network(manifest_path.parent, self.manifest.weights("fp32"), threads=threads)

    def find(self, image: Image) -> Boxes:
        """Boxes of faces (n, 4) with a margin, in pixels of the picture."""
        height, width = image.shape[:2]
        scale = self.manifest.input_width / max(width, height)
        stride = self.manifest.input_stride
        new_width, new_height = (max(stride, round(side * scale / stride) * stride) for side in (width, height))
        blob = cv2.dnn.blobFromImage(image, 1.0, (new_width, new_height), swapRB=True)
        scores, sizes, offsets, *_ = self._network.run(blob)
        boxes, best = _decode_faces(scores[0, 0], sizes[0], offsets[0], threshold=self.manifest.threshold)
        to_picture = np.array([width / new_width, height / new_height] * 2, np.float32)
        return _grown(_without_doubles(boxes * to_picture, best, self.manifest.nms_iou), FACE_MARGIN)


class PlateFinder:
    """OpenCV's cascade for number plates."""

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / _PLATE_CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise ModelError(f"{path} is no cascade; OpenCV 4 brings it, OpenCV 5 does not")

    def find(self, image: Image) -> Boxes:
        """Boxes of plates (n, 4) with a margin, in pixels of the picture."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        straight = self._search(grey, width_px=_PLATE_WIDTH_PX, slope=0.0)
        askew = [self._search(grey, width_px=_ASKEW_WIDTH_PX, slope=slope) for slope in _SLOPES]
        return _grown(innermost(np.vstack([straight, *askew])), PLATE_MARGIN)

    def _search(self, grey: Grey, *, width_px: int, slope: float) -> Boxes:
        """Boxes around what is found in a picture of this width at most, of which lines that rise so would be level."""
        searched, to_picture = _levelled(grey, width_px=width_px, slope=slope)
        largest = round(_PLATE_LARGEST * max(searched.shape))
        found = self._cascade.detectMultiScale(searched, _PLATE_STEP, _PLATE_NEIGHBOURS, maxSize=(largest, largest))
        x, y, width, height = np.array(found, np.float64).reshape(-1, 4).T
        corners = np.array([[x, y], [x + width, y], [x, y + height], [x + width, y + height]])  # (4, 2, n)
        in_picture = np.einsum("ij,kjn->kin", to_picture[:, :2], corners) + to_picture[:, 2:]
        return np.vstack([in_picture.min(axis=0), in_picture.max(axis=0)]).T.astype(np.float32)


class Privacy:
    """Makes pictures safe, or refuses."""

    def __init__(self, faces_manifest: Path, *, threads: int) -> None:
        """Load both finders.

        Raises:
            ModelError: one of them is not there; without it no picture may leave.
        """
        self._faces = FaceFinder(faces_manifest, threads=threads)
        self._plates = PlateFinder()

    def blurred(self, image: Image) -> BlurredPicture:
        """Encode a picture without readable faces and plates, and without metadata.

        Raises:
            PictureError: whatever went wrong: nothing unblurred is ever returned.
        """
        return self.encoded(self.hidden(image))

    def hidden(self, image: Image) -> Hidden:
        """A copy without readable faces and plates.

        Raises:
            PictureError: whatever went wrong: nothing unblurred is ever returned.
        """
        try:
            return self._hidden(image)
        except Exception as error:
            raise PictureError(f"the picture was not blurred and stays in the bus: {error}") from error

    def encoded(self, hidden: Hidden, *, max_bytes: int = MAX_PICTURE_BYTES) -> BlurredPicture:
        """Encode, without metadata.

        Raises:
            PictureError: it does not get small enough.
        """
        manifest = self._faces.manifest
        blur = Blur(
            detector="centerface + haar plate",
            version=f"{manifest.version} + opencv {cv2.__version__}",
            faces=hidden.faces,
            plates=hidden.plates,
            threshold=manifest.threshold,
        )
        height, width = hidden.picture.shape[:2]
        return BlurredPicture(content=_encode(hidden.picture, max_bytes), width_px=width, height_px=height, blur=blur)

    def find(self, image: Image) -> Found:
        """Faces and plates."""
        return Found(faces=self._faces.find(image), plates=self._plates.find(image))

    def _hidden(self, image: Image) -> Hidden:
        picture = _of_allowed_size(image)
        found = self.find(picture)
        for box in np.vstack([found.faces, found.plates]):
            hide(picture, box)
        return Hidden(picture=picture, faces=len(found.faces), plates=len(found.plates))


def hide(picture: Image, box: NDArray[np.float32]) -> None:
    """Replace what is in a box by a few mean colours, in place."""
    part = picture[_inside(picture, box)]
    if not part.size:
        return
    cells = cv2.resize(part, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(cells, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)


def hidden_area(picture: Image, found: Found) -> NDArray[np.bool_]:
    """Which pixels (H, W) would be hidden."""
    hidden = np.zeros(picture.shape[:2], bool)
    for box in np.vstack([found.faces, found.plates]):
        hidden[_inside(picture, box)] = True
    return hidden


def innermost(boxes: Boxes) -> Boxes:
    """Boxes (n, 4) that do not hold a much smaller one."""
    _, of_smaller = overlaps(boxes, boxes)
    sizes = areas(boxes)
    holds = (of_smaller >= _INSIDE) & (sizes[:, None] >= _LARGER * sizes[None])
    return boxes[~holds.any(axis=1)]


def _levelled(grey: Grey, *, width_px: int, slope: float) -> tuple[Grey, NDArray[np.float64]]:
    """A picture scaled down to a width at most and sheared, so that what rises by `slope` to the right is level.

    Also the way back (2, 3), from its pixels to those of the picture.
    """
    scale = min(1.0, width_px / grey.shape[1])
    if scale < 1.0:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if slope:
        height, width = grey.shape
        shear = np.array([[1.0, 0.0, 0.0], [slope, 1.0, max(0.0, -slope * width)]])
        size = width, round(height + abs(slope) * width)
        grey = cv2.warpAffine(grey, shear, size, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
    else:
        shear = np.eye(2, 3)
    return grey, np.asarray(cv2.invertAffineTransform(shear), np.float64) / scale


def _inside(picture: Image, box: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of a box, inside the picture."""
    height, width = picture.shape[:2]
    left, top = int(max(0, box[0])), int(max(0, box[1]))
    right, bottom = int(np.ceil(min(width, box[2]))), int(np.ceil(min(height, box[3])))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def _grown(boxes: Boxes, margin: tuple[float, float]) -> Boxes:
    """Boxes with a margin, in shares of their width and height, on each side."""
    more = (boxes[:, 2:] - boxes[:, :2]) * np.array(margin, np.float32)
    return np.hstack([boxes[:, :2] - more, boxes[:, 2:] + more]).astype(np.float32)


def _decode_faces(
    scores: NDArray[np.float32], sizes: NDArray[np.float32], offsets: NDArray[np.float32], *, threshold: float
) -> tuple[Boxes, NDArray[np.float32]]:
    """Boxes (n, 4) and scores (n,) in input pixels, from maps (h, w), (2, h, w) and (2, h, w)."""
    rows, columns = np.nonzero(scores >= threshold)
    middle_y = _FACE_CELL_PX * (rows + offsets[0, rows, columns] + 0.5)
    middle_x = _FACE_CELL_PX * (columns + offsets[1, rows, columns] + 0.5)
    half_height, half_width = _FACE_CELL_PX * np.exp(sizes[:, rows, columns]) / 2
    edges = [middle_x - half_width, middle_y - half_height, middle_x + half_width, middle_y + half_height]
    return np.stack(edges, axis=1).astype(np.float32), scores[rows, columns]


def _without_doubles(boxes: Boxes, scores: NDArray[np.float32], nms_iou: float) -> Boxes:
    boxes = boxes[np.argsort(-scores, kind="stable")].astype(np.float32)
    iou, _ = overlaps(boxes, boxes)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not (iou[i, kept] > nms_iou).any():
            kept.append(i)
    return boxes[kept]


def _of_allowed_size(image: Image) -> Image:
    """Return a copy to work on, scaled down when it is too large to send."""
    if image.ndim != 3 or image.dtype != np.uint8 or min(image.shape[:2]) < MIN_SIDE_PX:  # noqa: PLR2004 - H, W, colours
        raise PictureError(f"an array {image.shape} of {image.dtype} is no picture")
    scale = MAX_SIDE_PX / max(image.shape[:2])
    if scale >= 1.0:
        return image.copy()
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _encode(picture: Image, max_bytes: int) -> bytes:
    for quality in _QUALITIES:
        is_done, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if is_done and content.nbytes <= max_bytes:
            return content.tobytes()
    raise PictureError(f"the picture does not fit into {max_bytes} bytes")
