"""A run that failed, tried again."""

from __future__ import annotations

from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.errors import Conflict, NotFound
from runs.cancel_queries import derive_thread_status
from runs.inspecting import threads_of
from runs.models import RunStatus
from runs.queries import announce_run, lock_thread

ENDED = (RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.INTERRUPTED)

# The newest of its thread, so that it goes on from the checkpoint that it has left.
STANDING = """
SELECT status, NOT EXISTS (
  SELECT 1 FROM run AS later WHERE later.thread_id = run.thread_id
     AND (later.created_at, later.run_id) > (run.created_at, run.run_id)
) AS is_newest FROM run WHERE run_id = %s AND {visible}
"""
PUT_BACK = """
UPDATE run SET status = 'pending', error = NULL, cancel_action = NULL, claimed_by = NULL,
       lease_until = NULL, lost_attempts = 0, started_at = NULL, ended_at = NULL,
       updated_at = now()
 WHERE run_id = %s
"""


async def retry_run(run_id: UUID, *, caller: Caller) -> None:
    """Put a run that failed or was stopped back into the queue.

    Its next attempt goes on from the run's last checkpoint, so that nothing of what is done is
    done twice; without one it begins with its input. Raises Conflict for a run that is active or
    has succeeded, and for one after which others came on its thread.
    """
    thread_id = (await threads_of([run_id], caller=caller)).get(run_id)
    if thread_id is None:
        raise NotFound(f"Run with ID {run_id} not found")
    async with db.transaction() as tx:
        await lock_thread(tx, thread_id, caller=caller)
        query = sql.SQL(STANDING).format(visible=visible_to(caller))
        row = await (await tx.execute(query, [run_id])).fetchone()
        if row is None:
            raise NotFound(f"Run with ID {run_id} not found")
        if row["status"] not in ENDED:
            raise Conflict(
                f"Run {run_id} is {row['status']}: only runs that ended as error, timeout or "
                "interrupted can be tried again."
            )
        if not row["is_newest"]:
            raise Conflict(
                f"Run {run_id} is not the last of its thread: what came after stands on what it "
                "left. Start a new run instead."
            )
        await tx.execute(PUT_BACK, [run_id])
        await derive_thread_status(tx, [thread_id])
        await announce_run(tx, 0)
