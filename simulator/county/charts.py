"""Small charts as SVG text, for a page that needs nothing else: lines, steps and bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT = 640.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 22.0, 12.0, 44.0
TICKS: Final = 5
COLOURS: Final = ("#1f6fb4", "#d1495b", "#e0a100", "#5b8c5a", "#7a5195", "#8a8a8a")
LABEL_EVERY_PX: Final = 46.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line; a value that is not there leaves a gap."""

    name: str
    values: Sequence[float | None]
    colour: int = 0  # of COLOURS
    is_area: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """How an axis is labelled."""

    title: str
    is_share: bool = False  # 0 to 1, told as per cent
    most: float | None = None


def line_chart(series: Sequence[Series], *, labels: Sequence[str], x: str, y: Axis) -> str:
    """Draw lines over places that are equally far apart."""
    count = max(len(labels), 2)
    top = _most([value for each in series for value in each.values if value is not None], y)

    def px(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place / (count - 1)

    parts = [*_frame(y, top), *_labels(labels, [px(place) for place in range(len(labels))], x)]
    for each in series:
        for run in _runs(each.values):
            points = " ".join(f"{px(place):.1f},{_py(value, top):.1f}" for place, value in run)
            colour = COLOURS[each.colour]
            if each.is_area:
                first, last = px(run[0][0]), px(run[-1][0])
                floor = _py(0, top)
                area = f"{first:.1f},{floor:.1f} {points} {last:.1f},{floor:.1f}"
                parts.append(f'<polygon points="{area}" fill="{colour}" fill-opacity="0.18"/>')
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return _figure(parts, [(each.name, each.colour) for each in series])


def bar_chart(series: Sequence[Series], *, labels: Sequence[str], x: str, y: Axis) -> str:
    """Draw bars side by side for each label."""
    top = _most([value for each in series for value in each.values if value is not None], y)
    slot = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    width = slot * 0.78 / max(len(series), 1)
    parts = [*_frame(y, top), *_labels(labels, [LEFT + slot * (place + 0.5) for place in range(len(labels))], x)]
    for number, each in enumerate(series):
        for place, value in enumerate(each.values):
            if value is None:
                continue
            left, high = LEFT + slot * (place + 0.11) + width * number, _py(value, top)
            parts.append(
                f'<rect x="{left:.1f}" y="{high:.1f}" width="{width:.1f}" height="{_py(0, top) - high:.1f}" '
                f'fill="{COLOURS[each.colour]}"><title>{escape(each.name)} {escape(labels[place])}: '
                f"{_told(value, y)}</title></rect>"
            )
    return _figure(parts, [(each.name, each.colour) for each in series])


def _figure(parts: Sequence[str], names: Sequence[tuple[str, int]]) -> str:
    legend = "".join(
        f'<span><i style="background:{COLOURS[colour]}"></i>{escape(name)}</span>' for name, colour in names if name
    )
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img">{body}</svg><div class="legend">{legend}</div>'


def _frame(y: Axis, top: float) -> list[str]:
    parts: list[str] = []
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        at = _py(value, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_told(value, y)}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text transform="rotate(-90 12 {middle})" x="12" y="{middle}" text-anchor="middle">{escape(y.title)}</text>'
    )
    return parts


def _labels(labels: Sequence[str], places: Sequence[float], title: str) -> list[str]:
    every = max(1, math.ceil(len(labels) * LABEL_EVERY_PX / (WIDTH - LEFT - RIGHT)))
    parts = [
        f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(label)}</text>'
        for number, (label, at) in enumerate(zip(labels, places, strict=True))
        if number % every == 0
    ]
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(title)}</text>')
    return parts


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches of values without a gap."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _py(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, top) / top


def _most(values: Sequence[float], y: Axis) -> float:
    """Upper end of the axis: a round number above all values."""
    if y.most is not None:
        return y.most
    if y.is_share:
        return 1.0
    highest = max([*values, float(TICKS)])  # what is counted has whole ticks
    step = 10.0 ** math.floor(math.log10(highest / TICKS))
    steps = (step * each for each in (1, 2, 2.5, 5, 10) if (step * each).is_integer())
    return TICKS * next(each for each in steps if each * TICKS >= highest)


def _told(value: float, y: Axis) -> str:
    if y.is_share:
        return f"{value:.0%}"
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
