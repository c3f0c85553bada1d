"""The real agent on an invented road, in a process that may be killed: `… CONFIG TRUTH [drain]`.

Each message that the pipeline was told to be kept is written to TRUTH before the next one is made. With `drain`
nothing is seen any more, and the process ends when the cloud has everything.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.agent import Agent
from edge_agent.config import load_config
from edge_agent.ego import moved
from edge_agent.readings import FrameReading, GnssReading, Reading
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from tests.unit.edge_agent.scenes import LAT, LON, MODEL, moving_road

PACE_S = 0.03  # for a second of the drive, so that the clock's mark stays within bounds


class EndlessRoad:
    """Straight north, for ever."""

    is_live = False

    def readings(self) -> Iterator[Reading]:
        start = datetime.now(UTC)
        tick = 0
        while True:
            at = start + timedelta(seconds=tick)
            lon, lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=10.0 * tick, right_m=0)
            yield GnssReading(at=at, lon=lon, lat=lat, speed_mps=10, heading_deg=0, accuracy_m=2)
            yield FrameReading(at=at, camera_id="front", image=moving_road(tick))
            tick += 1
            time.sleep(PACE_S)


class Blind(FromWhole):
    """Sees nothing; coverage, positions and health are messages enough."""

    model = MODEL

    def detect(self, image: object) -> Detections:
        return no_detections()


def main() -> None:
    config, truth = load_config(Path(sys.argv[1])), Path(sys.argv[2])
    is_drain = sys.argv[3:] == ["drain"]
    logging.basicConfig(level=logging.INFO)
    words = logging.FileHandler(truth)
    words.addFilter(lambda record: record.msg.startswith("message_kept"))
    logger = logging.getLogger("edge_agent.agent")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(words)
    agent = Agent(config, sources=[] if is_drain else [EndlessRoad()], detector=Blind())
    if is_drain:
        is_stored = agent.wait_until_stored(90)
        agent.close()
        sys.exit(0 if is_stored else 1)
    agent.run(threading.Event())


if __name__ == "__main__":
    main()
