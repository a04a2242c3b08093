"""How much a process keeps in memory of runs that have ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from runs.events.log import EventLog, Writer


@pytest.fixture
def log() -> EventLog:
    return EventLog()


def opened(log: EventLog) -> tuple[UUID, Writer]:
    run_id = uuid4()
    now = datetime.now(UTC)
    return run_id, log.open(run_id, thread_id=uuid4(), attempt=1, claimed_at=now)


def ended(log: EventLog, size: int) -> UUID:
    """Let a run publish so many bytes and end."""
    run_id, events = opened(log)
    events.publish([("custom", b"1" * size)])
    events.close()
    return run_id


def test_the_oldest_ended_runs_make_room(log: EventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1

    runs = [ended(log, 400_000) for _ in range(4)]

    assert [log.ring.get(run_id) is not None for run_id in runs] == [False, False, True, True]


def test_what_wait_answers_counts_too(log: EventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1
    runs = []
    for _ in range(3):
        run_id, events = opened(log)
        events.close(b"1" * 600_000)
        runs.append(run_id)

    assert [log.ring.get(run_id) is not None for run_id in runs] == [False, False, True]


def test_a_run_that_goes_on_is_never_dropped(log: EventLog, settings: Any) -> None:
    settings.EVENT_RING_MB = 1
    going_on, events = opened(log)
    events.publish([("custom", b"1" * 3_000_000)])

    ended(log, 10)

    assert log.ring.get(going_on) is not None


def test_ended_runs_are_forgotten_after_a_while(log: EventLog, settings: Any) -> None:
    run_id = ended(log, 10)
    log.ring.forget_old()
    assert log.ring.get(run_id) is not None

    settings.EVENT_RETENTION_SECONDS = 0
    log.ring.forget_old()

    assert log.ring.get(run_id) is None
