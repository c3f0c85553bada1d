"""The newest scene, kept for who looks; drawn only when somebody does."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from edge_agent.errors import PictureError
from edge_agent.preview.draw import Sketch
from edge_agent.preview.status import AimStatus, BusStatus, Status, aim_status, status_of
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.privacy import Privacy
from edge_agent.vision.quality import judge_frame
from edge_agent.watch import Scene
from wire.messages import Unusable

WIDTH_PX: Final = 960
QUALITY: Final = 75
RATE_OVER: Final = 20  # frames


class Preview:
    """Between the agent, which shows scenes, and the page, which asks for them from threads of its own."""

    def __init__(self, camera: CameraModel, *, privacy: Privacy | None, bus: Callable[[], BusStatus]) -> None:
        """Without `privacy` no picture is ever shown: it could not be blurred."""
        self._camera = camera
        self._sketch = Sketch(camera=camera, width_px=WIDTH_PX, has_band=True)
        self._privacy = privacy
        self._bus = bus
        self._changed = threading.Condition()
        self._scene: Scene | None = None
        self._number = 0
        self._shown_s: deque[float] = deque(maxlen=RATE_OVER)
        self._drawing = threading.Lock()
        self._drawn: tuple[int, bytes] | None = None

    def show(self, scene: Scene) -> None:
        """Take the place of the scene before; costs nothing."""
        with self._changed:
            self._scene = scene
            self._number += 1
            self._shown_s.append(time.monotonic())
            self._changed.notify_all()

    def status(self, *, after: int, timeout_s: float) -> Status | None:
        """State of the newest scene once its number is above `after`; None when there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after, timeout_s)
            scene, number, rate = self._scene, self._number, self._frames_per_s()
        if scene is None or number <= after:
            return None
        return status_of(
            _judged(scene),
            self._camera,
            self._bus(),
            number=number,
            frames_per_s=rate,
            has_picture=self._privacy is not None,
        )

    def aim(self, *, horizon_share: float) -> AimStatus:
        """Advice for a horizon that a person has pointed at, as a share of the frame's height."""
        return aim_status(self._camera, horizon_px=horizon_share * self._camera.height_px)

    def jpeg(self) -> bytes:
        """The newest frame, blurred, with everything drawn on it.

        Raises:
            PictureError: there is no frame yet, or it cannot be proven to be blurred.
        """
        with self._drawing:
            with self._changed:
                scene, number = self._scene, self._number
            if scene is None:
                raise PictureError("no frame has come yet")
            if self._drawn is None or self._drawn[0] != number:
                self._drawn = number, self._draw(scene)
            return self._drawn[1]

    def _draw(self, scene: Scene) -> bytes:
        picture = self._sketch.draw(scene, self._blurred(scene.frame.image))
        is_done, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not is_done:
            raise PictureError("the frame cannot be encoded")
        return content.tobytes()

    def _blurred(self, image: Image) -> Image:
        if self._privacy is None:
            raise PictureError("the models that blur faces and plates are missing: no picture is shown")
        content = np.frombuffer(self._privacy.blurred(image).content, np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
        if picture is None:
            raise PictureError("the blurred frame cannot be read")
        return picture.astype(np.uint8, copy=False)

    def _frames_per_s(self) -> float:
        times = self._shown_s
        passed_s = time.monotonic() - times[0] if times else 0.0
        return (len(times) - 1) / passed_s if passed_s > 0 else 0.0


def _judged(scene: Scene) -> Scene:
    """Judge a frame that nobody judged since its place is unknown: a camera is mounted in a hall, without a fix."""
    if scene.verdict is not Unusable.NO_POSITION:
        return scene
    return replace(scene, verdict=judge_frame(scene.frame.image))
