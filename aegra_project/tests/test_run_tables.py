from __future__ import annotations

from typing import Any

import pytest

from aegra_project.run_tables import page, span, table
from common.jsoncodec import RawJson

ROW: dict[str, Any] = {
    "run_id": "r1",
    "thread_id": "t1",
    "status": "running",
    "age_seconds": 75.4,
    "attempt": 2,
    "lost_attempts": 0,
    "process": 42,
    "lease_seconds": 12.0,
    "cancel_action": None,
    "graph_id": "agent",
}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "0s"),
        (59, "59s"),
        (75, "1m 15s"),
        (3_700, "1h 1m"),
        (90_000, "1d 1h"),
        (-30, "in 30s"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_a_run_has_a_line_below_its_headings() -> None:
    heading, line = table([ROW]).splitlines()

    assert heading.split() == [
        *("RUN", "STATUS", "AGE", "TRIES", "PROCESS", "LEASE", "GRAPH", "THREAD")
    ]
    assert line.split() == ["r1", "running", "1m", "15s", "2", "42", "12s", "left", "agent", "t1"]
    assert line.index("running") == heading.index("STATUS")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lease_seconds": -8.0}, "lost 8s ago"),
        ({"lost_attempts": 1}, "2 (1 lost)"),
        ({"cancel_action": "rollback"}, "running, stopping"),
        ({"graph_id": None}, " - "),
    ],
)
def test_what_is_odd_about_a_run_is_told(fields: dict[str, Any], words: str) -> None:
    assert words in table([{**ROW, **fields}])


def test_a_page_has_the_short_first_and_json_laid_out_below() -> None:
    shown = page({"kwargs": RawJson(b'{"input": {"a": 1}}'), "status": "error", "error": None})

    assert shown == 'status  error\nerror   -\n\nkwargs:\n{"input": {"a": 1}}'
