"""A line chart as an SVG that is legible on any ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 74, 200, 48, 58
COLOURS = ("#7c3aed", "#ea580c", "#2563eb", "#16a34a", "#be123c", "#0f172a", "#ca8a04")
FONT = "ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif"
LEGEND_LINE = 22

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From the smallest to the largest value, as a place between 0 and 1."""

    low: float
    high: float
    is_log: bool

    @staticmethod
    def of(values: Sequence[float], *, is_log: bool) -> Axis:
        if is_log:
            powers = [math.log10(value) for value in values]
            return Axis(low=10 ** math.floor(min(powers)), high=10 ** max(powers), is_log=True)
        step = _step(max(values))
        return Axis(low=0, high=math.ceil(max(values) / step) * step, is_log=False)

    def place(self, value: float) -> float:
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.is_log:
            first, last = round(math.log10(self.low)), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        step = _step(self.high)
        return [step * number for number in range(round(self.high / step) + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    title: str
    x_label: str
    y_label: str
    lines: dict[str, list[Point]]
    """By their names in the legend."""

    is_log: bool = False
    """Whether the y axis is logarithmic; the x axis always is."""

    def svg(self) -> str:
        points = [point for line in self.lines.values() for point in line]
        x = Axis.of([x for x, _ in points], is_log=True)
        y = Axis.of([y for _, y in points], is_log=self.is_log)
        drawn = [
            *(_vertical(x.place(tick), _short(tick)) for tick in x.ticks()),
            *(_horizontal(y.place(tick), _short(tick)) for tick in y.ticks()),
            *(
                _line(name, [(x.place(one), y.place(other)) for one, other in line], number)
                for number, (name, line) in enumerate(self.lines.items())
            ),
        ]
        return "\n".join([*self._frame(), *drawn, "</svg>", ""])

    def _frame(self) -> list[str]:
        middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        title = escape(self.title)
        return [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="{FONT}" font-size="13" fill="#334155" role="img" aria-label="{title}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{title}</text>',
            _text(middle_x, HEIGHT - 14, self.x_label),
            f'<g transform="translate(18 {middle_y}) rotate(-90)">{_text(0, 0, self.y_label)}</g>',
        ]


def _line(name: str, places: Sequence[Point], number: int) -> str:
    colour = COLOURS[number % len(COLOURS)]
    seen = [(_across(x), _down(y)) for x, y in places]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in seen)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in seen)
    left, y = WIDTH - RIGHT + 16, TOP + 8 + number * LEGEND_LINE
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<g fill="{colour}">{dots}<circle cx="{left}" cy="{y}" r="4"/></g>'
        f'<text x="{left + 12}" y="{y + 4}">{escape(name)}</text>'
    )


def _vertical(place: float, label: str) -> str:
    x = _across(place)
    return _rule(x, TOP, x, HEIGHT - BOTTOM) + _text(x, HEIGHT - BOTTOM + 20, label)


def _horizontal(place: float, label: str) -> str:
    y = _down(place)
    return _rule(LEFT, y, WIDTH - RIGHT, y) + _text(LEFT - 8, y + 4, label, anchor="end")


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="#e2e8f0"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _across(place: float) -> float:
    return LEFT + place * (WIDTH - RIGHT - LEFT)


def _down(place: float) -> float:
    return HEIGHT - BOTTOM - place * (HEIGHT - BOTTOM - TOP)


def _step(highest: float) -> float:
    """Return a round distance that gives four to eight ticks."""
    power = 10.0 ** math.floor(math.log10(highest))
    return next(power * part for part in (0.2, 0.25, 0.5, 1, 2) if highest / (power * part) <= 7)


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,g}"
