import math

import numpy as np
import pytest

from edge_agent.vision.face_mesh import (
    CHEEKS,
    EYES,
    FOREHEAD_AND_CHIN,
    MESH_PX,
    Points,
    Square,
    around_eye,
    around_mesh,
    eye_of,
    head_direction,
)


def head(*, right_deg: float = 0.0, up_deg: float = 0.0, tilt_deg: float = 0.0) -> Points:
    """A mesh of the points that say where a head points: an upright one before the camera, moved in this order."""
    points = np.zeros((468, 3))
    points[CHEEKS[0]], points[CHEEKS[1]] = (-70, 0, 30), (70, 0, 30)  # depth away from the camera
    points[FOREHEAD_AND_CHIN[0]], points[FOREHEAD_AND_CHIN[1]] = (0, -90, 10), (0, 90, 10)
    points[EYES[0][0]], points[EYES[1][0]] = (-45, -30, 0), (45, -30, 0)
    up, right, tilt = (math.radians(angle) for angle in (up_deg, right_deg, tilt_deg))
    nod = np.array([[1, 0, 0], [0, math.cos(up), math.sin(up)], [0, -math.sin(up), math.cos(up)]])
    turn = np.array([[math.cos(right), 0, math.sin(right)], [0, 1, 0], [-math.sin(right), 0, math.cos(right)]])
    roll = np.array([[math.cos(tilt), -math.sin(tilt), 0], [math.sin(tilt), math.cos(tilt), 0], [0, 0, 1]])
    return points @ nod.T @ turn.T @ roll.T


@pytest.mark.parametrize("right_deg", [-50.0, -20.0, 0.0, 20.0, 50.0])
@pytest.mark.parametrize("tilt_deg", [-25.0, 0.0, 25.0])
def test_a_turned_head_is_turned_however_it_is_tilted(right_deg: float, tilt_deg: float) -> None:
    turned_deg, up_deg = head_direction(head(right_deg=right_deg, tilt_deg=tilt_deg))
    assert (abs(turned_deg), up_deg) == (pytest.approx(abs(right_deg), abs=0.1), pytest.approx(0.0, abs=0.1))


def test_to_its_own_right_is_to_the_left_of_the_picture() -> None:
    """The cheek on the picture's right comes nearer, and the nose goes to the left."""
    points = head(right_deg=30.0)
    assert points[CHEEKS[1], 2] < points[CHEEKS[0], 2]
    assert head_direction(points)[0] == pytest.approx(30.0, abs=0.1)


def test_a_head_that_looks_up_lifts_its_chin() -> None:
    points = head(up_deg=20.0)
    assert points[FOREHEAD_AND_CHIN[1], 2] < points[FOREHEAD_AND_CHIN[0], 2]
    assert head_direction(points)[1] == pytest.approx(20.0, abs=0.1)


def outline(*, opening_px: float, turn_deg: float = 0.0, is_mirrored: bool = False) -> Points:
    """An eye of 40 pixels whose lids are parallel between its corners."""
    x = np.linspace(-20, 20, 9)
    points = np.zeros((71, 2))
    points[:9, 0], points[9:16, 0] = x, x[1:8]
    points[1:8, 1], points[9:16, 1] = opening_px / 2, -opening_px / 2
    if is_mirrored:
        points[:, 0] *= -1
    angle = math.radians(turn_deg)
    return points @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("turn_deg", [-30.0, 0.0, 30.0])
def test_the_opening_of_an_eye_is_its_height_by_its_width(turn_deg: float, is_mirrored: bool) -> None:  # noqa: FBT001
    eye = eye_of(outline(opening_px=10.0, turn_deg=turn_deg, is_mirrored=is_mirrored))
    assert (eye.aspect, eye.width_px) == (pytest.approx(0.25), pytest.approx(40.0))


def test_an_upper_lid_below_the_lower_one_is_shut() -> None:
    assert eye_of(outline(opening_px=-4.0)).aspect == 0.0


def test_a_square_goes_to_the_network_upright_and_a_right_eye_mirrored() -> None:
    square = Square(x_px=100, y_px=50, side_px=96, turn_rad=math.radians(90))
    middle, right_of_it = np.array([100, 50, 1.0]), np.array([100, 60, 1.0])  # it is turned: down is its right
    assert square.to_network(MESH_PX) @ middle == pytest.approx([96, 96])
    assert square.to_network(MESH_PX) @ right_of_it == pytest.approx([116, 96])
    assert square.to_network(MESH_PX, is_mirrored=True) @ right_of_it == pytest.approx([76, 96])


def test_what_is_looked_at_is_upright_by_the_eyes() -> None:
    points = head(tilt_deg=20.0) + np.array([300, 200, 0])
    square = around_mesh(points)
    assert math.degrees(square.turn_rad) == pytest.approx(20.0)
    corners = points[list(EYES[0]), :2]
    corners[1] = corners[0] + np.array([30, 40])
    assert around_eye(corners, is_left=True).side_px == pytest.approx(2.3 * 50)
    assert around_eye(corners[::-1], is_left=False) == around_eye(corners, is_left=True)
