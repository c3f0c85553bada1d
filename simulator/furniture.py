"""Street furniture of a town: what stands where, what becomes of it, and a detector that sees it as well as assumed.

Nobody has a model for these kinds within reach, and no labelled pictures to measure one on: the rates here are made up,
as those of the cloud's kinds.toml are. What comes out says how the rules do by such rates, not how a camera does.
"""

import hashlib
import json
import math
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from edge_agent.vision.ground import CameraModel
from simulator.plane import Plane, ahead, distance_m
from simulator.route import Line, Pose
from simulator.truth import straight_places
from wire.messages import ModelVersion

MANIFEST: Final = Path(__file__).with_name("furniture.toml")  # what the classes of the detector below mean
GAP_M: Final = (18.0, 30.0)
KERB_M: Final = (2.8, 4.2)  # right of the bus's path
ON_ROAD_M: Final = 1.2
LISTED: Final = 5  # of so many things one is not on the county's list: buses learn it
GOES_S: Final = (2.0, 20.0)  # after the buses drove off
TREE_S: Final = 35.0  # in which a tree grows over a sign; a year in a town
LEAVES: Final = 0.1  # of what shows of it then
PARKED_S: Final = 35.0
FARTHEST_M, NEAREST_M = 19.0, 3.5
SMALLEST_PX: Final = 6.0
HIT_IN_PASS: Final = 0.9
HIT_IN_FRAME: Final = 0.85
FALSE_PER_KM: Final = 0.3
HIT_CONFIDENCE, FALSE_CONFIDENCE = (9.0, 4.0), (4.0, 5.0)  # beta distributions
STRETCH_M: Final = 50.0  # false alarms are thrown per stretch of this length
NEAR_M: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How large a kind is, and how high its lower edge hangs."""

    width_m: float
    height_m: float
    over_m: float = 0.0
    length_m: float = 0.0  # of what lies flat on the road


FORMS: Final[Mapping[str, _Form]] = {
    "SIGN": _Form(width_m=0.8, height_m=0.8, over_m=1.9),
    "RAIL": _Form(width_m=1.5, height_m=0.8),
    "POLE": _Form(width_m=0.35, height_m=4.0),
    "D50": _Form(width_m=0.8, height_m=0.0, length_m=0.8),
    "HYDRANT": _Form(width_m=0.45, height_m=0.8),
    "BIN": _Form(width_m=0.6, height_m=1.0),
}
_SHARES: Final = (0.4, 0.1, 0.15, 0.15, 0.1, 0.1)


class Fate(StrEnum):
    """What becomes of a thing."""

    STANDS = "stands"
    GOES = "goes"  # stolen, knocked over, washed away
    OVERGROWN = "overgrown"  # a tree grows over it
    PARKED = "parked"  # a truck stands before it for a while: nothing is the matter with it


_FATES: Final = {1: Fate.GOES, 5: Fate.OVERGROWN, 9: Fate.GOES, 13: Fate.PARKED}
_FATES_REPEAT: Final = 16  # of so many things one each


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One thing beside a line."""

    id: str
    kind: str
    lon: float
    lat: float
    heading_deg: float  # of the lane
    line_id: str
    along_m: float
    right_m: float
    fate: Fate
    from_s: float  # when it befalls
    is_listed: bool

    @property
    def problem(self) -> str | None:
        """What the cloud should say of it, once it has befallen."""
        return {Fate.GOES: "missing", Fate.OVERGROWN: "hidden"}.get(self.fate)


def make_fixtures(lines: Sequence[Line], *, plane: Plane, seed: int) -> tuple[Fixture, ...]:
    """Things along the lines, the same for the same seed."""
    made: list[Fixture] = []
    for number, line in enumerate(lines):
        rng = np.random.default_rng((seed, 9, number))
        for along_m in straight_places(line, rng=rng, gap_m=GAP_M):
            made.append(_fixture(rng, line, plane=plane, along_m=along_m, number=len(made)))
    return tuple(made)


def _fixture(rng: np.random.Generator, line: Line, *, plane: Plane, along_m: float, number: int) -> Fixture:
    kind = str(rng.choice(list(FORMS), p=_SHARES))
    right_m = float(rng.uniform(-ON_ROAD_M, ON_ROAD_M) if kind == "D50" else rng.uniform(*KERB_M))
    spot, heading = line.place(along_m)
    lon, lat = plane.lon_lat(ahead(spot, heading=heading, forward_m=0.0, right_m=right_m))
    fate = _FATES.get(number % _FATES_REPEAT, Fate.STANDS)
    return Fixture(
        id=f"thing-{number}",
        kind=kind,
        lon=round(lon, 7),
        lat=round(lat, 7),
        heading_deg=round(heading, 2),
        line_id=line.id,
        along_m=round(along_m, 2),
        right_m=round(right_m, 2),
        fate=fate,
        from_s=round(float(rng.uniform(*GOES_S)), 1),
        is_listed=fate is not Fate.STANDS or number % LISTED != 0,
    )


def fixtures_geojson(fixtures: Sequence[Fixture]) -> dict[str, Any]:
    """The county's list of those that stand on it."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": each.id,
                "geometry": {"type": "Point", "coordinates": [each.lon, each.lat]},
                "properties": {"kind": each.kind, "faces_deg": (each.heading_deg + 180.0) % 360.0, "accuracy_m": 1.0},
            }
            for each in fixtures
            if each.is_listed
        ],
    }


def _not_yet() -> float:
    return 0.0


@dataclass(slots=True)
class Fixtures:
    """All of them as they are now. Time stands still until `begin`."""

    all: tuple[Fixture, ...] = ()
    _elapsed_s: Callable[[], float] = _not_yet
    _restored: dict[str, float] = field(default_factory=dict[str, float])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, elapsed_s: Callable[[], float]) -> None:
        """Let the simulation's time count."""
        self._elapsed_s = elapsed_s

    def on_line(self, line_id: str) -> tuple[Fixture, ...]:
        """Those beside a line."""
        return tuple(each for each in self.all if each.line_id == line_id)

    def shown(self, fixture: Fixture) -> float:
        """How much of it shows to who looks now."""
        since_s = self._elapsed_s() - fixture.from_s
        if since_s < 0 or fixture.id in self._restored:
            return 1.0
        match fixture.fate:
            case Fate.GOES:
                return 0.0
            case Fate.OVERGROWN:
                return max(LEAVES, 1.0 - since_s / TREE_S)
            case Fate.PARKED:
                return 0.0 if since_s < PARKED_S else 1.0
            case Fate.STANDS:
                return 1.0

    def with_problem_near(self, class_code: str, *, plane: Plane, lon: float, lat: float) -> Fixture | None:
        """A thing near a place with which something of this class is the matter now."""
        place = plane.spot(lon=lon, lat=lat)
        for fixture in self.all:
            is_near = distance_m(place, plane.spot(lon=fixture.lon, lat=fixture.lat)) <= NEAR_M
            is_meant = class_code.startswith(f"{fixture.kind}_") and fixture.problem is not None
            if is_near and is_meant and self.shown(fixture) < 1.0:
                return fixture
        return None

    def restore(self, fixture: Fixture) -> None:
        """Put it up again, or cut the tree."""
        with self._lock:
            self._restored[fixture.id] = self._elapsed_s()

    def told(self) -> list[dict[str, object]]:
        """The truth, for the score."""
        return [
            {
                "kind": each.kind,
                "lon": each.lon,
                "lat": each.lat,
                "problem": each.problem,
                "from_s": each.from_s,
                "is_listed": each.is_listed,
            }
            for each in self.all
        ]


class FurnitureEyes(FromWhole):
    """A `Detector` of the agent that is told what a picture shows."""

    def __init__(self, fixtures: Fixtures, line: Line, *, camera: CameraModel, rng: np.random.Generator) -> None:
        """See what stands beside a line."""
        self._fixtures, self._camera, self._rng = fixtures, camera, rng
        self._beside, self._length_m = fixtures.on_line(line.id), line.length_m
        self._luck: dict[tuple[str, int], float] = {}
        self._phantoms: dict[tuple[int, int], tuple[str, float, float] | None] = {}
        self._shown: dict[int, list[_Seen]] = {}
        made_up = json.dumps([HIT_IN_PASS, HIT_IN_FRAME, FALSE_PER_KM, {k: asdict(f) for k, f in FORMS.items()}])
        sha256 = hashlib.sha256(made_up.encode()).hexdigest()
        self.model = ModelVersion(name="assumed-furniture", version="1.0.0", sha256=sha256)

    def remember(self, image: Image, pose: Pose) -> None:
        """Note what a picture shows, for as long as the picture lives."""
        seen = [*self._things(pose), *self._false_alarms(pose)]
        if seen:
            self._shown[id(image)] = seen
            weakref.finalize(image, self._shown.pop, id(image), None).atexit = False

    def detect(self, image: Image) -> Detections:
        seen = self._shown.get(id(image), [])
        if not seen:
            return no_detections()
        scores = [float(self._rng.beta(*(HIT_CONFIDENCE if each.is_real else FALSE_CONFIDENCE))) for each in seen]
        sides = np.array([each.box for each in seen], np.float32)
        wobble = self._rng.normal(0, 0.04, sides.shape) * np.tile(sides[:, 2:] - sides[:, :2], 2)
        order = np.argsort(scores)[::-1]
        boxes = np.clip(sides + wobble, 0, [self._camera.width_px, self._camera.height_px] * 2).astype(np.float32)
        return Detections(
            boxes=boxes[order],
            confidences=np.array(scores, np.float32)[order],
            class_codes=tuple(seen[int(index)].kind for index in order),
        )

    def _things(self, pose: Pose) -> "Iterator[_Seen]":
        for fixture in self._beside:
            ahead_m = (fixture.along_m - pose.along_m + self._length_m / 2) % self._length_m - self._length_m / 2
            if not NEAREST_M < ahead_m < FARTHEST_M:
                continue
            key = fixture.id, pose.lap + (fixture.along_m < pose.along_m)
            luck = self._luck.setdefault(key, float(self._rng.random()))
            is_seen = luck < HIT_IN_PASS * self._fixtures.shown(fixture) and self._rng.random() < HIT_IN_FRAME
            box = box_of(self._camera, fixture.kind, forward_m=ahead_m, right_m=fixture.right_m) if is_seen else None
            if box is not None:
                yield _Seen(kind=fixture.kind, box=box, is_real=True)

    def _false_alarms(self, pose: Pose) -> "Iterator[_Seen]":
        """Phantoms stand still for one pass."""
        first = int(pose.along_m // STRETCH_M)
        for number in (first, first + 1):
            key = pose.lap, number
            if key not in self._phantoms:
                is_there = self._rng.random() < FALSE_PER_KM * STRETCH_M / 1000
                self._phantoms[key] = self._invented(number) if is_there else None
            phantom = self._phantoms[key]
            if phantom is not None and self._rng.random() < HIT_IN_FRAME:
                kind, along_m, right_m = phantom
                box = box_of(self._camera, kind, forward_m=along_m - pose.along_m, right_m=right_m)
                if box is not None:
                    yield _Seen(kind=kind, box=box, is_real=False)

    def _invented(self, stretch: int) -> tuple[str, float, float]:
        kind = str(self._rng.choice(list(FORMS)))
        return kind, float((stretch + self._rng.random()) * STRETCH_M), float(self._rng.uniform(*KERB_M))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    kind: str
    box: tuple[float, float, float, float]
    is_real: bool


def box_of(
    camera: CameraModel, kind: str, *, forward_m: float, right_m: float
) -> tuple[float, float, float, float] | None:
    """Box of a thing in the picture; None where less than all of it shows, or it is too small."""
    form = FORMS[kind]
    if not NEAREST_M < forward_m < FARTHEST_M:
        return None
    u_px, bottom_px, depth_m = _in_image(camera, forward_m=forward_m, right_m=right_m, up_m=form.over_m)
    _, top_px, _ = _in_image(
        camera, forward_m=forward_m + form.length_m, right_m=right_m, up_m=form.over_m + form.height_m
    )
    half_px = camera.focal_px * form.width_m / depth_m / 2
    box = u_px - half_px, max(top_px, 0.0), u_px + half_px, bottom_px
    is_inside = box[0] >= 0 and box[2] <= camera.width_px and box[3] <= camera.height_px
    return box if is_inside and min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_PX else None


def _in_image(camera: CameraModel, *, forward_m: float, right_m: float, up_m: float) -> tuple[float, float, float]:
    """Pixel (u, v) and depth of a point over the ground; the lens looks straight ahead but for its pitch."""
    pitch, below_m = math.radians(camera.pitch_deg), camera.height_m - up_m
    depth_m = forward_m * math.cos(pitch) + below_m * math.sin(pitch)
    down_m = below_m * math.cos(pitch) - forward_m * math.sin(pitch)
    u_px = camera.width_px / 2 + camera.focal_px * right_m / depth_m
    return u_px, camera.height_px / 2 + camera.focal_px * down_m / depth_m, depth_m
