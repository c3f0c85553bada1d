"""A frame with everything that was made of it."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import AboveHorizonError
from edge_agent.preview.aim import BAND, Tilt, aim_of
from edge_agent.readings import Image
from edge_agent.vision.drawing import (
    Colour,
    colour_of,
    draw_dashes,
    draw_detections,
    draw_line,
    draw_text,
    stroke_px,
    text_height_px,
    tint_rows,
)
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from edge_agent.vision.view import View, view_of
from edge_agent.watch import Scene, TrackView

WHITE: Final[Colour] = (255, 255, 255)
MEASURED: Final[Colour] = (255, 220, 60)
GOOD: Final[Colour] = (90, 200, 60)
BAD: Final[Colour] = (40, 140, 255)
ROAD: Final[Colour] = (230, 200, 120)
_BAND_SHARE: Final = 0.25
_ROAD_SHARE: Final = 0.12
_ROAD_STEPS: Final = 8  # points of each side of the road area


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """How scenes of one camera are drawn. Without a camera only what was found is drawn."""

    camera: CameraModel | None
    width_px: int
    has_band: bool  # where the horizon should be, for who turns the camera

    def draw(self, scene: Scene, image: Image) -> Image:
        """Draw a scene on the frame or on a blurred copy of it in any size."""
        size = self.width_px, round(image.shape[0] * self.width_px / image.shape[1])
        how = cv2.INTER_AREA if self.width_px < image.shape[1] else cv2.INTER_LINEAR
        picture = cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)
        scale = self.width_px / scene.frame.image.shape[1]
        if self.camera is not None:
            _draw_road(picture, self.camera, scale)
            _draw_horizon(picture, self.camera, scene.horizon_px, scale, has_band=self.has_band)
        for track in scene.tracks_in_view:
            _draw_track(picture, track, scale)
        found = scene.detections
        draw_detections(picture, replace(found, boxes=found.boxes * np.float32(scale)))
        return picture


def caption(picture: Image, text: str) -> None:
    """Write a line at the lower edge, in place."""
    draw_text(picture, text, left_px=0, bottom_px=picture.shape[0], colour=(30, 30, 30))


def _draw_road(picture: Image, camera: CameraModel, scale: float) -> None:
    """Tint the part of the road that is looked at."""
    outline = _road_outline(camera, view_of(camera))
    if outline is None:
        return
    corners = np.round(outline * scale).astype(np.int32)
    tinted = cv2.fillPoly(picture.copy(), [corners], ROAD)
    cv2.addWeighted(tinted, _ROAD_SHARE, picture, 1 - _ROAD_SHARE, 0, dst=picture)
    cv2.polylines(picture, [corners], isClosed=True, color=ROAD, thickness=stroke_px(picture), lineType=cv2.LINE_AA)


def _road_outline(camera: CameraModel, view: View) -> NDArray[np.float64] | None:
    """Corners (n, 2) in pixels of the frame; they may lie outside it."""
    ways = np.linspace(view.near_m, view.far_m, _ROAD_STEPS)
    places = [RoadPoint(forward_m=float(way), right_m=-view.left_m) for way in ways]
    places += [RoadPoint(forward_m=float(way), right_m=view.right_m) for way in reversed(ways)]
    try:
        return np.array([road_in_image(camera, place) for place in places])
    except AboveHorizonError:
        return None


def _draw_horizon(
    picture: Image, camera: CameraModel, measured_px: float | None, scale: float, *, has_band: bool
) -> None:
    """Draw the horizon that is configured, the one that is measured, and where it should be."""
    if has_band:
        _draw_band(picture, camera, camera.horizon_px if measured_px is None else measured_px)
    draw_dashes(picture, row_px=camera.horizon_px * scale, fall=camera.horizon_fall, colour=WHITE)
    if measured_px is not None:
        draw_line(picture, row_px=measured_px * scale, fall=camera.horizon_fall, colour=MEASURED)


def _draw_band(picture: Image, camera: CameraModel, horizon_px: float) -> None:
    colour = GOOD if aim_of(camera, horizon_px=horizon_px).tilt is Tilt.RIGHT else BAD
    top_px, bottom_px = (share * picture.shape[0] for share in BAND)
    tint_rows(picture, top_px=top_px, bottom_px=bottom_px, colour=colour, share=_BAND_SHARE)


def _draw_track(picture: Image, track: TrackView, scale: float) -> None:
    """Draw where a followed thing should be: corners only, its probability below."""
    left, top, right, bottom = (round(float(edge) * scale) for edge in track.box)
    colour, stroke = colour_of(track.class_code), stroke_px(picture) + track.is_confirmed
    arm_x, arm_y = max(4, (right - left) // 4), max(4, (bottom - top) // 4)
    ink = WHITE if track.is_confirmed else colour
    for x, step_x in ((left, arm_x), (right, -arm_x)):
        for y, step_y in ((top, arm_y), (bottom, -arm_y)):
            cv2.line(picture, (x, y), (x + step_x, y), ink, stroke)
            cv2.line(picture, (x, y), (x, y + step_y), ink, stroke)
    text = f"{'!' if track.is_confirmed else ''}{track.class_code} {track.probability:.0%} x{track.looks}"
    draw_text(picture, text, left_px=left, bottom_px=bottom + text_height_px(picture), colour=colour)
