"""A lens that bends straight lines: radial and tangential distortion of a pinhole's rays, and back. Pure.

Source: D. C. Brown, Close-range camera calibration, Photogrammetric Engineering 37 (1971), in the form OpenCV uses.
"""

import math
from typing import Final, NamedTuple

from edge_agent.errors import AboveHorizonError

_STEPS: Final = 30
_CLOSE: Final = 1e-9  # of the focal length


class Lens(NamedTuple):
    """Coefficients of the distortion; all zero is a pinhole."""

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0


PINHOLE: Final = Lens()


class Ray(NamedTuple):
    """A direction, where it meets the plane one unit before the lens: x to the right, y down."""

    x: float
    y: float


def bent(lens: Lens, ray: Ray) -> Ray:
    """Where a ray meets the picture of this lens.

    Raises:
        AboveHorizonError: the ray lies outside the field in which the coefficients mean something.
    """
    if lens == PINHOLE:
        return ray
    if ray.x**2 + ray.y**2 >= _field2(lens):
        raise AboveHorizonError(f"the ray ({ray.x:.2f}, {ray.y:.2f}) lies outside the field of the lens")
    radial, aside = _bend(lens, ray)
    return Ray(ray.x * radial + aside.x, ray.y * radial + aside.y)


def straightened(lens: Lens, seen: Ray) -> Ray:
    """Return the ray that this lens shows there.

    Raises:
        AboveHorizonError: no ray of the lens's field comes out there.
    """
    if lens == PINHOLE:
        return seen
    ray = seen
    for _ in range(_STEPS):
        radial, aside = _bend(lens, ray)
        if radial <= 0.0:
            break
        last, ray = ray, Ray((seen.x - aside.x) / radial, (seen.y - aside.y) / radial)
        if math.hypot(ray.x - last.x, ray.y - last.y) < _CLOSE and ray.x**2 + ray.y**2 < _field2(lens):
            return ray
    raise AboveHorizonError(f"({seen.x:.2f}, {seen.y:.2f}) is no point of this lens's picture")


def _bend(lens: Lens, ray: Ray) -> tuple[float, Ray]:
    """Radial factor and tangential shift at a ray."""
    x, y = ray
    r2 = x * x + y * y
    radial = 1.0 + (lens.k1 + lens.k2 * r2) * r2
    return radial, Ray(
        2 * lens.p1 * x * y + lens.p2 * (r2 + 2 * x * x), lens.p1 * (r2 + 2 * y * y) + 2 * lens.p2 * x * y
    )


def _field2(lens: Lens) -> float:
    """Square of the radius at which the picture of growing circles stops growing: first root of its derivative."""
    a, b = 5 * lens.k2, 3 * lens.k1
    if a == 0.0:
        return -1 / b if b < 0 else math.inf
    inside = b * b - 4 * a
    if inside < 0:
        return math.inf
    roots = [(-b + sign * math.sqrt(inside)) / (2 * a) for sign in (-1, 1)]
    return min((root for root in roots if root > 0), default=math.inf)
