"""Map matching: how many points of a track lie on the right segment. `python -m benchmarks.matching --json FILE`.

Buses of the simulator's town drive their lines; on an OpenStreetMap extract (`--roads`) they drive random ways. The
receiver's error is the simulator's, with a wander of 5 m that forgets itself in a minute. The peer, in the same run,
is the nearest segment.
"""

import argparse
import csv
import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.record import result_file
from cloud.roads.files import open_roads
from cloud.roads.geojson import read_roads
from cloud.roads.matching import Position, match_track
from cloud.roads.model import JoinedRoad
from cloud.roads.network import Lane, Network, NetworkSegment
from cloud.roads.plane import map_around
from cloud.roads.segments import cut
from simulator.city import make_town, roads_geojson
from simulator.gnss import Gnss, GnssQuality
from simulator.plane import Plane, ahead, heading_deg
from simulator.route import LANE_OFFSET_M, Motion, Pose, make_lines

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
SPEED_MPS = 8.0
QUALITY = GnssQuality(wander_m=5.0, wander_s=60.0)
NEAR_END_M = 10.0  # two sigma: so near to where a segment ends, the receiver may be over the end


@dataclass(frozen=True, kw_only=True)
class TruePoint:
    """Where a bus really was."""

    segment: int
    way: int
    driven_m: float
    pose: Pose


@dataclass(frozen=True, kw_only=True)
class Score:
    """Shares of points."""

    points: int
    on_right_segment: float
    on_right_segment_or_its_end: float
    in_right_direction: float
    nearest_segment: float
    points_per_s: float


def network_of(roads: Iterator[JoinedRoad]) -> Network:
    """All segments of a network."""
    segments = [
        NetworkSegment(id=segment.id, line=segment.line, is_oneway=joined.road.is_oneway)
        for joined in roads
        for segment in cut(joined)
    ]
    return Network(segments, map_around(np.array([place for segment in segments for place in segment.line])))


def town_drive(network: Network, plane: Plane, line_number: int, *, seconds: int) -> list[TruePoint]:
    """Drive a line of the simulator's town; the truth is the segment under the undisturbed path."""
    motion = Motion(make_lines(make_town(7), line_number + 1)[line_number])
    poses = [motion.pose(float(second)) for second in range(seconds)]
    degrees = np.array([plane.lon_lat(pose.spot) for pose in poses])
    feet = network.feet(network.to_metres(degrees), np.full(len(poses), 12.0))
    points: list[TruePoint] = []
    for pose, found in zip(poses, feet, strict=True):
        aligned = [foot for foot in found if _off_deg(foot.heading_deg, pose.heading_deg) < 45]  # noqa: PLR2004
        if aligned:
            foot = min(aligned, key=lambda foot: foot.distance_m)
            points.append(TruePoint(segment=foot.lane.segment, way=foot.lane.way, driven_m=foot.driven_m, pose=pose))
    return points


def random_drive(network: Network, plane: Plane, rng: random.Random, *, seconds: int) -> list[TruePoint]:
    """Drive at random over a network, without turning round, right of the middle of each two-way road."""
    lane = Lane(rng.randrange(len(network.segments)), 1)
    points: list[TruePoint] = []
    driven_m = 0.0
    while len(points) < seconds:
        while driven_m > network.lengths_m[lane.segment]:
            driven_m -= network.lengths_m[lane.segment]
            following = list(network.following(lane))
            if not following:
                return points
            lane = rng.choice(following)
        points.append(_point(network, plane, lane, driven_m))
        driven_m += SPEED_MPS
    return points


def _point(network: Network, plane: Plane, lane: Lane, driven_m: float) -> TruePoint:
    segment = network.segments[lane.segment]
    line = segment.line if lane.way == 1 else segment.line[::-1]
    spots = [plane.spot(lon=lon, lat=lat) for lon, lat in line]
    rest_m = driven_m
    before, after = spots[-2], spots[-1]
    for before, after in pairwise(spots):
        if rest_m <= math.dist(before, after):
            break
        rest_m -= math.dist(before, after)
    heading = heading_deg(before, after)
    spot = ahead(before, heading=heading, forward_m=rest_m, right_m=0.0 if segment.is_oneway else LANE_OFFSET_M)
    pose = Pose(spot=spot, heading_deg=heading, speed_mps=SPEED_MPS, along_m=0.0, lap=0)
    return TruePoint(segment=lane.segment, way=lane.way, driven_m=driven_m, pose=pose)


def receive(points: Sequence[TruePoint], plane: Plane, seed: int) -> list[tuple[TruePoint, Position]]:
    """What the receiver says, with its gaps."""
    gnss = Gnss(plane=plane, rng=np.random.default_rng(seed), quality=QUALITY)
    received: list[tuple[TruePoint, Position]] = []
    for second, point in enumerate(points):
        fix = gnss.fix(point.pose, at=AT + timedelta(seconds=second), elapsed_s=1.0)
        if fix is not None:
            position = Position(
                at=fix.at, lon=fix.lon, lat=fix.lat, accuracy_m=fix.accuracy_m, heading_deg=fix.heading_deg
            )
            received.append((point, position))
    return received


def score(network: Network, drives: Sequence[list[tuple[TruePoint, Position]]]) -> Score:
    """Match all drives and compare with the truth."""
    right = near = way = nearest = count = 0
    spent_s = 0.0
    for drive in drives:
        positions = [position for _, position in drive]
        begin_s = time.perf_counter()
        matched = match_track(positions, network)
        spent_s += time.perf_counter() - begin_s
        peers = _nearest(positions, network)
        for (point, _), found, peer in zip(drive, matched, peers, strict=True):
            count += 1
            nearest += peer == point.segment
            if found is None:
                continue
            is_right = found.segment_id == network.segments[point.segment].id
            right += is_right
            way += is_right and found.way == point.way
            near += is_right or _is_over_the_end(point, found.segment_id, network)
    return Score(
        points=count,
        on_right_segment=right / count,
        on_right_segment_or_its_end=near / count,
        in_right_direction=way / max(1, right),
        nearest_segment=nearest / count,
        points_per_s=count / spent_s,
    )


def _is_over_the_end(point: TruePoint, segment_id: str, network: Network) -> bool:
    """Whether it is a neighbour, and the bus was near the end."""
    if min(point.driven_m, network.lengths_m[point.segment] - point.driven_m) > NEAR_END_M:
        return False
    lanes = (Lane(point.segment, 1), Lane(point.segment, -1))
    ids = {network.segments[each.segment].id for lane in lanes for each in network.following(lane)}
    return segment_id in ids


def _nearest(positions: Sequence[Position], network: Network) -> list[int | None]:
    places = network.to_metres(np.array([(position.lon, position.lat) for position in positions]))
    feet = network.feet(places, np.full(len(positions), 60.0))
    return [min(found, key=lambda foot: foot.distance_m).lane.segment if found else None for found in feet]


def _off_deg(first_deg: float, second_deg: float) -> float:
    return abs((first_deg - second_deg + 180) % 360 - 180)


def shanghai(folder: Path) -> dict[str, float]:
    """Match real positions of one bus with its own line: how many lie within 100 m, and how far off the median is."""
    roads = read_roads(folder / "line.geojson")
    network = network_of(JoinedRoad(road=road) for road in roads)
    with (folder / "gps.csv").open() as file:
        rows = list(csv.DictReader(file))
    positions = [
        Position(
            at=datetime.fromisoformat(row["time_local"]).replace(tzinfo=UTC),
            lon=float(row["lon"]),
            lat=float(row["lat"]),
            accuracy_m=20.0,
        )
        for row in rows
    ]
    matched = match_track(positions, network)
    apart_m = sorted(found.distance_m for found in matched if found is not None)
    return {
        "positions": len(positions),
        "matched": len(apart_m),
        "median_distance_m": apart_m[len(apart_m) // 2] if apart_m else math.nan,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=result_file)
    parser.add_argument("--drives", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=600)
    data = os.environ.get("BUSENSE_DATA")
    parser.add_argument("--roads", type=Path, default=Path(data) / "city" / "porto.osm.pbf" if data else None)
    arguments = parser.parse_args()
    result: dict[str, object] = {}

    town = make_town(7)
    path = Path(f"/tmp/busense-matching-{os.getpid()}.geojson")  # noqa: S108
    path.write_text(json.dumps(roads_geojson(town)))
    network = network_of(open_roads(path)[1])
    path.unlink()
    drives = [
        receive(town_drive(network, town.plane, number % 5, seconds=arguments.seconds), town.plane, number)
        for number in range(5)
    ]
    result["town"] = asdict(score(network, drives))
    print("town", json.dumps(result["town"]))
    if arguments.roads:
        network = network_of(open_roads(arguments.roads)[1])
        lon, lat = network.segments[0].line[0]
        plane = Plane(origin_lon=lon, origin_lat=lat)
        rng = random.Random(1)
        ways: list[list[TruePoint]] = []
        while len(ways) < arguments.drives:
            points = random_drive(network, plane, rng, seconds=arguments.seconds)
            ways += [points] if len(points) > 60 else []  # noqa: PLR2004
        drives = [receive(points, plane, number) for number, points in enumerate(ways)]
        result[arguments.roads.name] = asdict(score(network, drives))
        print(arguments.roads.name, json.dumps(result[arguments.roads.name]))
    if data:
        result["shanghai-71"] = shanghai(Path(data) / "city" / "shanghai-71")
        print("shanghai-71", json.dumps(result["shanghai-71"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
