"""How far two pictures of one thing differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.scenarios.street_furniture.compare import SIDE_PX, Patch, difference


def sign(
    *, shift: int = 0, light: float = 1.0, colour: tuple[int, int, int] = (200, 30, 30), hidden: float = 0.0
) -> Patch:
    """A disc with a bar, on a wall."""
    rows, columns = np.indices((SIDE_PX, SIDE_PX)).astype(np.float64) - SIDE_PX / 2 - shift
    patch = np.full((SIDE_PX, SIDE_PX, 3), 120.0) + 10 * np.sin(columns / 3)[..., None]
    patch[rows**2 + columns**2 < 16**2] = colour
    patch[(abs(rows) < 4) & (abs(columns) < 11)] = (240, 240, 240)
    patch[: int(hidden * SIDE_PX)] = (40, 90, 40)
    noise = np.random.default_rng(5).normal(0, 2, (SIDE_PX, SIDE_PX, 3))
    return np.minimum(np.maximum((patch + noise) * light, 0.0), 255.0)


def post() -> Patch:
    patch = np.full((SIDE_PX, SIDE_PX, 3), 120.0)
    patch[:, 20:28] = (90, 90, 95)
    return patch


def test_same_picture_does_not_differ() -> None:
    assert difference(sign(), sign()) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    "later", [sign(light=0.6), sign(shift=2), sign(light=1.3, shift=-2)], ids=["dusk", "cut", "both"]
)
def test_light_and_the_cut_make_little_difference(later: Patch) -> None:
    assert difference(sign(), later) < 0.3


@pytest.mark.parametrize("later", [post(), sign(hidden=0.75)], ids=["another", "covered"])
def test_another_thing_differs(later: Patch) -> None:
    assert difference(sign(), later) > 0.5


def test_faded_sign_differs_more_than_one_at_dusk() -> None:
    assert difference(sign(), sign(colour=(150, 150, 150))) > difference(sign(), sign(light=0.6))


patches = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).uniform(0, 255, (SIDE_PX, SIDE_PX, 3)) * (seed % 3 > 0)
)


@settings(max_examples=15, deadline=None)
@given(patches, patches)
def test_difference_is_the_same_in_either_order_and_a_share(one: Patch, other: Patch) -> None:
    found = difference(one, other)
    assert 0.0 <= found <= 1.0 + 1e-9
    assert found == pytest.approx(difference(other, one))
