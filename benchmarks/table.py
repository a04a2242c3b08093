"""What was measured, as tables that are read in a terminal and on a page."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.floor import Floor
from benchmarks.row import COLUMNS, UNKNOWN, Measured, ratio

PACKAGES = ("django", "langgraph", "langgraph-checkpoint-postgres", "psycopg", "uvicorn")
COMPARED = ("p50 ms", "a second", "CPU ms")


def ours(measured: Sequence[Measured], floor: Floor) -> str:
    floors = ("CPU ÷ stock saver", "CPU ÷ memory saver") if floor else ()
    head = ["", *COLUMNS, "errors", "slower", "bound", "", *floors]
    lines = [
        [
            *_cells(one),
            f"{one.slowness:.2f}",
            one.bounds(),
            one.verdict(floor),
            *(one.times_floor(floor) if floor else ()),
        ]
        for one in measured
    ]
    return markdown(head, lines)


def peers(measured: Sequence[tuple[Measured, Measured]]) -> str:
    """Tell what a peer did in each row, and its figures as multiples of this server's."""
    head = ["peer", *COLUMNS, "errors", *(f"{column} ÷ ours" for column in COMPARED)]
    lines = []
    for own, other in measured:
        mine, its = own.figures(), other.figures()
        ratios = [ratio(its.get(column), mine.get(column)) for column in COMPARED]
        lines.append([*_cells(other), *ratios])
    return markdown(head, lines)


def floors(floor: Floor) -> str:
    """Tell what the graphs take in a plain program."""
    head = ["in a plain program", *COLUMNS[:-2]]
    lines = []
    for (graph, saver, at_once), sample in floor.items():
        figures = sample.figures()
        name = f"{graph}, {saver} saver, {at_once} at once"
        lines.append([name, *(number(figures.get(column)) for column in COLUMNS[:-2])])
    return markdown(head, lines)


def circumstances() -> str:
    """Name the machine and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {packages}."
    )


def errors(measured: Sequence[Measured]) -> list[str]:
    """Return the first error of each row that had any."""
    return [f"{one.row.name}: {one.sample.errors[0]}" for one in measured if one.sample.errors]


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Align the cells as a terminal shows them; a page has a table of it, too."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *rest])} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([row(head), f"|{rule}|", *map(row, lines)])


def number(value: float | None) -> str:
    """Return a figure with three digits that count, at least."""
    if value is None:
        return UNKNOWN
    places = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{places}f}"


def _cells(measured: Measured) -> list[str]:
    figures = measured.figures()
    told = [number(figures.get(column)) for column in COLUMNS]
    return [measured.row.name, *told, str(len(measured.sample.errors))]
