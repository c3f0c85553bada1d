from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from edge_agent.readings import EyesReading, FrameReading, GnssReading, Reading
from edge_agent.sources.driver_camera import DriverCameraSource

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@dataclass
class Recorded:
    items: list[Reading]
    is_live: bool = True

    def readings(self) -> Iterator[Reading]:
        yield from self.items


class HalfOpen:
    def look(self, frame: FrameReading) -> EyesReading:
        return EyesReading(at=frame.at, openness=0.5, away_deg=None)


def test_pictures_go_in_and_only_what_the_eyes_do_comes_out() -> None:
    frame = FrameReading(at=AT, camera_id="driver", image=np.zeros((48, 64, 3), np.uint8))
    fix = GnssReading(at=AT, lon=0, lat=0, speed_mps=0, heading_deg=0, accuracy_m=1)
    seen = list(DriverCameraSource(Recorded([frame, fix]), HalfOpen()).readings())
    assert seen == [EyesReading(at=AT, openness=0.5, away_deg=None)]
