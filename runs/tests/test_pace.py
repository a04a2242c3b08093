from __future__ import annotations

import time

import pytest

from runs.events.pace import LONGEST_PAUSE_SECONDS, PAUSE_SECONDS, Pace


@pytest.mark.parametrize(
    ("took", "pause"),
    [(0.0, PAUSE_SECONDS), (0.01, 0.07), (0.012, 0.084), (5.0, LONGEST_PAUSE_SECONDS)],
)
def test_a_write_that_takes_long_is_not_repeated_soon(
    monkeypatch: pytest.MonkeyPatch, took: float, pause: float
) -> None:
    pace, now = Pace(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    with pace.writing():
        now += took

    assert pace.due(since=0.0) == pytest.approx(now + pause)


def test_what_comes_after_a_pause_waits_a_moment_for_more() -> None:
    assert Pace().due(since=1000.0) == pytest.approx(1000.008)
