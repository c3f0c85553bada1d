import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from edge_agent.errors import SourceError
from edge_agent.readings import AdvertisementReading, FrameReading, GnssReading, ImuReading, Reading
from edge_agent.sources.frame_files import list_frames, recorded_frames
from edge_agent.sources.replay import ReplaySource

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
GREY = np.full((48, 64, 3), 120, np.uint8)


def pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), GREY)
    return folder


@pytest.fixture
def track(tmp_path: Path) -> Path:
    path = tmp_path / "track.csv"
    rows = [f"{(START + timedelta(seconds=i)).isoformat()},120.4,{27.5 + i * 1e-4}" for i in range(3)]
    path.write_text("\n".join(["at,lon,lat", *rows]))
    return path


def replay(
    frames: Path,
    track: Path,
    *,
    frames_per_s: float = 4,
    pace: Literal["real_time", "fast"] = "fast",
    start: Literal["recorded", "now"] = "recorded",
    others: Sequence[Sequence[Reading]] = (),
) -> ReplaySource:
    return ReplaySource(
        frames=frames,
        track=track,
        camera_id="front",
        frames_per_s=frames_per_s,
        pace=pace,
        start=start,
        now=lambda: datetime(2030, 1, 1, tzinfo=UTC),
        others=others,
    )


def offsets(folder: Path, *, frames_per_s: float = 4) -> list[float]:
    frames = list_frames(folder, start_at=START, frames_per_s=frames_per_s)
    return [(at - START).total_seconds() for at, _ in frames]


def test_times_come_from_the_index(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "f", "a.jpg", "b.jpg")
    entries = [{"file_name": "b.jpg", "t_s": 0.5}, {"file_name": "a.jpg", "at": "2026-11-24T16:00:00.25+08:00"}]
    (folder / "index.json").write_text(json.dumps({"frames": entries}))
    frames = list_frames(folder, start_at=START, frames_per_s=1)
    assert [(at - START).total_seconds() for at, _ in frames] == [0.25, 0.5]
    assert [path.name for _, path in frames] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["20261124T080000.jpg", "20261124T080001.250.jpg"], [0, 1.25]),
        (["cam_2026-11-24_08-00-02.png"], [2]),
        (["1795507200500.jpg"], [0.5]),
        (["a.jpg", "b.jpg", "20261124T080000.jpg"], [0, 0.25, 0.5]),
        (["20261399T990000.jpg"], [0]),
    ],
    ids=["compact", "dashes", "milliseconds", "not all tell it", "no such time"],
)
def test_times_come_from_names_or_the_rate(tmp_path: Path, names: list[str], expected: list[float]) -> None:
    assert offsets(pictures(tmp_path / "f", *names)) == expected


@pytest.mark.parametrize(
    "index", ["{", '{"frames": 3}', '{"frames": [{"file_name": "a.jpg"}]}', '{"frames": [{"file_name": "a", "at": 3}]}']
)
def test_a_bad_index_is_explained(tmp_path: Path, index: str) -> None:
    folder = pictures(tmp_path / "f", "a.jpg")
    (folder / "index.json").write_text(index)
    if index.endswith('"at": 3}]}'):
        assert len(list_frames(folder, start_at=START, frames_per_s=1)) == 1
        return
    with pytest.raises(SourceError, match=r"index\.json"):
        list_frames(folder, start_at=START, frames_per_s=1)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no picture"):
        list_frames(tmp_path, start_at=START, frames_per_s=1)


def test_a_video_brings_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(5):
        writer.write(GREY)
    writer.release()
    frames = list(recorded_frames(path, start_at=START, frames_per_s=1))
    assert [(at - START).total_seconds() for at, _ in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert frames[0][1].shape == (48, 64, 3)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    path = tmp_path / "drive.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"drive\.mp4"):
        list(recorded_frames(path, start_at=START, frames_per_s=1))


def test_frames_and_fixes_come_in_order_of_time(tmp_path: Path, track: Path) -> None:
    source = replay(pictures(tmp_path / "f", *[f"{i:02}.jpg" for i in range(8)]), track)
    readings = list(source.readings())
    assert not source.is_live
    assert [type(reading) for reading in readings[:3]] == [GnssReading, FrameReading, FrameReading]
    assert [reading.at for reading in readings] == sorted(reading.at for reading in readings)
    assert len(readings) == 11


def test_what_other_sensors_recorded_comes_between_in_order_of_time(tmp_path: Path, track: Path) -> None:
    felt = [
        ImuReading(at=START + timedelta(seconds=second), acceleration_mps2=(0, 0, 9.8), turn_dps=(0, 0, 0))
        for second in (0.1, 1.1)
    ]
    heard = [AdvertisementReading(at=START + timedelta(seconds=0.6), rssi_dbm=-70)]
    readings = list(replay(pictures(tmp_path / "f", "00.jpg"), track, others=[felt, heard]).readings())
    assert [reading.at for reading in readings] == sorted(reading.at for reading in readings)
    assert [type(reading) for reading in readings[2:5]] == [ImuReading, AdvertisementReading, GnssReading]


def test_frames_that_come_too_fast_are_left_out(tmp_path: Path, track: Path) -> None:
    names = [f"20261124T080000.{i:03}.jpg" for i in range(0, 1000, 50)]
    readings = list(replay(pictures(tmp_path / "f", *names), track, frames_per_s=4).readings())
    assert sum(isinstance(reading, FrameReading) for reading in readings) == 5


def test_an_unreadable_frame_is_left_out(tmp_path: Path, track: Path) -> None:
    folder = pictures(tmp_path / "f", "00.jpg", "01.jpg")
    (folder / "00.jpg").write_bytes(b"nothing")
    readings = list(replay(folder, track).readings())
    assert sum(isinstance(reading, FrameReading) for reading in readings) == 1


def test_a_recording_can_begin_now(tmp_path: Path, track: Path) -> None:
    readings = list(replay(pictures(tmp_path / "f", "00.jpg"), track, start="now").readings())
    assert readings[0].at == datetime(2030, 1, 1, tzinfo=UTC)
    assert readings[-1].at == datetime(2030, 1, 1, 0, 0, 2, tzinfo=UTC)


def test_real_time_takes_as_long_as_the_recording(tmp_path: Path) -> None:
    track = tmp_path / "short.csv"
    track.write_text("at,lon,lat\n2026-11-24T08:00:00Z,120,27\n2026-11-24T08:00:00.3Z,120,27\n")
    source = replay(pictures(tmp_path / "f", "00.jpg"), track, pace="real_time")
    begun_s = time.monotonic()
    assert len(list(source.readings())) == 3
    assert source.is_live
    assert time.monotonic() - begun_s >= 0.29
