"""Runs that have been over for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from common import db
from common.tally import Tally

# So many in one statement: their locks are held until it ends.
BATCH = 500

# A run's id tells when it was made, and no run ends before that: the old ones stand at the front of
# the primary key. Those of a thread that is busy or waits for an answer stay with it.
DELETE_OLD = """
WITH old AS (
  SELECT run_id FROM run
   WHERE run_id > %(after)s
     AND run_id < rpad(lpad(to_hex((extract(epoch FROM now() - interval '1 day' * %(days)s::float8)
                                    * 1000)::bigint), 12, '0'), 32, '0')::uuid
     AND COALESCE(ended_at, updated_at) < now() - interval '1 day' * %(days)s::float8
     AND status NOT IN ('pending', 'running') AND thread_id <> ALL(%(gone)s)
     AND EXISTS (SELECT 1 FROM thread WHERE thread.thread_id = run.thread_id
                    AND thread.status IN ('idle', 'error'))
   ORDER BY run_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), events AS (
  SELECT pg_column_size(body) AS size FROM run_event WHERE run_id IN (SELECT run_id FROM old)
), gone AS (
  DELETE FROM run WHERE run_id IN (SELECT run_id FROM old)
  RETURNING run_id, pg_column_size(metadata) + pg_column_size(kwargs) AS size
)
SELECT count(*) AS rows, COALESCE(sum(size), 0) AS bytes,
       (SELECT run_id FROM gone ORDER BY run_id DESC LIMIT 1) AS last,
       (SELECT count(*) FROM events) AS event_rows,
       (SELECT COALESCE(sum(size), 0) FROM events) AS event_bytes
  FROM gone
"""


async def forget_old_runs(*, days: float) -> Tally:
    """Delete the records of runs that ended so many days ago.

    What they have written stays: the checkpoints are their threads'.
    """
    return await _forget(days, (), is_rehearsal=False)


async def count_old_runs(*, days: float, without_threads: Sequence[UUID]) -> Tally:
    """Count what would be deleted, after some threads have gone with their runs."""
    return await _forget(days, without_threads, is_rehearsal=True)


async def _forget(days: float, gone: Sequence[UUID], *, is_rehearsal: bool) -> Tally:
    tally, after = Tally(), UUID(int=0)
    while True:
        began = time.monotonic()
        parameters = {"days": days, "after": after, "limit": BATCH, "gone": list(gone)}
        async with db.connection() as conn, conn.transaction(force_rollback=is_rehearsal):
            row = await (await conn.execute(DELETE_OLD, parameters)).fetchone()
        if row is None or row["last"] is None:
            return tally
        tally.count("runs", row)
        tally.count("event rows", {"rows": row["event_rows"], "bytes": row["event_bytes"]})
        after = row["last"]
        # The database is left to others half of the time.
        await asyncio.sleep(time.monotonic() - began)
