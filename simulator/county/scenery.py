"""What cameras see of a county in its weather: drawn pictures, altered as photos were for the measured rates."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edge_agent.vision.ground import CameraModel
from simulator.altered import ALTERED
from simulator.county.told import QUALITIES
from simulator.county.weather import Weather
from simulator.frames import Look, Scenery
from simulator.route import Line, Pose

STAYS_S: Final = 4.0  # a drop on the pane, or how a hand-held light falls


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatheredScenery:
    """A scenery under the county's sky."""

    clear: Scenery
    weather: Weather
    seed: int
    now_s: Callable[[], float]  # seconds since the county's first midnight

    @property
    def camera(self) -> CameraModel:
        return self.clear.camera

    def look(self, line: Line, pose: Pose, *, cheap: bool) -> Look:
        """The picture as this hour's rain, fog and light leave it."""
        look, at_s = self.clear.look(line, pose, cheap=cheap), self.now_s()
        qualities, _ = self.weather.view(np.array([at_s]), np.array([pose.heading_deg]))
        quality = QUALITIES[int(qualities[0])]
        if quality == "good":
            return look
        rng = np.random.default_rng((self.seed, 21, int(at_s // STAYS_S)))
        return replace(look, image=ALTERED[quality](look.image, rng), quality=quality)
