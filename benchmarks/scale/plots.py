"""Which figures are drawn, in which plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.scale.svg import Chart, Point

PROCESSES = ("processes-1", "processes-2", "processes-4")
NONE: dict[str, Any] = {"curves": {}}
STREAMS = ("streams", "fast-streams")


def _lines(results: dict[str, Any], names: tuple[str, ...], column: str) -> dict[str, list[Point]]:
    """Return the curves of some parts, by one of their columns; what failed has no point."""
    curves = [curve for name in names for curve in results.get(name, NONE)["curves"].items()]
    seen = {
        name: [(one["x"], one[column]) for one in points if column in one]
        for name, points in curves
    }
    return {name: points for name, points in seen.items() if points}


def _throughput(results: dict[str, Any]) -> Chart:
    return Chart(
        title="Echo runs by number of clients",
        x_label="clients, each with one run at a time",
        y_label="runs a second",
        lines=_lines(results, PROCESSES, "a second"),
    )


def _latency(results: dict[str, Any]) -> Chart:
    halves = _lines(results, PROCESSES[:2], "p50 ms")
    worst = _lines(results, PROCESSES[:2], "p99 ms")
    return Chart(
        title="Time of an echo run by number of clients",
        x_label="clients, each with one run at a time",
        y_label="ms",
        lines={
            **{f"{name}, p50": line for name, line in halves.items()},
            **{f"{name}, p99": line for name, line in worst.items()},
        },
        is_log=True,
    )


def _tokens(results: dict[str, Any]) -> Chart:
    return Chart(
        title="Tokens by number of open streams, one process",
        x_label="streams, opened at once",
        y_label="tokens a second",
        lines=_lines(results, STREAMS, "a second"),
        is_log=True,
    )


def _memory(results: dict[str, Any]) -> Chart:
    return Chart(
        title="Memory by number of open streams, one process",
        x_label="streams, each of a run that executes",
        y_label="MiB (USS), at the most",
        lines=_lines(results, STREAMS, "MiB"),
    )


def _cost(part: str, title: str, x_label: str) -> Callable[[dict[str, Any]], Chart]:
    def plot(results: dict[str, Any]) -> Chart:
        # The least is what other programs on the machine disturb least.
        lines = _lines(results, (part,), "least ms")
        y_label = "ms, the quickest of many"
        return Chart(title=title, x_label=x_label, y_label=y_label, lines=lines, is_log=True)

    return plot


PLOTS: dict[str, Callable[[dict[str, Any]], Chart]] = {
    "scale-throughput.svg": _throughput,
    "scale-latency.svg": _latency,
    "scale-tokens.svg": _tokens,
    "scale-memory.svg": _memory,
    "scale-threads.svg": _cost("threads", "Requests by number of threads", "threads"),
    "scale-checkpoints.svg": _cost(
        "checkpoints", "Requests by length of a thread's history", "checkpoints of the thread"
    ),
    "scale-state.svg": _cost("state", "Requests by size of the state", "KB of state"),
}
