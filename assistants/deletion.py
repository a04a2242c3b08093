from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.errors import LockNotAvailable

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import jsonb
from common.errors import Overloaded
from graphs.checkpointer import delete_checkpoints
from graphs.registry import graph_ids

# A lock that the engines hold for a moment is tried for this often, this long apart.
LOCK_TRIES = 50
LOCK_SECONDS = 0.05

DELETE = """
DELETE FROM assistant WHERE assistant_id = %(assistant_id)s AND graph_id = ANY(%(known)s)
   AND {visible}
"""

# Threads before their runs and in one order, as everywhere: no run begins on them or ends.
LOCK_THREADS = """
SELECT thread_id FROM thread WHERE thread_id IN (
  SELECT thread_id FROM thread WHERE %(with_threads)s AND metadata @> %(of_it)s AND {visible}
   UNION
  SELECT thread_id FROM run
   WHERE assistant_id = %(assistant_id)s AND status IN ('pending', 'running'))
 ORDER BY thread_id FOR UPDATE
"""

# Engines renew the leases of many runs in one statement, in any order. One that waited for a
# run here, while this waited for another of its runs, would be a deadlock: so this never waits.
LOCK_RUNS = """
SELECT 1 FROM run WHERE thread_id = ANY(%(threads)s) AND status IN ('pending', 'running')
   FOR UPDATE NOWAIT
"""

# Their runs go with them, by the database. An engine that executes one hears of it and stops.
DELETE_THREADS = """
WITH gone AS (
  DELETE FROM thread
   WHERE %(with_threads)s AND thread_id = ANY(%(threads)s) AND metadata @> %(of_it)s AND {visible}
  RETURNING thread_id
)
SELECT thread_id, (SELECT count(pg_notify('aegra_cancel', run_id::text)) FROM run
         WHERE run.thread_id = gone.thread_id AND status = 'running') AS stopped
  FROM gone
"""

# A pending run is done with at once; a running one stops when its process hears of it.
CANCEL_RUNS = """
WITH stopped AS (
  UPDATE run SET updated_at = now(), cancel_action = COALESCE(cancel_action, 'interrupt'),
         ended_at = CASE WHEN status = 'pending' THEN now() END,
         status = CASE WHEN status = 'pending' THEN 'interrupted' ELSE status END
   WHERE assistant_id = %(assistant_id)s AND thread_id = ANY(%(threads)s)
     AND status IN ('pending', 'running')
  RETURNING run_id, status
)
SELECT count(pg_notify('aegra_cancel', run_id::text)) FROM stopped WHERE status = 'running'
"""
DERIVE_STATUS = """
UPDATE thread SET updated_at = now(), status = settled_status
 WHERE thread_id = ANY(%(threads)s) AND status = 'busy' AND NOT EXISTS (
   SELECT 1 FROM run WHERE run.thread_id = thread.thread_id
      AND run.status IN ('pending', 'running'))
"""


async def delete_assistant(assistant_id: UUID, *, with_threads: bool, caller: Caller) -> bool:
    """Delete an assistant with its versions; its active runs are cancelled.

    With its threads, too, all that the caller can see of those it ran on last, with their runs
    and checkpoints: everything or nothing. False when the caller cannot see the assistant.
    """
    for _ in range(LOCK_TRIES):
        try:
            return await _delete(assistant_id, with_threads=with_threads, caller=caller)
        except LockNotAvailable:
            await asyncio.sleep(LOCK_SECONDS)
    raise Overloaded(f"The runs of assistant {assistant_id} are in use. Try again.")


async def _delete(assistant_id: UUID, *, with_threads: bool, caller: Caller) -> bool:
    parameters: dict[str, Any] = {
        "assistant_id": assistant_id,
        "known": graph_ids(),
        "with_threads": with_threads,
        "of_it": jsonb({"assistant_id": str(assistant_id)}),
    }
    visible = visible_to(caller)
    async with db.transaction() as tx:
        deleted = await tx.execute(sql.SQL(DELETE).format(visible=visible), parameters)
        if deleted.rowcount == 0:
            return False
        locked = await tx.execute(sql.SQL(LOCK_THREADS).format(visible=visible), parameters)
        parameters["threads"] = [row["thread_id"] for row in await locked.fetchall()]
        if parameters["threads"]:
            await _stop_runs(tx, parameters, visible)
    return True


async def _stop_runs(
    tx: db.Connection, parameters: dict[str, Any], visible: sql.Composable
) -> None:
    await tx.execute(LOCK_RUNS, parameters)
    gone = await tx.execute(sql.SQL(DELETE_THREADS).format(visible=visible), parameters)
    if thread_ids := [row["thread_id"] for row in await gone.fetchall()]:
        await delete_checkpoints(tx, thread_ids)
    await tx.execute(CANCEL_RUNS, parameters)
    await tx.execute(DERIVE_STATUS, parameters)
