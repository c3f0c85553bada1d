"""A camera that looks at the driver. Its pictures end here: only what the eyes and hands do leaves."""

from collections.abc import Iterator
from typing import Protocol

from edge_agent.readings import EyesReading, FrameReading, Reading, Source


class Eyes(Protocol):
    """Finds the eyes of who is in a picture."""

    def look(self, frame: FrameReading) -> EyesReading:
        """What the eyes do; nothing of what is not seen."""
        ...


class DriverCameraSource:
    """Yields what the eyes do; never a picture."""

    is_live = True

    def __init__(self, camera: Source, eyes: Eyes) -> None:
        self._camera, self._eyes = camera, eyes

    def readings(self) -> Iterator[Reading]:
        for frame in self._camera.readings():
            if isinstance(frame, FrameReading):
                yield self._eyes.look(frame)
