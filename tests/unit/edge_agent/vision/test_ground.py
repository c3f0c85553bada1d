import math
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edge_agent.ego import EgoState, moved, offset_between
from edge_agent.errors import AboveHorizonError
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import (
    SIGMA_OF_RADIUS_68,
    CameraModel,
    GroundErrors,
    RoadPoint,
    box_foot_on_road,
    footprint_on_road,
    ground_below,
    pixel_on_road,
    rise_deg,
    road_in_image,
    road_to_image,
    size_on_road,
    straight_width_px,
)

CAMERA = CameraModel(width_px=1280, height_px=720, focal_px=1000, height_m=2.4, pitch_deg=8, forward_m=1.0)
EGO = EgoState(at=datetime(2026, 11, 24, tzinfo=UTC), lon=120.4, lat=27.5, speed_mps=10, heading_deg=60, accuracy_m=3)


def box_at(road: RoadPoint, *, half_px: float = 20.0) -> Box:
    u_px, v_px = road_in_image(CAMERA, road)
    return np.array([u_px - half_px, v_px - 30, u_px + half_px, v_px], np.float32)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(
    forward_m=st.floats(2, 60),
    right_m=st.floats(-10, 10),
    pitch_deg=st.floats(0, 40),
    yaw_deg=st.floats(-20, 20),
    roll_deg=st.floats(-10, 10),
    height_m=st.floats(1, 4),
    lens=st.sampled_from([{}, {"k1": -0.3, "k2": 0.1, "p1": 0.001, "p2": -0.002}, {"k1": 0.2}]),
)
def test_road_to_pixel_and_back_is_the_same_place(  # noqa: PLR0917
    forward_m: float,
    right_m: float,
    pitch_deg: float,
    yaw_deg: float,
    roll_deg: float,
    height_m: float,
    lens: dict[str, float],
) -> None:
    camera = replace(CAMERA, pitch_deg=pitch_deg, yaw_deg=yaw_deg, roll_deg=roll_deg, height_m=height_m, **lens)
    try:
        u_px, v_px = road_in_image(camera, RoadPoint(forward_m=forward_m, right_m=right_m))
    except AboveHorizonError:
        assume(False)
        return
    assume(not lens or (0 <= u_px < camera.width_px and 0 <= v_px < camera.height_px))
    assume(-640 < u_px < 1920 and -360 < v_px < 1080)
    back = pixel_on_road(camera, u_px=u_px, v_px=v_px)
    assert back.forward_m == pytest.approx(forward_m, abs=1e-6)
    assert back.right_m == pytest.approx(right_m, abs=1e-6)


def test_a_pixel_straight_down_the_axis_lies_where_the_axis_meets_the_road() -> None:
    road = pixel_on_road(CAMERA, u_px=640, v_px=360)
    assert road.forward_m == pytest.approx(1.0 + 2.4 / math.tan(math.radians(8)))
    assert road.right_m == pytest.approx(0)


@pytest.mark.parametrize("above_px", [0.0, 1.0, 200.0])
def test_nothing_at_or_above_the_horizon_is_on_the_road(above_px: float) -> None:
    with pytest.raises(AboveHorizonError):
        pixel_on_road(CAMERA, u_px=640, v_px=CAMERA.horizon_px - above_px)


def test_a_rolled_camera_sees_the_horizon_tilted_about_its_middle() -> None:
    camera = replace(CAMERA, roll_deg=5)
    far_left, far_right = (road_in_image(camera, RoadPoint(forward_m=1e7, right_m=aside)) for aside in (-3e6, 3e6))
    share = (640 - far_left[0]) / (far_right[0] - far_left[0])
    assert far_left[1] + share * (far_right[1] - far_left[1]) == pytest.approx(camera.horizon_px, abs=0.1)
    assert far_left[1] > far_right[1], "clockwise: the world turns the other way"


@pytest.mark.parametrize("roll_deg", [-8, 0, 5])
@pytest.mark.parametrize("yaw_deg", [-15, 0, 20])
@pytest.mark.parametrize(("forward_m", "right_m"), [(6.0, -2.0), (20.0, 3.0), (1e6, 0.0)])
def test_a_ray_to_the_road_goes_down_as_steeply_as_the_lens_is_high(
    roll_deg: float, yaw_deg: float, forward_m: float, right_m: float
) -> None:
    camera = replace(CAMERA, roll_deg=roll_deg, yaw_deg=yaw_deg)
    u_px, v_px = road_in_image(camera, RoadPoint(forward_m=forward_m, right_m=right_m))
    reach_m = math.hypot(forward_m - camera.forward_m, right_m)
    assert rise_deg(camera, u_px=u_px, v_px=v_px) == pytest.approx(-math.degrees(math.atan(2.4 / reach_m)), abs=1e-6)


def test_a_ray_over_the_horizon_rises() -> None:
    assert rise_deg(CAMERA, u_px=640, v_px=360 - 1000 * math.tan(math.radians(8 + 10))) == pytest.approx(10)


def test_a_place_behind_the_lens_is_not_in_the_picture() -> None:
    with pytest.raises(AboveHorizonError):
        road_in_image(CAMERA, RoadPoint(forward_m=-3, right_m=0))


@pytest.mark.parametrize("heading_deg", [0, 60, 179, 300])
def test_the_foot_of_a_box_lies_where_the_thing_lies(heading_deg: float) -> None:
    ego = replace(EGO, heading_deg=heading_deg)
    ground = box_foot_on_road(box_at(RoadPoint(forward_m=9, right_m=-2)), ego=ego, camera=CAMERA)
    lon, lat = moved(lon=ego.lon, lat=ego.lat, heading_deg=heading_deg, forward_m=9, right_m=-2)
    assert offset_between(lon=lon, lat=lat, to_lon=ground.lon, to_lat=ground.lat).length_m < 0.01
    assert ground.distance_m == pytest.approx(math.sqrt(8**2 + 2**2 + 2.4**2), abs=0.01)


def test_far_things_are_placed_worse_than_near_ones() -> None:
    near, far = (
        box_foot_on_road(box_at(RoadPoint(forward_m=forward, right_m=0)), ego=EGO, camera=CAMERA) for forward in (6, 20)
    )
    assert near.along_m < far.along_m
    assert near.across_m < far.across_m
    assert far.along_m > far.across_m


@pytest.mark.parametrize("forward_m", [6.0, 12.0, 18.0])
def test_the_sigma_agrees_with_errors_thrown_at_random(forward_m: float) -> None:
    errors, rng = GroundErrors(), np.random.default_rng(0)
    truth = RoadPoint(forward_m=forward_m, right_m=1.5)
    box, expected = box_at(truth), box_foot_on_road(box_at(truth), ego=EGO, camera=CAMERA, errors=errors)
    along, across = np.array([_thrown(box, errors, rng) for _ in range(4000)]).T
    # Far away the error is skewed; a first-order sigma is allowed to be off by a fifth.
    assert np.std(along) == pytest.approx(expected.along_m, rel=0.2)
    assert np.std(across) == pytest.approx(expected.across_m, rel=0.2)


def _thrown(box: Box, errors: GroundErrors, rng: np.random.Generator) -> tuple[float, float]:
    """Error along and across of one place with every cause thrown by itself."""
    edges = box + rng.normal(0, errors.edge_share * CAMERA.height_px, 4)
    edges += rng.normal(0, errors.side_share, 4) * np.tile(box[2:] - box[:2], 2)
    u_px, v_px = (edges[0] + edges[2]) / 2, edges[3]
    camera = replace(
        CAMERA,
        pitch_deg=CAMERA.pitch_deg + rng.normal(0, errors.pitch_deg),
        height_m=CAMERA.height_m * (1 + rng.normal(0, errors.height_share)),
    )
    road = pixel_on_road(camera, u_px=float(u_px), v_px=float(v_px))
    receiver_m = EGO.accuracy_m * SIGMA_OF_RADIUS_68
    lon, lat = moved(
        lon=EGO.lon,
        lat=EGO.lat,
        heading_deg=EGO.heading_deg,
        forward_m=rng.normal(0, receiver_m) + EGO.speed_mps * rng.normal(0, errors.time_s),
        right_m=rng.normal(0, receiver_m),
    )
    heading_deg = EGO.heading_deg + rng.normal(0, errors.heading_deg)
    lon, lat = moved(lon=lon, lat=lat, heading_deg=heading_deg, forward_m=road.forward_m, right_m=road.right_m)
    way = offset_between(lon=EGO.lon, lat=EGO.lat, to_lon=lon, to_lat=lat)
    angle = math.radians(EGO.heading_deg)
    along = way.north_m * math.cos(angle) + way.east_m * math.sin(angle)
    return along, way.east_m * math.cos(angle) - way.north_m * math.sin(angle)


def test_a_box_laid_on_the_road_has_its_size() -> None:
    near_left, far_right = RoadPoint(forward_m=7, right_m=-0.5), RoadPoint(forward_m=8, right_m=0.5)
    left, bottom = road_in_image(CAMERA, near_left)
    _, top = road_in_image(CAMERA, far_right)
    size = size_on_road(np.array([left, top, 1280 - left, bottom], np.float32), camera=CAMERA)
    assert size is not None
    assert size.length_m == pytest.approx(1.0, abs=0.01)
    assert size.width_m == pytest.approx(1.07, abs=0.05)
    assert size.area_m2 == pytest.approx(size.length_m * size.width_m)


@pytest.mark.parametrize(
    "box",
    [[600, 500, 700, 719], [600, 100, 700, 500], [600, 230, 700, 500]],
    ids=["cut by the lower edge", "reaches above the horizon", "reaches too far"],
)
def test_what_cannot_be_measured_has_no_size(box: list[float]) -> None:
    assert size_on_road(np.array(box, np.float32), camera=CAMERA) is None


@pytest.mark.parametrize(("yaw_deg", "roll_deg"), [(0, 0), (45, 10), (-60, -10), (60, 30), (80, 3), (90, 0)])
def test_a_size_is_never_negative_however_the_camera_sits(yaw_deg: float, roll_deg: float) -> None:
    aside = replace(CAMERA, pitch_deg=15, yaw_deg=yaw_deg, roll_deg=roll_deg)
    for left_px in range(0, 1240, 40):
        box = np.array([left_px, 500, left_px + 40, 560], np.float32)
        size = size_on_road(box, camera=aside)
        assert size is None or min(size.length_m, size.width_m, size.area_m2) >= 0.0
        with suppress(AboveHorizonError):
            shows = footprint_on_road(box, camera=aside)
            assert min(shows.length_m, shows.width_m, shows.area_m2) >= 0.0


@pytest.mark.parametrize(
    "changes",
    [{}, {"roll_deg": 15.0}, {"k1": -0.25, "k2": 0.05}, {"roll_deg": -20.0, "k1": -0.2, "yaw_deg": 10.0}],
    ids=["plain", "rolled", "wide lens", "all"],
)
def test_what_hangs_over_the_ground_is_put_below_itself(changes: dict[str, float]) -> None:
    camera = CameraModel(width_px=640, height_px=480, focal_px=420, height_m=2.6, pitch_deg=8, forward_m=1.0, **changes)
    over_it = replace(camera, height_m=camera.height_m - 3.0)  # a sign 3 m high is on the road of one who is lower
    u_px, v_px = road_in_image(over_it, RoadPoint(forward_m=13.0, right_m=4.0))
    depth_m = float(road_to_image(over_it)[2] @ (13.0, 4.0, 1.0))
    found = ground_below(camera, depth_m=depth_m, u_px=u_px, v_px=v_px)
    assert (found.forward_m, found.right_m) == pytest.approx((13.0, 4.0), abs=0.01)


def test_a_wide_lens_makes_nothing_narrower_than_it_is() -> None:
    camera = CameraModel(width_px=640, height_px=480, focal_px=420, height_m=2.6, pitch_deg=0, k1=-0.25, k2=0.05)
    ends = [road_in_image(replace(camera, height_m=0.5), RoadPoint(forward_m=10.0, right_m=r)) for r in (5.0, 5.8)]
    box = np.array([ends[0][0], ends[0][1] - 5, ends[1][0], ends[1][1] + 5], np.float32)
    assert straight_width_px(box, camera=camera) == pytest.approx(0.8 * 420 / 10.0, rel=0.02)
    assert box[2] - box[0] < 0.9 * 0.8 * 420 / 10.0
