"""How sure a size is, and the severity that follows from it."""

import math

import pytest

from cloud.findings.catalogue import SeverityScale
from cloud.findings.model import Severity
from cloud.findings.size import size_and_sigma

SCALE = SeverityScale(measure="length_m", medium_from=2.0, heavy_from=5.0, unmeasured=Severity.LIGHT)


def test_error_of_the_median_shrinks_with_the_root_of_the_measurements() -> None:
    assert size_and_sigma([1.0, 2.0, 3.0]) == (2.0, pytest.approx(math.sqrt(math.pi / 2 / 3)))
    assert size_and_sigma([1.0, 2.0, 3.0] * 100)[1] == pytest.approx(math.sqrt(math.pi / 2 * 200 / 299 / 300))


def test_one_measurement_says_nothing_of_its_error() -> None:
    assert size_and_sigma([1.5]) == (1.5, None)


@pytest.mark.parametrize(
    ("size", "sigma", "expected"),
    [(1.0, 0.0, (1, 0, 0)), (2.0, 0.0, (0, 1, 0)), (2.0, 0.5, (0.5, 0.5, 0)), (5.0, 1.0, (0.001, 0.499, 0.5))],
    ids=["sure", "on the edge", "either", "hardly light"],
)
def test_severity_is_as_sure_as_the_size(size: float, sigma: float, expected: tuple[float, float, float]) -> None:
    shares = tuple(SCALE.share_of(severity, size=size, sigma=sigma) for severity in Severity)

    assert shares == pytest.approx(expected, abs=5e-4)
    assert sum(shares) == pytest.approx(1)
