"""Frames in, observations and coverage out."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edge_agent.ego import EgoState
from edge_agent.errors import ConfigurationError
from edge_agent.laps import Laps
from edge_agent.readings import FrameReading, Image, Reading
from edge_agent.scenarios.road_damage.known_errors import KnownErrors
from edge_agent.scenarios.road_damage.look import Look, look_at
from edge_agent.scenarios.road_damage.motion import Motion
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.scenarios.road_damage.tracker import Tracker
from edge_agent.vision.coverage import CoverageLog
from edge_agent.vision.detections import Detections, Detector, no_detections
from edge_agent.vision.ground import CameraModel, GroundErrors
from edge_agent.vision.horizon import HorizonFinder
from edge_agent.vision.lasting import LastingView
from edge_agent.vision.quality import Judged, grey_of, judge_grey, speed_limit_mps
from edge_agent.vision.view import view_of
from edge_agent.watch import Scene, Watcher
from wire.error_model import Quality
from wire.messages import Coverage, Detection, Unusable

log = logging.getLogger(__name__)

UNLIT: Final = frozenset({Unusable.DARK, Unusable.GLARE})
"""Frames that say nothing of what lasts in the picture."""
FrameJudged = Callable[[Unusable | None, int], None]
"""Told of each frame: why it was unusable or None, and the number of boxes in it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """A message, with the frame that shows it."""

    message: Detection | Coverage
    observed_at: datetime
    image: Image | None = None


class RoadDamage:
    """Looks for damage in each usable frame and follows it until the bus has passed."""

    def __init__(
        self,
        detector: Detector,
        *,
        camera: CameraModel,
        camera_id: str,
        stretch_m: float,
        on_frame: FrameJudged,
        known: KnownErrors | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        view = view_of(camera)
        self._detector = detector
        self._known = known or KnownErrors()
        self._camera = camera
        self._speed_limit_mps = speed_limit_mps(camera, ahead_m=(view.near_m + view.far_m) / 2 - camera.forward_m)
        self._camera_id = camera_id
        self._on_frame = on_frame
        self._watcher = watcher
        self._tracker = Tracker(camera, near_m=view.near_m, far_m=view.far_m, odds=self._known.odds)
        self._horizon = HorizonFinder(camera)
        self._lasting = LastingView(camera)
        self._errors = GroundErrors()
        self._was_usable = False
        self._strange_size: tuple[int, ...] | None = None  # of frames that are not the configured camera's
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="quality")
        self._motion = Motion(camera, near_m=view.near_m)
        self._coverage = CoverageLog(stretch_m=stretch_m, view=view, camera_id=camera_id, model=detector.model)

    def take(self, reading: Reading, ego: EgoState | None) -> list[Sight]:
        """Look at a frame; damage is seen, not felt."""
        return self._look(reading, ego) if isinstance(reading, FrameReading) else []

    def _look(self, frame: FrameReading, ego: EgoState | None) -> list[Sight]:
        laps = Laps()
        self._coverage.note_dropped(frame.dropped)
        judged, detections = Judged(unusable=self._refused(frame, ego)), no_detections()
        passed = [] if ego is None else self._move(frame, ego, laps)
        if judged.unusable is None and ego is not None:
            judged, detections = self._seen(frame, ego, laps)
        if judged.unusable is None and ego is not None:
            self._follow(frame, ego, detections, judged.quality, laps)
        self._on_frame(judged.unusable, len(detections))
        if self._watcher is not None:
            scene = self._scene(frame, ego, judged.unusable, detections, laps)
            laps.end("watch")
            self._watcher.show(scene)
        return self._sights(passed, self._coverage.note(ego, judged))

    def end(self) -> list[Sight]:
        """What is still in view counts as passed."""
        return self._sights(self._tracker.end(), self._coverage.end())

    def _move(self, frame: FrameReading, ego: EgoState, laps: Laps) -> list[Track]:
        step = self._motion.step(frame.image, ego)
        laps.end("motion")
        passed = [] if step is None else self._tracker.move(step, speed_mps=ego.speed_mps)
        laps.end("track")
        return passed

    def _seen(self, frame: FrameReading, ego: EgoState, laps: Laps) -> tuple[Judged, Detections]:
        """What a frame shows and how well, or why it is of no use.

        After a frame of use the next is most likely of use, too: it is judged while the network runs, and the one after
        it made ready. Others are judged first, so that no network runs all night for nothing.
        """
        if not self._was_usable:
            judged = self._judge(frame, ego)
            laps.end("quality")
            detections = no_detections() if judged.unusable is not None else self._detect(frame, laps)
        else:
            judging = self._beside.submit(self._judge_and_prepare, frame, ego)
            detections = self._detect(frame, laps)
            judged = judging.result()
            laps.end("quality")
        self._was_usable = judged.unusable is None
        return judged, detections if self._was_usable else no_detections()

    def _detect(self, frame: FrameReading, laps: Laps) -> Detections:
        detections = self._detector.detect(frame.image)
        laps.end("network", parts_ms=detections.steps_ms)
        return detections

    def _follow(self, frame: FrameReading, ego: EgoState, detections: Detections, quality: Quality, laps: Laps) -> None:
        camera = self._horizon.corrected()
        if camera != self._camera and not self._tracker.tracks:
            self._look_through(camera)
        looks = self._looks(frame, ego, detections, quality)
        laps.end("position")
        self._tracker.see(looks, quality)
        laps.end("track")

    def _look_through(self, camera: CameraModel) -> None:
        """Go on with a camera that is known better; one that would not see the road is not believed."""
        try:
            view = view_of(camera)
        except ConfigurationError:
            log.warning("horizon_refused pitch_deg=%.2f yaw_deg=%.2f", camera.pitch_deg, camera.yaw_deg)
            return
        self._camera, self._errors = camera, self._horizon.errors(GroundErrors())
        self._tracker.look_through(camera, near_m=view.near_m, far_m=view.far_m)
        self._motion.look_through(camera, near_m=view.near_m)
        self._lasting.look_through(camera)
        self._coverage.look_through(view)

    def _refused(self, frame: FrameReading, ego: EgoState | None) -> Unusable | None:
        """Why a frame is of no use, whatever it shows."""
        if self._is_strange(frame.image.shape[1::-1]):
            return Unusable.WRONG_VIEW
        if ego is None:
            return Unusable.NO_POSITION
        return Unusable.TOO_FAST if ego.speed_mps > self._speed_limit_mps else None

    def _is_strange(self, size: tuple[int, ...]) -> bool:
        """Whether frames are not of the configured size; said once, not with each frame."""
        wanted = self._camera.width_px, self._camera.height_px
        before, self._strange_size = self._strange_size, None if size == wanted else size
        if self._strange_size not in {None, before}:
            log.warning("frames_of_wrong_size width_px=%d height_px=%d configured=%dx%d", *size, *wanted)
        return self._strange_size is not None

    def _judge(self, frame: FrameReading, ego: EgoState) -> Judged:
        """Whether what a frame shows is of use; then it may show the horizon."""
        grey = grey_of(frame.image)
        judged = judge_grey(grey)
        if judged.unusable not in UNLIT:
            judged = judged.beside(self._lasting.see(grey, ego))
        if judged.unusable is None:
            self._horizon.look(frame.image, ego)
        return judged

    def _judge_and_prepare(self, frame: FrameReading, ego: EgoState) -> Judged:
        judged = self._judge(frame, ego)
        if frame.following is not None and judged.unusable is None:
            self._detector.prepare(frame.following)
        return judged

    def _scene(
        self, frame: FrameReading, ego: EgoState | None, reason: Unusable | None, detections: Detections, laps: Laps
    ) -> Scene:
        horizon = self._horizon.horizon
        return Scene(
            frame=frame,
            ego=ego,
            verdict=reason,
            detections=detections,
            tracks=self._tracker.views(),
            horizon_px=None if horizon is None else horizon.row_px,
            horizon=horizon,
            steps_ms=laps.steps_ms,
        )

    def _looks(self, frame: FrameReading, ego: EgoState, detections: Detections, quality: Quality) -> list[Look]:
        found = zip(detections.boxes, detections.confidences, detections.class_codes, strict=True)
        looks = [
            look_at(
                frame,
                box,
                class_code=code,
                confidence=float(confidence),
                ego=ego,
                camera=self._camera,
                errors=self._errors_of(code),
                quality=quality,
            )
            for box, confidence, code in found
        ]
        return [look for look in looks if look is not None]

    def _errors_of(self, class_code: str) -> GroundErrors:
        side_share = self._known.side_share.get(class_code)
        return self._errors if side_share is None else replace(self._errors, side_share=side_share)

    def _sights(self, tracks: list[Track], coverage: Coverage | None) -> list[Sight]:
        sights = [
            Sight(message=self._detection(track), observed_at=track.best.at, image=track.best.image) for track in tracks
        ]
        if coverage is not None:
            sights.append(Sight(message=coverage, observed_at=coverage.to_at))
        return sights

    def _detection(self, track: Track) -> Detection:
        best, place = track.best, track.place
        size = None if track.measured is None else track.measured.size
        left, top, right, bottom = (float(edge) for edge in best.box)
        return Detection(
            class_code=track.class_code,
            confidence=track.probability,
            observed_at=best.at,
            first_seen_at=track.first.at,
            last_seen_at=track.last.at,
            lon=place.lon,
            lat=place.lat,
            along_m=place.along_m,
            across_m=place.across_m,
            heading_deg=best.heading_deg,
            frames=min(track.looks, 100_000),
            box_xyxy_px=(left, top, right, bottom),
            frame_width_px=self._camera.width_px,
            frame_height_px=self._camera.height_px,
            camera_id=self._camera_id,
            model=self._detector.model,
            distance_m=best.ground.distance_m,
            length_m=None if size is None else size.length_m,
            width_m=None if size is None else size.width_m,
            area_m2=None if size is None else size.area_m2,
            quality=best.quality,
        )
