from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from edge_agent.errors import PictureError
from edge_agent.readings import FrameReading, Image
from edge_agent.vision.clips import AREA_PX, COLUMNS, EVERY, LONGEST, MAX_BYTES, MOST, ClipRing
from edge_agent.vision.privacy import BlurredPicture, Hidden, Privacy
from wire.messages import Blur

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class Marker(Privacy):
    """Blurs nothing and marks each picture with the number of its frame, as red, so that the sheet can be read."""

    def __init__(self) -> None:
        self.hidden_frames = 0
        self.is_broken = False

    def hidden(self, image: Image) -> Hidden:
        if self.is_broken:
            raise PictureError("the finder is gone")
        self.hidden_frames += 1
        return Hidden(picture=image, faces=1, plates=0)

    def encoded(self, hidden: Hidden, *, max_bytes: int = 0) -> BlurredPicture:
        assert max_bytes == MAX_BYTES
        blur = Blur(detector="d", version="1", faces=hidden.faces, plates=hidden.plates, threshold=0.5)
        height, width = hidden.picture.shape[:2]
        content = cv2.imencode(".png", hidden.picture)[1].tobytes()
        return BlurredPicture(content=content, width_px=width, height_px=height, blur=blur)


def frame(number: int, *, at: datetime | None = None, height: int = 540) -> FrameReading:
    image = np.full((height, 960, 3), number % 256, np.uint8)
    return FrameReading(at=at or START + number * EVERY, camera_id="front", image=image)


def drive(ring: ClipRing, frames: int) -> None:
    for number in range(frames):
        ring.take(frame(number))


def marks(picture: BlurredPicture, count: int) -> list[int]:
    """The number of each small picture, row by row."""
    sheet = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    width, height = 480, 270
    assert width * height == AREA_PX
    places = [divmod(place, COLUMNS) for place in range(count)]
    return [int(sheet[row * height + height // 2, column * width + width // 2, 0]) for row, column in places]


def test_a_clip_is_the_ten_seconds_before_its_end_in_order() -> None:
    ring = ClipRing(Marker())
    drive(ring, 60)
    end = START + 55 * EVERY
    sheet = ring.cut(until=end)
    assert sheet is not None
    assert sheet.taken_at == tuple(START + number * EVERY for number in range(36, 56))  # older ones are gone
    assert all(end - LONGEST < at <= end for at in sheet.taken_at)
    assert marks(sheet.picture, 20) == list(range(36, 56))
    assert (sheet.columns, sheet.picture.width_px) == (COLUMNS, COLUMNS * 480)
    assert sheet.picture.blur.faces == 20


def test_no_more_is_kept_than_a_clip_needs_and_each_frame_is_blurred_as_it_comes() -> None:
    privacy = Marker()
    ring = ClipRing(privacy)
    drive(ring, 500)
    assert privacy.hidden_frames == 500
    assert ring.cut(until=START + timedelta(days=1)) is None
    assert ring.cut(until=START + (499 - MOST) * EVERY) is None
    whole = ring.cut(until=START + 499 * EVERY)
    assert whole is not None
    assert len(whole.taken_at) == LONGEST // EVERY


def test_a_frame_that_was_not_blurred_is_not_kept() -> None:
    privacy = Marker()
    ring = ClipRing(privacy)
    privacy.is_broken = True
    with pytest.raises(PictureError):
        ring.take(frame(0))
    assert ring.cut(until=START) is None


def test_frames_are_wanted_twice_a_second_and_again_when_the_clock_was_set_back() -> None:
    ring = ClipRing(Marker())
    assert ring.is_due(START)
    ring.take(frame(0))
    assert not ring.is_due(START + EVERY / 2)
    assert ring.is_due(START + EVERY)
    assert ring.is_due(START - EVERY)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(frame(9, at=START - LONGEST), id="earlier-time"),
        pytest.param(frame(9, height=480), id="other-shape"),
    ],
)
def test_what_does_not_continue_begins_anew(other: FrameReading) -> None:
    ring = ClipRing(Marker())
    drive(ring, 5)
    ring.take(other)
    sheet = ring.cut(until=other.at)
    assert sheet is not None
    assert sheet.taken_at == (other.at,)
    assert sheet.columns == 1
