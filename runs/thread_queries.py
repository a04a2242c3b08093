"""The SQL of who follows a thread: its runs one after the other, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common import db
from common.jsoncodec import RawJson


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunRun:
    """A run that has begun, be it over or not."""

    run_id: UUID
    started_at: datetime


CLOCK = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::int8 AS ms"


async def database_ms() -> int:
    row = await db.fetch_one(CLOCK)
    assert row is not None
    return int(row["ms"])


# Runs of a thread begin one after the other, each after the end of the one before.
NEXT = """
SELECT run_id, started_at FROM run
 WHERE thread_id = %(thread_id)s AND started_at IS NOT NULL
   AND (ended_at IS NULL OR ended_at >= to_timestamp(%(since_ms)s / 1000.0))
   AND (%(after)s::timestamptz IS NULL OR (started_at, run_id) > (%(after)s, %(after_run)s))
 ORDER BY started_at, run_id LIMIT 1
"""


async def next_begun(thread_id: UUID, *, since_ms: int, after: BegunRun | None) -> BegunRun | None:
    """Return the run that began next on a thread, of those that had not ended at a moment."""
    parameters = {
        "thread_id": thread_id,
        "since_ms": since_ms,
        "after": after.started_at if after else None,
        "after_run": after.run_id if after else None,
    }
    row = await db.fetch_one(NEXT, parameters)
    return BegunRun(run_id=row["run_id"], started_at=row["started_at"]) if row else None


STATE = """
SELECT values, (EXTRACT(EPOCH FROM state_updated_at) * 1000)::int8 AS ms
  FROM thread WHERE thread_id = %s
"""


async def thread_state(thread_id: UUID) -> tuple[RawJson | None, int] | None:
    """Return a thread's values, and when they were written; None when it is gone."""
    row = await db.fetch_one(STATE, [thread_id])
    return (row["values"], row["ms"]) if row else None
