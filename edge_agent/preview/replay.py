"""A recording through the pipeline, at a desk: drawn frames and a table. Nothing is sent, nothing is kept."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
from rich.console import Console
from rich.progress import track

from edge_agent.ego import EgoTrack
from edge_agent.errors import ConfigurationError, SourceError
from edge_agent.laps import Laps
from edge_agent.preview.aim import pitch_of
from edge_agent.preview.draw import Sketch, caption
from edge_agent.preview.summary import Summary
from edge_agent.readings import FrameReading, GnssReading
from edge_agent.scenarios.road_damage.scenario import RoadDamage
from edge_agent.sources.frame_files import TimedFrame, list_frames, recorded_frames
from edge_agent.sources.replay import due_frames
from edge_agent.sources.track_file import read_track
from edge_agent.sources.turned import turned
from edge_agent.vision.detections import Detector, no_detections
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.quality import judge_frame
from edge_agent.watch import Scene, Watcher
from wire.messages import Detection

TRACK_SUFFIXES: Final = (".csv", ".gpx", ".nmea")
NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)  # of a recording that has none
STRETCH_M: Final = 100.0
_CAMERA_ID: Final = "replay"
_QUALITY: Final = 85
_GUESSED_FOCAL: Final = 0.8  # of the width: 64 degrees across, a plain camera
_GUESSED_HORIZON: Final = 0.35  # of the height
_GUESSED_HEIGHT_M: Final = 2.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Frames, and a track where there is one."""

    frames: Path
    track: Path | None
    camera: CameraModel | None  # None: guessed from the first frame
    upside_down: bool
    frames_per_s: float


def replay(recording: Recording, *, detector: Detector, draw: Path | None, console: Console) -> Summary:
    """Run a recording and draw each frame that was looked at.

    Without a track no place is known: frames are judged and searched one by one, nothing is followed.

    Raises:
        SourceError: it cannot be read.
        ConfigurationError: the camera is not the one that made it.
    """
    fixes = deque(read_track(recording.track) if recording.track is not None else ())
    start_at = fixes[0].at if fixes else NO_TIME
    frames = recorded_frames(recording.frames, start_at=start_at, frames_per_s=recording.frames_per_s)
    shown = track(
        frames, "frames", total=count_frames(recording.frames), console=console, disable=not console.is_terminal
    )
    due = due_frames(shown, frames_per_s=recording.frames_per_s)
    upright = ((at, turned(image)) for at, image in due) if recording.upside_down else due
    summary = Summary(has_track=bool(fixes), is_camera_guessed=recording.camera is None)
    painter = _Painter(recording, draw=draw, summary=summary)
    began_s = time.monotonic()
    looker: _Followed | _Alone | None = None
    for at, image in _of_one_size(upright, recording.camera):
        if looker is None:
            camera = recording.camera or guessed_camera(image.shape[1], image.shape[0])
            looker = _Followed(fixes, camera, detector, painter) if fixes else _Alone(detector, painter)
        summary.observations.update(looker.look(FrameReading(at=at, camera_id=_CAMERA_ID, image=image)))
    if looker is not None:
        summary.observations.update(looker.end())
    summary.passed_s = time.monotonic() - began_s
    return summary


def find_track(frames: Path) -> Path | None:
    """The track that lies beside a video or in a folder of frames."""
    beside = frames / "track" if frames.is_dir() else frames
    return next((path for suffix in TRACK_SUFFIXES if (path := beside.with_suffix(suffix)).is_file()), None)


def count_frames(path: Path) -> int | None:
    """How many frames a recording has, where that is known beforehand."""
    if path.is_dir():
        return len(list_frames(path, start_at=NO_TIME, frames_per_s=1.0))
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) or None
    finally:
        capture.release()


def guessed_camera(width_px: int, height_px: int) -> CameraModel:
    """A plain camera behind a bus's windscreen: good for looking, not for places."""
    plain = CameraModel(
        width_px=width_px,
        height_px=height_px,
        focal_px=_GUESSED_FOCAL * width_px,
        height_m=_GUESSED_HEIGHT_M,
        pitch_deg=0,
    )
    return replace(plain, pitch_deg=pitch_of(plain, _GUESSED_HORIZON * height_px))


class _Painter:
    """Counts scenes and draws them."""

    def __init__(self, recording: Recording, *, draw: Path | None, summary: Summary) -> None:
        self._camera = recording.camera
        self._draw = draw
        self._summary = summary
        if draw is not None:
            draw.mkdir(parents=True, exist_ok=True)

    def show(self, scene: Scene) -> None:
        self._summary.add(scene)
        if self._draw is None:
            return
        image = scene.frame.image
        picture = Sketch(camera=self._camera, width_px=image.shape[1], has_band=False).draw(scene, image)
        caption(picture, self._words(scene))
        path = self._draw / f"{self._summary.frames:06d}.jpg"
        if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
            raise SourceError(f"{path} cannot be written")

    def _words(self, scene: Scene) -> str:
        first_at = self._summary.first_at or scene.frame.at
        verdict = "usable" if scene.verdict is None else scene.verdict.value
        seconds = (scene.frame.at - first_at).total_seconds()
        return f"{seconds:.1f} s  {verdict}  {sum(scene.steps_ms.values()):.0f} ms"


class _Followed:
    """The scenario as on the bus; all fixes are known beforehand, so no frame has to wait."""

    def __init__(self, fixes: deque[GnssReading], camera: CameraModel, detector: Detector, watcher: Watcher) -> None:
        self._fixes = fixes
        self._ego = EgoTrack()
        self._scenario = RoadDamage(
            detector,
            camera=camera,
            camera_id=_CAMERA_ID,
            stretch_m=STRETCH_M,
            on_frame=lambda _reason, _boxes: None,
            watcher=watcher,
        )

    def look(self, frame: FrameReading) -> list[str]:
        """Classes of the observations that ended with this frame."""
        while self._fixes and (self._ego.latest_at is None or self._ego.latest_at < frame.at):
            self._ego.add(self._fixes.popleft())
        sights = self._scenario.take(frame, self._ego.state_at(frame.at))
        return [sight.message.class_code for sight in sights if isinstance(sight.message, Detection)]

    def end(self) -> list[str]:
        return [sight.message.class_code for sight in self._scenario.end() if isinstance(sight.message, Detection)]


class _Alone:
    """Each frame by itself."""

    def __init__(self, detector: Detector, watcher: Watcher) -> None:
        self._detector = detector
        self._watcher = watcher

    def look(self, frame: FrameReading) -> list[str]:
        """Judge and search one frame; nothing is observed."""
        laps = Laps()
        verdict = judge_frame(frame.image)
        laps.end("quality")
        found = no_detections()
        if verdict is None:
            found = self._detector.detect(frame.image)
            laps.end("network", parts_ms=found.steps_ms)
        self._watcher.show(
            Scene(
                frame=frame,
                ego=None,
                verdict=verdict,
                detections=found,
                tracks=(),
                horizon_px=None,
                steps_ms=laps.steps_ms,
            )
        )
        return []

    def end(self) -> list[str]:
        return []


def _of_one_size(frames: Iterator[TimedFrame], camera: CameraModel | None) -> Iterator[TimedFrame]:
    for at, image in frames:
        size = f"{image.shape[1]} x {image.shape[0]}"
        if camera is not None and size != (wanted := f"{camera.width_px} x {camera.height_px}"):
            raise ConfigurationError(f"the frames are {size}; the configured camera has {wanted}")
        yield at, image
