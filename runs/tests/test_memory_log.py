"""Bounds of the ring that only the in-process log has."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from runs.events.memory import MemoryEventLog


@pytest.fixture
def ring() -> MemoryEventLog:
    return MemoryEventLog()


def ended(ring: MemoryEventLog, size: int) -> UUID:
    """Let a run publish so many bytes and end."""
    run_id = uuid4()
    ring.open(run_id)
    ring.publish(run_id, [("custom", b"1" * size)])
    ring.close(run_id)
    return run_id


def test_the_oldest_ended_runs_make_room(ring: MemoryEventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1

    runs = [ended(ring, 400_000) for _ in range(4)]

    assert [ring.holds(run_id) for run_id in runs] == [False, False, True, True]


def test_what_wait_answers_counts_too(ring: MemoryEventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1
    runs = [uuid4() for _ in range(3)]
    for run_id in runs:
        ring.open(run_id)
        ring.close(run_id, b"1" * 600_000)

    assert [ring.holds(run_id) for run_id in runs] == [False, False, True]


def test_a_run_that_goes_on_is_never_dropped(ring: MemoryEventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1
    going_on = uuid4()
    ring.open(going_on)
    ring.publish(going_on, [("custom", b"1" * 3_000_000)])

    ended(ring, 10)

    assert ring.holds(going_on)
    assert ring.open_runs() == [going_on]


def test_ended_runs_are_forgotten_after_a_while(ring: MemoryEventLog, settings: Any) -> None:
    run_id = ended(ring, 10)
    ring.forget_old()
    assert ring.holds(run_id)

    settings.EVENT_RETENTION_SECONDS = 0
    ring.forget_old()

    assert not ring.holds(run_id)
