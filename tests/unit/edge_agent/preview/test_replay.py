from datetime import timedelta
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from edge_agent.errors import ConfigurationError, SourceError
from edge_agent.preview.replay import Recording, count_frames, find_track, guessed_camera, replay
from edge_agent.preview.summary import Summary, summary_table
from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from tests.unit.edge_agent.scenes import CAMERA, LON, MODEL, START, Thing, box_of, road_image
from wire.messages import Unusable

FRAMES = 60
SPEED_MPS = 8.0
POTHOLE = Thing(ahead_m=40.0)


class Knowing(FromWhole):
    """Sees one pothole; the frame's first pixel tells how far the bus has come."""

    model = MODEL

    def detect(self, image: Image) -> Detections:
        box = box_of(POTHOLE, SPEED_MPS * int(image[:4, :4, 0].mean().round()) / 8)
        if box is None:
            return no_detections()
        return Detections(boxes=box[None], confidences=np.array([0.7], np.float32), class_codes=("D40",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven and a half seconds to the north, with a dark frame."""
    folder = tmp_path_factory.mktemp("frames")
    for number in range(FRAMES):
        image = road_image(number) if number != 3 else np.zeros_like(road_image())
        image[:4, :4] = number
        at = START + timedelta(seconds=number / 8)
        cv2.imwrite(str(folder / f"{at:%Y%m%dT%H%M%S.%f}.png"), image)
    return folder


@pytest.fixture
def track(tmp_path: Path) -> Path:
    rows = [f"{(START + timedelta(seconds=i)).isoformat()},{LON},{27.5 + i * SPEED_MPS / 110_830}" for i in range(9)]
    path = tmp_path / "track.csv"
    path.write_text("\n".join(["at,lon,lat", *rows]))
    return path


def run(folder: Path, *, track: Path | None, draw: Path | None = None) -> Summary:
    recording = Recording(frames=folder, track=track, camera=CAMERA, upside_down=False, frames_per_s=8)
    return replay(recording, detector=Knowing(), draw=draw, console=Console(quiet=True))


def test_a_drive_with_a_track_is_observed_as_on_the_bus(folder: Path, track: Path) -> None:
    summary = run(folder, track=track)

    assert summary.frames == FRAMES
    assert summary.observations == {"D40": 1}
    assert summary.unusable[Unusable.DARK] == 1
    assert summary.boxes > 3
    assert {"quality", "network", "track"} <= set(summary.steps_ms)


def test_every_frame_is_drawn(folder: Path, track: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "new" / "drawn"

    run(folder, track=track, draw=drawn)

    assert [path.name for path in sorted(drawn.iterdir())] == [f"{i:06d}.jpg" for i in range(1, FRAMES + 1)]
    picture = cv2.imread(str(drawn / "000001.jpg"))
    assert picture is not None
    assert picture.shape == (CAMERA.height_px, CAMERA.width_px, 3)


def test_without_a_track_each_frame_is_looked_at_by_itself(folder: Path) -> None:
    summary = run(folder, track=None)

    assert summary.frames == FRAMES
    assert summary.boxes > 3
    assert summary.unusable == {Unusable.DARK: 1}
    assert not summary.observations


def test_without_a_configuration_the_camera_is_guessed(folder: Path, track: Path) -> None:
    recording = Recording(frames=folder, track=track, camera=None, upside_down=False, frames_per_s=8)

    summary = replay(recording, detector=Knowing(), draw=None, console=Console(quiet=True))

    assert summary.is_camera_guessed
    assert summary.frames == FRAMES
    guessed = guessed_camera(640, 480)
    assert guessed.horizon_px == pytest.approx(0.35 * 480)


def test_frames_of_another_camera_are_refused(folder: Path) -> None:
    other = guessed_camera(640, 480)
    recording = Recording(frames=folder, track=None, camera=other, upside_down=False, frames_per_s=8)

    with pytest.raises(ConfigurationError, match="320 x 240; the configured camera has 640 x 480"):
        replay(recording, detector=Knowing(), draw=None, console=Console(quiet=True))


def test_frames_of_a_camera_that_hangs_upside_down_are_turned_first(folder: Path, tmp_path: Path) -> None:
    hung = tmp_path / "hung"
    hung.mkdir()
    for path in folder.iterdir():
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(hung / path.name), image[::-1, ::-1])
    recording = Recording(frames=hung, track=None, camera=CAMERA, upside_down=True, frames_per_s=8)

    assert replay(recording, detector=Knowing(), draw=None, console=Console(quiet=True)).boxes > 3


def test_a_video_is_read_at_the_pace_of_the_camera(tmp_path: Path) -> None:
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 24.0, (CAMERA.width_px, CAMERA.height_px))
    for number in range(48):
        writer.write(road_image(number))
    writer.release()

    assert count_frames(path) == 48
    assert run(path, track=None).frames == 16


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "drive.mp4"
    path.write_bytes(b"no video")

    with pytest.raises(SourceError, match=r"drive\.mp4"):
        run(path, track=None)


def test_a_track_is_found_beside_a_video_and_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "drive.gpx").touch()
    (tmp_path / "track.nmea").touch()

    assert find_track(tmp_path / "drive.mp4") == tmp_path / "drive.gpx"
    assert find_track(tmp_path) == tmp_path / "track.nmea"
    assert find_track(tmp_path / "other.mp4") is None


def table_text(summary: Summary) -> str:
    console = Console(width=100, file=StringIO())
    with console.capture() as captured:
        console.print(summary_table(summary))
    return captured.get()


def test_table_tells_what_was_found(folder: Path, track: Path) -> None:
    text = table_text(run(folder, track=track))

    for words in ("60 over 7.4 s", "unusable: dark", "1 (2%)", "1 D40", "frames a second"):
        assert words in text


def test_table_of_nothing() -> None:
    assert "without a track" in table_text(Summary())
