"""Frames in, sightings of things and what was looked at out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_agent.ego import EgoState, offset_between
from edge_agent.readings import FrameReading, Image, Reading
from edge_agent.scenarios.street_furniture.kinds import Outlines
from edge_agent.scenarios.street_furniture.place import place_of
from edge_agent.scenarios.street_furniture.tracks import Look, Track, Tracks
from edge_agent.vision.coverage import MAX_GAP_S, CoverageLog
from edge_agent.vision.detections import Detector
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.quality import Judged, grey_of, judge_grey
from edge_agent.vision.view import view_of
from wire.error_model import Quality
from wire.messages import Coverage, Detection, Unusable

SMALLEST_M: Final = 0.6  # width of a sign, a bin or a cover
ASIDE_M: Final = 10.0  # to each side of the bus's path: kerb, verge and footway


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """A message, with the frame that shows it."""

    message: Detection | Coverage
    observed_at: datetime
    image: Image | None = None


class StreetFurniture:
    """Looks for things beside the road every few metres and tells each once the bus has passed it."""

    def __init__(
        self,
        detector: Detector,
        outlines: Outlines,
        *,
        camera: CameraModel,
        camera_id: str,
        stretch_m: float,
        every_m: float,
    ) -> None:
        """Take a model with what its classes mean.

        Raises:
            ConfigurationError: the camera does not look at the road.
        """
        view = view_of(camera, smallest_m=SMALLEST_M, aside_m=ASIDE_M)
        self._detector, self._outlines = detector, outlines
        self._camera, self._camera_id, self._every_m = camera, camera_id, every_m
        self._tracks = Tracks(near_m=view.near_m)
        self._looked: EgoState | None = None
        self._coverage = CoverageLog(
            stretch_m=stretch_m,
            view=view,
            camera_id=camera_id,
            model=detector.model,
            looked_for=tuple(sorted({outline.kind for outline in outlines.values()})),
        )

    def take(self, reading: Reading, ego: EgoState | None) -> list[Sight]:
        """Look at a frame if the bus has moved on since the last one that was looked at."""
        if not isinstance(reading, FrameReading) or (ego is not None and not self._is_due(ego)):
            return []
        judged = self._judge(reading, ego)
        passed: list[Track] = []
        if ego is not None:
            self._coverage.note_dropped(self._left_out(ego))
            self._looked = ego
            passed = self._tracks.move(ego)
            if judged.unusable is None:
                self._tracks.see(self._looks(reading, ego, judged.quality), reading.image)
        return self._sights(passed, self._coverage.note(ego, judged))

    def end(self) -> list[Sight]:
        """What is still in view counts as passed."""
        return self._sights(self._tracks.end(), self._coverage.end())

    def _is_due(self, ego: EgoState) -> bool:
        last = self._looked
        if last is None:
            return True
        return offset_between(lon=last.lon, lat=last.lat, to_lon=ego.lon, to_lat=ego.lat).length_m >= self._every_m

    def _left_out(self, ego: EgoState) -> int:
        """Frames that should have been looked at since the last one: a slow camera or a busy machine sees less."""
        last = self._looked
        if last is None or (ego.at - last.at).total_seconds() > MAX_GAP_S:
            return 0
        way_m = offset_between(lon=last.lon, lat=last.lat, to_lon=ego.lon, to_lat=ego.lat).length_m
        return max(0, int(way_m // self._every_m) - 1)

    def _judge(self, frame: FrameReading, ego: EgoState | None) -> Judged:
        if frame.image.shape[:2] != (self._camera.height_px, self._camera.width_px):
            return Judged(unusable=Unusable.WRONG_VIEW)
        return Judged(unusable=Unusable.NO_POSITION) if ego is None else judge_grey(grey_of(frame.image))

    def _looks(self, frame: FrameReading, ego: EgoState, quality: Quality) -> list[Look]:
        found = self._detector.detect(frame.image)
        looks: list[Look] = []
        for box, confidence, code in zip(found.boxes, found.confidences, found.class_codes, strict=True):
            outline = self._outlines.get(code)
            point = None if outline is None else place_of(box, outline, ego=ego, camera=self._camera)
            if outline is not None and point is not None:
                looks.append(
                    Look(
                        at=frame.at,
                        kind=outline.kind,
                        confidence=float(confidence),
                        box=box,
                        point=point,
                        heading_deg=ego.heading_deg,
                        quality=quality,
                    )
                )
        return looks

    def _sights(self, tracks: list[Track], coverage: Coverage | None) -> list[Sight]:
        sights = [
            Sight(message=self._detection(track), observed_at=track.best.at, image=track.image) for track in tracks
        ]
        if coverage is not None:
            sights.append(Sight(message=coverage, observed_at=coverage.to_at))
        return sights

    def _detection(self, track: Track) -> Detection:
        best, place = track.best, track.place()
        left, top, right, bottom = (max(0.0, float(edge)) for edge in best.box)
        return Detection(
            class_code=track.kind,
            confidence=track.confidence,
            observed_at=best.at,
            first_seen_at=track.looks[0].at,
            last_seen_at=track.looks[-1].at,
            lon=place.lon,
            lat=place.lat,
            along_m=place.along_m,
            across_m=place.across_m,
            heading_deg=best.heading_deg,
            frames=len(track.looks),
            box_xyxy_px=(left, top, right, bottom),
            frame_width_px=self._camera.width_px,
            frame_height_px=self._camera.height_px,
            camera_id=self._camera_id,
            model=self._detector.model,
            distance_m=best.point.distance_m,
            quality=best.quality,
        )
