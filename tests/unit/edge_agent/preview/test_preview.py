import threading

import cv2
import numpy as np
import pytest

from edge_agent.config import MODELS
from edge_agent.errors import PictureError
from edge_agent.preview.preview import WIDTH_PX, Preview
from edge_agent.vision.privacy import Privacy
from tests.unit.edge_agent.preview.scenes import BUS, scene
from tests.unit.edge_agent.scenes import CAMERA
from wire.messages import Unusable


@pytest.fixture(scope="module")
def privacy() -> Privacy:
    return Privacy(MODELS / "faces" / "manifest.toml", threads=1)


def preview_with(privacy: Privacy | None) -> Preview:
    return Preview(CAMERA, privacy=privacy, bus=lambda: BUS)


def test_newest_frame_is_drawn_once(privacy: Privacy) -> None:
    preview = preview_with(privacy)
    preview.show(scene())

    content = preview.jpeg()

    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[:2] == (WIDTH_PX * CAMERA.height_px // CAMERA.width_px, WIDTH_PX)
    assert preview.jpeg() is content
    preview.show(scene(horizon_px=20.0))
    assert preview.jpeg() != content


def test_without_the_models_that_blur_there_is_no_picture_but_a_status() -> None:
    preview = preview_with(None)
    preview.show(scene())

    with pytest.raises(PictureError, match="blur"):
        preview.jpeg()
    status = preview.status(after=0, timeout_s=0)
    assert status is not None
    assert status["has_picture"] is False


def test_picture_that_cannot_be_blurred_is_not_shown(privacy: Privacy) -> None:
    preview = preview_with(privacy)
    broken = scene()
    broken.frame.image.resize((0, 0, 3), refcheck=False)
    preview.show(broken)

    with pytest.raises(PictureError):
        preview.jpeg()


def test_before_the_first_frame_there_is_nothing(privacy: Privacy) -> None:
    preview = preview_with(privacy)

    assert preview.status(after=0, timeout_s=0) is None
    with pytest.raises(PictureError, match="no frame"):
        preview.jpeg()


def test_a_frame_is_told_once_to_who_waits() -> None:
    preview = preview_with(None)
    threading.Timer(0.01, preview.show, [scene()]).start()

    status = preview.status(after=0, timeout_s=10)

    assert status is not None
    assert status["number"] == 1
    assert preview.status(after=1, timeout_s=0) is None


def test_a_horizon_that_was_pointed_at_brings_advice() -> None:
    assert preview_with(None).aim(horizon_share=0.5)["tilt"] == "down"


@pytest.mark.parametrize(("level", "verdict"), [(None, None), (5, "dark")], ids=["plain road", "night"])
def test_a_frame_without_a_position_is_judged_all_the_same(level: int | None, verdict: str | None) -> None:
    preview = preview_with(None)
    shown = scene(verdict=Unusable.NO_POSITION, has_position=False, found=None, tracks=())
    if level is not None:
        shown.frame.image[:] = level
    preview.show(shown)

    status = preview.status(after=0, timeout_s=0)

    assert status is not None
    assert status["verdict"] == verdict
