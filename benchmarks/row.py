"""A row of the table: what is done to which server, and what it has to keep to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from benchmarks.floor import SAVERS, Floor
from benchmarks.load import Sample, Scenario
from benchmarks.served import Served

COLUMNS = ("p50 ms", "p95 ms", "p99 ms", "a second", "CPU ms", "all s", "MiB")
AT_LEAST = {"a second"}
# A slow machine has no less memory to give, and no more connections to take.
BY_PACE = {"p50 ms", "a second", "CPU ms", "all s"}
UNKNOWN = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    scenario: Scenario
    served: Served

    bounds: Mapping[str, float] = field(default_factory=dict)
    """By column: what it must not exceed, or must reach in the columns of AT_LEAST."""

    idle_seconds: float = 0.0
    """What of its time no machine makes shorter."""

    floor: tuple[str, int] | None = None
    """The graph in a plain program, and how many at once, that it is compared with."""

    times_stock: float | None = None
    """What its CPU must not exceed, as a multiple of that of the floor on the stock saver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A row, and what was seen of it on one server."""

    row: Row
    sample: Sample
    mib: float | None

    slowness: float = 1.0
    """Of the machine while this was measured, by which times and rates are corrected."""

    def figures(self) -> dict[str, float]:
        return self.sample.figures() | ({} if self.mib is None else {"MiB": self.mib})

    def bounds(self) -> str:
        """Return the bounds, each with the figure where that has no column of its own."""
        figures = self.figures()
        told = [
            f"{column} {'≥' if column in AT_LEAST else '≤'} {bound:g}"
            + ("" if column in COLUMNS else f" (is {figures.get(column, 0):g})")
            for column, bound in self.row.bounds.items()
        ]
        if self.row.times_stock:
            told.append(f"CPU ÷ stock saver ≤ {self.row.times_stock:g}")
        return ", ".join(told)

    def verdict(self, floor: Floor) -> str:
        bounds = self.row.bounds
        raw = [column for column in bounds if not self._is_met(column, 1.0)]
        missed = [column for column in raw if not self._is_met(column, self.slowness)]
        if self.row.times_stock and not self._is_near(floor, self.row.times_stock):
            missed.append("CPU ÷ stock saver")
        if self.sample.errors:
            missed.append("errors")
        if missed:
            return f"MISSED: {', '.join(missed)}"
        if raw:
            return f"met at {self.slowness:.2f}"
        return "met" if bounds or self.row.times_stock else ""

    def times_floor(self, floor: Floor) -> list[str]:
        """Return its CPU as a multiple of that in a plain program, on each of the savers."""
        if self.row.floor is None:
            return ["", ""]
        cpu = self.figures().get("CPU ms")
        plain = [floor[self.row.floor[0], saver, self.row.floor[1]] for saver in SAVERS]
        return [ratio(cpu, sample.figures()["CPU ms"]) for sample in plain]

    def _is_near(self, floor: Floor, times: float) -> bool:
        assert self.row.floor is not None, f"{self.row.name} is compared with nothing"
        plain = floor[self.row.floor[0], "stock", self.row.floor[1]].figures()
        return self.figures().get("CPU ms", inf) <= times * plain["CPU ms"]

    def _is_met(self, column: str, slowness: float) -> bool:
        value, bound = self.figures().get(column), self.row.bounds[column]
        if value is None:
            return False
        slower = slowness if column in BY_PACE else 1.0
        if column in AT_LEAST:
            return value * slower >= bound
        idle = self.row.idle_seconds if column == "all s" else 0.0
        return idle + (value - idle) / slower <= bound


def ratio(value: float | None, other: float | None) -> str:
    return UNKNOWN if not value or not other else f"{value / other:.2f}"
