"""Growth: a line through what passes measured, and how sure it is."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.findings.trend import LEAST, LEAST_SPAN_S, YEAR_S, trend

START = datetime(2026, 1, 1, tzinfo=UTC)


def sizes(*values: float, step_days: float = 30.0) -> list[tuple[datetime, float]]:
    """Measurements at equal distances."""
    return [(START + timedelta(days=step_days * number), value) for number, value in enumerate(values)]


def test_line_without_error_is_found_exactly() -> None:
    found = trend(sizes(1.0, 1.1, 1.2, 1.3, 1.4, 1.5))

    assert found is not None
    assert found.now == pytest.approx(1.5)
    assert found.per_year == pytest.approx(0.1 * YEAR_S / (30 * 86_400))
    assert (found.sigma, found.per_year_sigma) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found.of == 6


def test_errors_of_slope_and_present_size_are_those_of_the_textbook() -> None:
    # x = -4..0 (years), y = 1, 2, 2, 2, 3: slope 0.4, present 2.8, residuals 0.2 -0.4 0 0.4 -0.2
    found = trend(sizes(1.0, 2.0, 2.0, 2.0, 3.0, step_days=365.25))
    variance = (0.2**2 + 0.4**2) * 2 / 3

    assert found is not None
    assert (found.now, found.per_year) == pytest.approx((2.8, 0.4))
    assert found.per_year_sigma == pytest.approx((variance / 10) ** 0.5)
    assert found.sigma == pytest.approx((variance * (1 / 5 + 2**2 / 10)) ** 0.5)


def test_order_of_arrival_does_not_matter() -> None:
    measured = sizes(1.0, 2.0, 2.0, 2.0, 3.0)

    assert trend(measured[::-1]) == trend(measured)


def test_too_few_measurements_make_no_line() -> None:
    assert trend([]) is None
    assert trend(sizes(*[1.0] * (LEAST - 1))) is None
    assert trend(sizes(*[1.0] * LEAST)) is not None


def test_within_a_week_nothing_grows() -> None:
    day = LEAST_SPAN_S / 86_400 / (LEAST - 1)

    assert trend(sizes(*[1.0] * LEAST, step_days=day * 0.99)) is None
    assert trend(sizes(*[1.0] * LEAST, step_days=day)) is not None


def test_size_that_shrinks_to_nothing_is_nothing() -> None:
    found = trend(sizes(1.0, 0.7, 0.4, 0.1, 0.0, 0.0, 0.0))

    assert found is not None
    assert found.now == 0.0
    assert found.per_year < 0
