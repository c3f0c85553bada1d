"""How far the places of damage are off, and whether the agent knows it: simulated passes with every error thrown.

One thing lies on a straight road; a bus drives over it with a receiver, a clock, a mounting and a detector that are all
a little wrong. The second part mounts the camera askew and lets the drawn road correct it.

    python -m benchmarks.position [--passes 400] [--json FILE]
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np

from benchmarks.drives import BEGIN, FIXES_PER_S
from benchmarks.record import result_file
from edge_agent.ego import EgoState, EgoTrack, offset_between, step_between
from edge_agent.errors import AboveHorizonError
from edge_agent.readings import FrameReading, GnssReading
from edge_agent.scenarios.road_damage.look import Look, look_at
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.scenarios.road_damage.tracker import Tracker
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import CameraModel, GroundErrors, RoadPoint, pixel_on_road, road_in_image
from edge_agent.vision.horizon import HorizonFinder
from edge_agent.vision.view import view_of
from simulator.drawn import draw_frame
from simulator.frames import DRAWN_CAMERA
from simulator.gnss import Gnss, GnssQuality
from simulator.plane import Plane, Spot, ahead
from simulator.route import Pose

PLANE: Final = Plane(origin_lon=120.4, origin_lat=27.5)
PERFECT: Final = GnssQuality(wander_m=0.01, jitter_m=0.0, speed_mps=0.0, heading_deg=0.0, gaps_per_hour=0.0)
PLAIN: Final = GnssQuality(gaps_per_hour=0.0)
FRAMES_PER_S: Final = 6.0
THING_M: Final = 45.0
GOAL_M: Final = 0.5
GOAL_SHARE: Final = 0.63, 0.73


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """How far one place was off, and what the agent said of it."""

    along_m: float
    across_m: float
    along_sigma_m: float
    across_sigma_m: float
    distance_m: float

    @property
    def metres(self) -> float:
        return math.hypot(self.along_m, self.across_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is really so in one pass, where the agent believes otherwise."""

    camera: CameraModel
    clock_s: float
    heading_bias_deg: float
    heading_deg: float
    speed_mps: float
    right_m: float
    length_m: float
    width_m: float

    def pose(self, at_s: float) -> Pose:
        along_m = self.speed_mps * at_s
        spot = ahead(Spot(0.0, 0.0), heading=self.heading_deg, forward_m=along_m)
        return Pose(spot=spot, heading_deg=self.heading_deg, speed_mps=self.speed_mps, along_m=along_m, lap=0)

    @property
    def place(self) -> tuple[float, float]:
        return PLANE.lon_lat(ahead(Spot(0.0, 0.0), heading=self.heading_deg, forward_m=THING_M, right_m=self.right_m))


def thrown(rng: np.random.Generator, errors: GroundErrors) -> World:
    return World(
        camera=replace(
            DRAWN_CAMERA,
            pitch_deg=DRAWN_CAMERA.pitch_deg + rng.normal(0, errors.pitch_deg),
            height_m=DRAWN_CAMERA.height_m * (1 + rng.normal(0, errors.height_share)),
        ),
        clock_s=float(rng.normal(0, errors.time_s)),
        heading_bias_deg=float(rng.normal(0, errors.heading_deg)),
        heading_deg=float(rng.uniform(0, 360)),
        speed_mps=float(rng.uniform(4, 13)),
        right_m=float(rng.uniform(-2.5, 2.5)),
        length_m=float(rng.uniform(0.4, 3.0)),
        width_m=float(rng.uniform(0.3, 1.5)),
    )


def seen_box(world: World, near_m: float, rng: np.random.Generator, errors: GroundErrors) -> Box | None:
    """Box of the thing with its errors, or None where it is not wholly in the frame."""
    corners = [
        (near_m + forward, world.right_m + aside)
        for forward in (0.0, world.length_m)
        for aside in (-world.width_m / 2, world.width_m / 2)
    ]
    try:
        u, v = np.array([road_in_image(world.camera, RoadPoint(forward_m=f, right_m=r)) for f, r in corners]).T
    except AboveHorizonError:
        return None
    # The foot is the middle of the near edge: what lies aside leans in the picture.
    foot_u, _ = road_in_image(world.camera, RoadPoint(forward_m=near_m, right_m=world.right_m))
    half = (u.max() - u.min()) / 2
    box = np.array([foot_u - half, v.min(), foot_u + half, v.max()])
    camera = world.camera
    if u.min() < 0 or u.max() > camera.width_px or v.max() > camera.height_px - 4 or near_m > camera.forward_m + 20:
        return None
    side = np.tile(box[2:] - box[:2], 2)
    sigma = np.hypot(errors.edge_share * camera.height_px, errors.side_share * side)
    return (box + rng.normal(0, 1, 4) * sigma).astype(np.float32)


def states(world: World, quality: GnssQuality, rng: np.random.Generator) -> Iterator[tuple[float, EgoState]]:
    """Time and believed state of each frame; a frame's clock differs from the receiver's."""
    gnss, track, next_fix_s = Gnss(plane=PLANE, rng=rng, quality=quality), EgoTrack(), 0.0
    for number in range(int(THING_M / world.speed_mps * FRAMES_PER_S)):
        frame_s = (number + 2) / FRAMES_PER_S
        while next_fix_s <= frame_s + 1 / FIXES_PER_S:
            fix = gnss.fix(world.pose(next_fix_s), at=BEGIN + timedelta(seconds=next_fix_s), elapsed_s=1 / FIXES_PER_S)
            if fix is not None:
                track.add(_biased(fix, world.heading_bias_deg))
            next_fix_s += 1 / FIXES_PER_S
        ego = track.state_at(BEGIN + timedelta(seconds=frame_s))
        if ego is not None:
            yield frame_s, ego


def _biased(fix: GnssReading, bias_deg: float) -> GnssReading:
    return fix if fix.heading_deg is None else replace(fix, heading_deg=(fix.heading_deg + bias_deg) % 360)


def one_pass(
    world: World, quality: GnssQuality, rng: np.random.Generator, errors: GroundErrors
) -> tuple[list[Look], list[Track]]:
    """The looks of a pass, and what the tracker made of them."""
    view = view_of(DRAWN_CAMERA)
    tracker = Tracker(DRAWN_CAMERA, near_m=view.near_m, far_m=view.far_m)
    image = np.zeros((2, 2, 3), np.uint8)
    seen, told, before = list[Look](), list[Track](), None
    for frame_s, ego in states(world, quality, rng):
        if before is not None:
            told += tracker.move(step_between(before, ego), speed_mps=ego.speed_mps)
        before = ego
        box = seen_box(world, THING_M - world.pose(frame_s + world.clock_s).along_m, rng, errors)
        frame = FrameReading(at=ego.at, camera_id="front", image=image)
        look = (
            None
            if box is None
            else look_at(frame, box, class_code="D40", confidence=0.7, ego=ego, camera=DRAWN_CAMERA, errors=errors)
        )
        looks = [] if look is None else [look]
        tracker.see(looks)
        seen += looks
    return seen, told + tracker.end()


def miss(world: World, *, lon: float, lat: float, along_m: float, across_m: float, distance_m: float) -> Miss:
    true_lon, true_lat = world.place
    off = offset_between(lon=true_lon, lat=true_lat, to_lon=lon, to_lat=lat)
    angle = math.radians(world.heading_deg)
    return Miss(
        along_m=off.north_m * math.cos(angle) + off.east_m * math.sin(angle),
        across_m=off.east_m * math.cos(angle) - off.north_m * math.sin(angle),
        along_sigma_m=along_m,
        across_sigma_m=across_m,
        distance_m=distance_m,
    )


def miss_of_look(world: World, look: Look) -> Miss:
    ground = look.ground
    return miss(
        world,
        lon=ground.lon,
        lat=ground.lat,
        along_m=ground.along_m,
        across_m=ground.across_m,
        distance_m=ground.distance_m,
    )


def miss_of_track(world: World, track: Track) -> Miss:
    place = track.place
    return miss(
        world,
        lon=place.lon,
        lat=place.lat,
        along_m=place.along_m,
        across_m=place.across_m,
        distance_m=track.best.ground.distance_m,
    )


def drive_all(quality: GnssQuality, *, passes: int, seed: int) -> dict[str, float]:
    """Numbers of many passes."""
    errors, looks, tracks, sizes, told = GroundErrors(), list[Miss](), list[Miss](), list[float](), 0
    for number in range(passes):
        rng = np.random.default_rng((seed, number))
        world = thrown(rng, errors)
        seen, found = one_pass(world, quality, rng, errors)
        looks += [miss_of_look(world, look) for look in seen]
        tracks += [miss_of_track(world, track) for track in found]
        told += len(found)
        measured = [track.measured for track in found if track.measured is not None]
        sizes += [look.size.length_m / world.length_m - 1 for look in measured if look.size is not None]
    near = [each for each in looks if each.distance_m <= 15.0]  # noqa: PLR2004
    return {
        "passes": passes,
        "observations": told,
        "median_m_single_looks_up_to_15_m": float(np.median([each.metres for each in near])),
        "median_m": float(np.median([each.metres for each in tracks])),
        "along_within_one_sigma": within(tracks, "along"),
        "across_within_one_sigma": within(tracks, "across"),
        "single_looks_along_within_one_sigma": within(near, "along"),
        "single_looks_across_within_one_sigma": within(near, "across"),
        "length_off_median_share": float(np.median(np.abs(sizes))),
    }


def within(misses: list[Miss], axis: str) -> float:
    held = [abs(getattr(each, f"{axis}_m")) <= getattr(each, f"{axis}_sigma_m") for each in misses]
    return sum(held) / max(len(held), 1)


def askew(*, pitch_deg: float, yaw_deg: float, seed: int) -> dict[str, float]:
    """A camera mounted wrongly: what the horizon makes of it on drawn roads, and what that means at 12 m."""
    real = replace(DRAWN_CAMERA, pitch_deg=DRAWN_CAMERA.pitch_deg + pitch_deg, yaw_deg=yaw_deg)
    finder = HorizonFinder(DRAWN_CAMERA)
    for number in range(30):
        at_s = number * 0.5
        image, _ = draw_frame(real, [], seed=seed, along_m=8.0 * at_s)
        lon, lat = PLANE.lon_lat(Spot(0.0, 8.0 * at_s))
        at = BEGIN + timedelta(seconds=at_s)
        finder.look(image, EgoState(at=at, lon=lon, lat=lat, speed_mps=8.0, heading_deg=0.0, accuracy_m=2.0))
    corrected = finder.corrected()
    truth = RoadPoint(forward_m=12.0, right_m=1.0)
    u_px, v_px = road_in_image(real, truth)
    return {
        "pitch_off_deg": pitch_deg,
        "yaw_off_deg": yaw_deg,
        "pitch_left_deg": corrected.pitch_deg - real.pitch_deg,
        "yaw_left_deg": corrected.yaw_deg - real.yaw_deg,
        "off_at_12_m_before": apart_m(DRAWN_CAMERA, truth, u_px, v_px),
        "off_at_12_m_after": apart_m(corrected, truth, u_px, v_px),
    }


def apart_m(camera: CameraModel, truth: RoadPoint, u_px: float, v_px: float) -> float:
    found = pixel_on_road(camera, u_px=u_px, v_px=v_px)
    return math.hypot(found.forward_m - truth.forward_m, found.right_m - truth.right_m)


def goal(name: str) -> str:
    if "single" in name and "within" in name:
        return "for comparison"
    if "within" in name:
        return "goal {:.2f} to {:.2f}".format(*GOAL_SHARE)
    return f"goal {GOAL_M} with a perfect receiver" if "median_m" in name else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=result_file)
    arguments = parser.parse_args()
    result: dict[str, object] = {}
    for name, quality in (("perfect receiver", PERFECT), ("plain receiver", PLAIN)):
        numbers = drive_all(quality, passes=arguments.passes, seed=arguments.seed)
        result[name] = numbers
        print(name, *(f"  {key:42} {value:8.3f}  {goal(key)}" for key, value in numbers.items()), "", sep="\n")
    rows = [
        askew(pitch_deg=pitch, yaw_deg=yaw, seed=seed)
        for seed, (pitch, yaw) in enumerate([(0.0, 0.0), (2.0, -1.5), (-3.0, 2.0), (1.0, 3.0)])
    ]
    result["camera askew"] = rows
    print("camera mounted askew, corrected by the horizon of drawn roads")
    for row in rows:
        print("  " + "  ".join(f"{key} {value:.2f}" for key, value in row.items()))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
