import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_agent.preview.status import MOST_LISTED, status_of
from edge_agent.vision.detections import Detections
from edge_agent.watch import Scene
from tests.unit.edge_agent.preview.scenes import BOX, BUS, TRACK, horizon, scene
from tests.unit.edge_agent.scenes import CAMERA
from wire.messages import Unusable


def told(of: Scene) -> dict[str, Any]:
    status = status_of(of, CAMERA, BUS, number=3, frames_per_s=7.96, has_picture=True)
    return json.loads(json.dumps(status))


def test_everything_of_a_frame_is_told() -> None:
    status = told(scene(horizon_px=60.0))

    assert status["number"] == 3
    assert status["frames_per_s"] == 8.0
    assert status["verdict"] is None
    assert status["boxes"] == [{"class_code": "D40", "confidence": 0.61}]
    assert status["tracks"] == [{"class_code": "D40", "confidence": 0.83, "looks": 3, "is_confirmed": True}]
    assert status["steps_ms"] == {"quality": 1.2, "network": 40.0, "second look": 4.0}
    assert status["fix"] == {"lon": 120.4, "lat": 27.5, "speed_mps": 8.0, "heading_deg": 0.0, "accuracy_m": 1.5}
    assert status["bus"] == {
        "device": "bus-1",
        "frames_dropped": 2,
        "messages_waiting": 7,
        "pictures_waiting": 1,
        "bytes_waiting": 1234,
    }


def test_what_the_bus_has_passed_is_not_in_view() -> None:
    passed = replace(TRACK, box=TRACK.box + np.array([0, CAMERA.height_px, 0, CAMERA.height_px], np.float32))

    assert [thing["looks"] for thing in told(scene(tracks=(passed, replace(TRACK, looks=4))))["tracks"]] == [4]


def test_measured_horizon_brings_advice() -> None:
    status = told(scene(horizon_px=CAMERA.height_px / 2))

    assert status["horizon"] == {
        "configured": pytest.approx(CAMERA.horizon_px / CAMERA.height_px),
        "measured": 0.5,
        "fall": 0.0,
        "band": [0.12, 0.32],
    }
    assert status["aim"] == {
        "tilt": "down",
        "degrees": pytest.approx(14.5),
        "pitch_deg": 0.0,
        "configured_deg": CAMERA.pitch_deg,
        "is_as_configured": False,
    }


def test_unknown_stays_unknown() -> None:
    status = told(scene(verdict=Unusable.NO_POSITION, has_position=False, found=None, tracks=()))

    assert status["verdict"] == "no_position"
    assert status["fix"] is None
    assert status["aim"] is None


def test_frames_of_another_size_are_told_with_what_is_configured() -> None:
    large = replace(CAMERA, width_px=1280, height_px=720)
    status = status_of(scene(), large, BUS, number=1, frames_per_s=1, has_picture=False)

    assert status["size"] == {"px": "320 x 240", "configured_px": "1280 x 720"}
    assert told(scene())["size"] is None


def test_lists_are_bounded() -> None:
    many = 3 * MOST_LISTED
    found = Detections(
        boxes=np.repeat(BOX[None], many, 0), confidences=np.full(many, 0.5, np.float32), class_codes=("D00",) * many
    )
    status = status_of(
        scene(found=found, tracks=(TRACK,) * many), CAMERA, BUS, number=1, frames_per_s=1, has_picture=False
    )

    assert len(status["boxes"]) == len(status["tracks"]) == MOST_LISTED


@pytest.mark.parametrize(("yaw_deg", "is_same"), [(0.0, True), (0.9, True), (-0.9, True), (1.2, False), (-4.0, False)])
def test_camera_that_looks_aside_is_told(yaw_deg: float, *, is_same: bool) -> None:
    status = told(scene(horizon=horizon(yaw_deg=yaw_deg)))

    assert status["turn"] == {"yaw_deg": yaw_deg, "configured_deg": 0.0, "is_as_configured": is_same}


def test_horizon_that_is_not_trusted_brings_no_advice() -> None:
    status = told(scene(horizon=horizon(is_trusted=False)))

    assert status["aim"] is None
    assert status["turn"] is None
