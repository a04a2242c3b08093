"""Stored events that are past their retention."""

from __future__ import annotations

from django.conf import settings

from common import db
from runs.events.ids import NUMBERS_PER_MS

# So many in one statement: their locks are held until it ends.
BATCH = 5000

# An event's number tells when it was published, so that the old ones stand at the front of an
# index. What a run said counts from the run's end; of one that is gone, from when it was said.
FORGET = """
DELETE FROM run_event WHERE (run_id, attempt, last_id) IN (
  SELECT run_id, attempt, last_id FROM run_event AS old
   WHERE last_id < (EXTRACT(EPOCH FROM now() - make_interval(secs => %(seconds)s)) * 1000)::int8
                   * %(per_ms)s
     AND NOT EXISTS (
       SELECT 1 FROM run WHERE run.run_id = old.run_id
          AND COALESCE(run.ended_at > now() - make_interval(secs => %(seconds)s), true))
   ORDER BY last_id LIMIT %(limit)s)
"""


async def forget_old_events() -> int:
    """Delete what is older than EVENT_RETENTION_SECONDS; returns how many rows went."""
    parameters = {
        "seconds": settings.EVENT_RETENTION_SECONDS,
        "per_ms": NUMBERS_PER_MS,
        "limit": BATCH,
    }
    total = 0
    while True:
        gone = await db.execute(FORGET, parameters)
        total += gone
        if gone < BATCH:
            return total
