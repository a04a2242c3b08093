"""Runs as a terminal shows them (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.jsoncodec import RawJson
from common.pretty import json_text

COLUMNS = ("RUN", "STATUS", "AGE", "TRIES", "PROCESS", "LEASE", "GRAPH", "THREAD")
MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3_600, 86_400
NONE = "-"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a line for each run, below a line of headings."""
    lines = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["run_id"]),
        _status(row),
        span(row["age_seconds"]),
        _tries(row),
        str(row["process"] or NONE) if row["status"] == "running" else NONE,
        _lease(row),
        str(row["graph_id"] or NONE),
        str(row["thread_id"]),
    )


def _status(row: Mapping[str, Any]) -> str:
    is_stopping = row["cancel_action"] and row["status"] in ("pending", "running")
    return f"{row['status']}, stopping" if is_stopping else str(row["status"])


def _tries(row: Mapping[str, Any]) -> str:
    lost = row["lost_attempts"]
    return f"{row['attempt']} ({lost} lost)" if lost else str(row["attempt"])


def _lease(row: Mapping[str, Any]) -> str:
    left = row["lease_seconds"]
    if row["status"] != "running" or left is None:
        return NONE
    return f"{span(left)} left" if left > 0 else f"lost {span(-left)} ago"


def span(seconds: float) -> str:
    """Return a time as its two largest units, such as `3m 20s`."""
    if seconds < 0:
        return f"in {span(-seconds)}"
    if seconds < MINUTE_SECONDS:
        return f"{seconds:.0f}s"
    if seconds < HOUR_SECONDS:
        return f"{seconds // MINUTE_SECONDS:.0f}m {seconds % MINUTE_SECONDS:.0f}s"
    if seconds < DAY_SECONDS:
        return f"{seconds // HOUR_SECONDS:.0f}h {seconds % HOUR_SECONDS // MINUTE_SECONDS:.0f}m"
    return f"{seconds // DAY_SECONDS:.0f}d {seconds % DAY_SECONDS // HOUR_SECONDS:.0f}h"


def page(row: Mapping[str, Any]) -> str:
    """Return all that there is of a run, a line each, and JSON laid out below."""
    parsed = {name: _plain(value) for name, value in row.items()}
    short = {name: value for name, value in parsed.items() if not isinstance(value, dict | list)}
    width = max(map(len, short))
    lines = [f"{name.ljust(width)}  {NONE if it is None else it}" for name, it in short.items()]
    for name, value in parsed.items():
        if value and name not in short:
            lines += ["", f"{name}:", json_text(value)]
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    return value.parse() if isinstance(value, RawJson) else value
