"""Small drawings of a report, as SVG inside its page."""

from collections.abc import Sequence
from typing import Final

from cloud.condition.pci import Grade

COLOURS: Final = {
    Grade.EXCELLENT: "#1a9850",
    Grade.GOOD: "#91cf60",
    Grade.FAIR: "#fdc84b",
    Grade.POOR: "#fc8d59",
    Grade.BAD: "#d73027",
    Grade.UNKNOWN: "#c8ccd2",
}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 680, 190, 44, 24, 12
_TEXT: Final = 'font-size="10" fill="#444"'


def grade_bar(km_by_grade: dict[Grade, float], *, label: str) -> str:
    """One bar, cut by grade."""
    total_km = sum(km_by_grade.values()) or 1.0
    parts: list[str] = []
    x = 0.0
    for grade, km in km_by_grade.items():
        width = _WIDTH * km / total_km
        parts.append(f'<rect x="{x:.1f}" y="0" width="{width:.1f}" height="26" fill="{COLOURS[grade]}"/>')
        x += width
    return _svg("".join(parts), height=26, label=label)


def interval_bar(*, low: float, middle: float, high: float, colour: str, label: str) -> str:
    """An index with its interval, on a scale from 40 (and less) to 100."""
    left, spot, right = (_scaled(value) for value in (low, middle, high))
    marks = "".join(f'<path d="M{_scaled(pci):.1f} 2V12" stroke="#ddd"/>' for pci in (60, 70, 80, 90))
    body = (
        f'{marks}<path d="M{left:.1f} 7H{right:.1f}" stroke="{colour}" stroke-width="3"/>'
        f'<circle cx="{spot:.1f}" cy="7" r="4" fill="{colour}" stroke="#222" stroke-width="0.6"/>'
    )
    return _svg(body, width=100, height=14, label=label)


def _scaled(pci: float) -> float:
    return 4 + 92 * max(0.0, pci - 40) / 60


def line_plot(values: Sequence[float | None], *, days: Sequence[str], label: str) -> str:
    """Values of the days of a month; a day without one is a gap."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = max(0.0, min(known) - 2), min(100.0, max(known) + 2)
    points = [
        (_x(number, len(values)), _y(value, low, high)) for number, value in enumerate(values) if value is not None
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="#2458a6"/>' for x, y in points)
    return _svg(
        f'{_axes(low, high, days)}<polyline points="{path}" fill="none" stroke="#2458a6" stroke-width="1.6"/>{dots}',
        height=_HEIGHT,
        label=label,
    )


def bar_plot(values: Sequence[float], *, days: Sequence[str], label: str) -> str:
    """One bar a day."""
    high = max(values, default=0.0) or 1.0
    width = 0.7 * (_WIDTH - _LEFT) / max(1, len(values))
    bars = "".join(
        f'<rect x="{_x(number, len(values)) - width / 2:.1f}" y="{_y(value, 0, high):.1f}" width="{width:.1f}"'
        f' height="{_y(0, 0, high) - _y(value, 0, high):.1f}" fill="#5b8cc9"/>'
        for number, value in enumerate(values)
    )
    return _svg(_axes(0.0, high, days) + bars, height=_HEIGHT, label=label)


def _axes(low: float, high: float, days: Sequence[str]) -> str:
    levels = [low + share * (high - low) for share in (0, 0.5, 1)]
    lines = "".join(
        f'<path d="M{_LEFT} {_y(level, low, high):.1f}H{_WIDTH}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 6}" y="{_y(level, low, high) + 3:.1f}" text-anchor="end" {_TEXT}>{level:.1f}</text>'
        for level in levels
    )
    names = "".join(
        f'<text x="{_x(number, len(days)):.1f}" y="{_HEIGHT - 8}" text-anchor="middle" {_TEXT}>{day}</text>'
        for number, day in enumerate(days)
        if number % 3 == 0
    )
    return lines + names


def _x(number: int, count: int) -> float:
    return _LEFT + (number + 0.5) * (_WIDTH - _LEFT) / max(1, count)


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.0
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _svg(body: str, *, height: int, label: str, width: int = _WIDTH) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{label}">{body}</svg>'
