import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import AboveHorizonError
from edge_agent.vision.lens import PINHOLE, Lens, Ray, bent, straightened

WIDE = Lens(k1=-0.3, k2=0.1, p1=0.001, p2=-0.002)


@given(
    x=st.floats(-0.7, 0.7),
    y=st.floats(-0.5, 0.5),
    k1=st.floats(-0.3, 0.3),
    k2=st.floats(-0.05, 0.1),
    p1=st.floats(-0.003, 0.003),
)
def test_a_bent_ray_is_straightened_again(x: float, y: float, k1: float, k2: float, p1: float) -> None:
    lens = Lens(k1=k1, k2=k2, p1=p1)
    back = straightened(lens, bent(lens, Ray(x, y)))
    assert math.hypot(back.x - x, back.y - y) < 1e-6


@pytest.mark.parametrize("ray", [Ray(0.0, 0.0), Ray(0.4, 0.3), Ray(-0.6, 0.2)])
def test_it_bends_as_opencv_does(ray: Ray) -> None:
    points, _ = cv2.projectPoints(np.array([[ray.x, ray.y, 1.0]]), np.zeros(3), np.zeros(3), np.eye(3), np.array(WIDE))
    assert bent(WIDE, ray) == pytest.approx(points[0, 0].tolist())


def test_a_pinhole_bends_nothing() -> None:
    assert bent(PINHOLE, Ray(3.0, 2.0)) == straightened(PINHOLE, Ray(3.0, 2.0)) == Ray(3.0, 2.0)


@pytest.mark.parametrize("lens", [Lens(k1=-0.3), Lens(k1=-0.5, k2=0.05)], ids=["one", "two"])
def test_what_lies_outside_the_field_of_a_lens_is_refused(lens: Lens) -> None:
    with pytest.raises(AboveHorizonError):
        bent(lens, Ray(1.5, 0.0))
    with pytest.raises(AboveHorizonError):
        straightened(lens, Ray(1.5, 0.0))
