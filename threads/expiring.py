"""Threads that go by their time to live, or because they have lain for long."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import sql

from common import db
from common.db import Connection, Row
from common.tally import Tally
from graphs.upkeep import drop_checkpoints, keep_newest_checkpoints

# So many in one transaction: their locks are held until it ends.
BATCH = 50

# Of a thread that is busy or waits for an answer nothing goes. The condition is looked at again
# once the lock is had, and what another process has locked is passed over: a run that comes
# meanwhile finds the thread as it was, or gone. Written as the index on it has it.
EXPIRED = """
SELECT thread_id, ttl_strategy AS strategy FROM thread
 WHERE ttl_minutes IS NOT NULL AND status IN ('idle', 'error')
   AND (pruned_at IS NULL OR pruned_at < updated_at)
   AND updated_at AT TIME ZONE 'UTC' + interval '1 minute' * ttl_minutes
       <= now() AT TIME ZONE 'UTC'
 ORDER BY updated_at AT TIME ZONE 'UTC' + interval '1 minute' * ttl_minutes
 LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

# What `manage.py prune` asks for: what has expired, and what is old. Found by their ids, one after
# the other, so that a rehearsal, which leaves all as it was, comes to an end, too.
_DUE = """
FROM thread, LATERAL (
  SELECT updated_at + interval '1 minute' * ttl_minutes <= now() AS is_expired,
         updated_at <= now() - interval '1 day' * %(days)s::float8 AS is_old) AS age,
 LATERAL (
  SELECT CASE WHEN is_expired AND ttl_strategy = 'delete' OR is_old AND %(strategy)s = 'delete'
              THEN 'delete'
              WHEN (is_expired OR is_old) AND (pruned_at IS NULL OR pruned_at < updated_at)
              THEN 'keep_latest' END AS strategy) AS due
"""
DUE = f"""
SELECT thread_id, strategy {_DUE}
 WHERE thread_id > %(after)s AND status IN ('idle', 'error') AND strategy IS NOT NULL
 ORDER BY thread_id LIMIT %(limit)s FOR UPDATE OF thread SKIP LOCKED
"""
LEFT_ALONE = f"""
SELECT status, count(*) AS threads {_DUE}
 WHERE status NOT IN ('idle', 'error') AND strategy IS NOT NULL GROUP BY status
"""

# Runs, and what else hangs on a thread, go with it by the database.
DELETE = """
WITH gone AS (
  DELETE FROM thread WHERE thread_id = ANY(%(threads)s)
  RETURNING pg_column_size(metadata) + pg_column_size(config) + pg_column_size(interrupts)
            + COALESCE(pg_column_size(values), 0) AS size
) SELECT count(*) AS rows, COALESCE(sum(size), 0) AS bytes FROM gone
"""
RUNS = """
SELECT count(*) AS rows,
       COALESCE(sum(pg_column_size(metadata) + pg_column_size(kwargs)), 0) AS bytes
  FROM run WHERE thread_id = ANY(%(threads)s)
"""
# They go with their runs, by a trigger.
EVENTS = """
SELECT count(*) AS rows, COALESCE(sum(pg_column_size(body)), 0) AS bytes
  FROM run_event WHERE run_id IN (SELECT run_id FROM run WHERE thread_id = ANY(%(threads)s))
"""
# Not an update of the thread: its time to live does not begin anew.
MARK_PRUNED = "UPDATE thread SET pruned_at = now() WHERE thread_id = ANY(%(threads)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """Threads that have lain for long, and what is to become of them."""

    days: float
    """Since the last update."""

    strategy: str
    """`delete` or `keep_latest`."""


async def sweep_threads(*, limit: int | None) -> Tally:
    """Do with expired threads what their time to live says; at most `limit` of them.

    Between batches it rests for as long as the last one took, which leaves the database to
    others half of the time.
    """
    tally, left = Tally(), limit
    while left is None or left > 0:
        began = time.monotonic()
        parameters = {"limit": BATCH if left is None else min(BATCH, left)}
        async with db.transaction() as tx:
            done = await _remove(tx, sql.SQL(EXPIRED), parameters, tally)
        if not done:
            break
        left = None if left is None else left - len(done)
        await asyncio.sleep(time.monotonic() - began)
    return tally


async def prune_old_threads(old: Old | None, *, is_rehearsal: bool) -> tuple[Tally, list[UUID]]:
    """Do what is due with expired threads and with old ones, or only count what that would be.

    Returns also the threads that are deleted.
    """
    tally, deleted, after = Tally(), list[UUID](), UUID(int=0)
    while True:
        parameters = {**_due(old), "after": after, "limit": BATCH}
        # What is undone here is counted as what is done.
        async with db.connection() as conn, conn.transaction(force_rollback=is_rehearsal):
            done = await _remove(conn, sql.SQL(DUE), parameters, tally)
        if not done:
            return tally, deleted
        deleted += [row["thread_id"] for row in done if row["strategy"] == "delete"]
        after = done[-1]["thread_id"]


async def left_alone(old: Old | None) -> Counter[str]:
    """Return how many threads would be due, were they not busy or interrupted; by status."""
    rows = await db.fetch_all(LEFT_ALONE, _due(old))
    return Counter({row["status"]: row["threads"] for row in rows})


def _due(old: Old | None) -> dict[str, Any]:
    return {
        "days": None if old is None else old.days,
        "strategy": "" if old is None else old.strategy,
    }


async def _remove(
    tx: Connection, query: sql.SQL, parameters: dict[str, Any], tally: Tally
) -> list[Row]:
    """Lock some threads and do with each what is due; returns them in their order."""
    rows: list[Row] = await (await tx.execute(query, parameters)).fetchall()
    by_strategy: dict[str, list[UUID]] = {"delete": [], "keep_latest": []}
    for row in rows:
        by_strategy[row["strategy"]].append(row["thread_id"])
    if deleted := by_strategy["delete"]:
        await _delete(tx, deleted, tally)
    if pruned := by_strategy["keep_latest"]:
        await keep_newest_checkpoints(tx, pruned, tally)
        await tx.execute(MARK_PRUNED, {"threads": pruned})
    return rows


async def _delete(tx: Connection, thread_ids: list[UUID], tally: Tally) -> None:
    threads = {"threads": thread_ids}
    tally.count("event rows", await (await tx.execute(EVENTS, threads)).fetchone())
    tally.count("runs", await (await tx.execute(RUNS, threads)).fetchone())
    tally.count("threads", await (await tx.execute(DELETE, threads)).fetchone())
    await drop_checkpoints(tx, thread_ids, tally)
