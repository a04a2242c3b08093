"""The SQL by which runs are told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common.db import Connection
from runs.webhooks.queries import announce

ACTIVE = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Runs that were active until now."""

    running: tuple[UUID, ...] = ()
    """They have begun, and stop when a process obeys."""

    pending: tuple[UUID, ...] = ()
    """Done with at once."""

    @property
    def run_ids(self) -> list[UUID]:
        return [*self.running, *self.pending]


LOCK_THREADS = """
SELECT thread_id FROM thread WHERE {visible} AND thread_id IN (
  SELECT thread_id FROM run WHERE status = ANY(%s)) ORDER BY thread_id FOR UPDATE
"""


async def lock_active_threads(
    tx: Connection, statuses: Sequence[str], *, caller: Caller
) -> list[UUID]:
    """Lock every thread with a run of some status, always in the same order."""
    query = sql.SQL(LOCK_THREADS).format(visible=visible_to(caller))
    cursor = await tx.execute(query, [list(statuses)])
    return [row["thread_id"] for row in await cursor.fetchall()]


# One statement, so that a claim of a pending run comes before it or after it. A run that has not
# begun is interrupted on the spot; one to be rolled back is deleted by the next statement. One
# that was handed back has done something: an engine claims it and stops it as one that runs.
# Locked in the order in which an engine renews the leases of many.
MARK = """
UPDATE run SET updated_at = now(),
       cancel_action = CASE WHEN cancel_action = 'rollback' THEN 'rollback' ELSE %(action)s END,
       ended_at = CASE WHEN status = 'pending' AND attempt = 0 THEN now() END,
       status = CASE WHEN status = 'pending' AND attempt = 0 AND %(action)s = 'interrupt'
                     THEN 'interrupted' ELSE status END
  FROM (SELECT run_id AS id FROM run
         WHERE thread_id = ANY(%(thread_ids)s) AND status = ANY(%(statuses)s)
           AND (%(run_ids)s::uuid[] IS NULL OR run_id = ANY(%(run_ids)s))
         ORDER BY run_id FOR NO KEY UPDATE) AS active
 WHERE run_id = active.id
RETURNING run_id, status, attempt > 0 AS has_begun, kwargs->>'webhook' AS webhook
"""
DELETE_PENDING = "DELETE FROM run WHERE run_id = ANY(%s) AND status = 'pending'"
NOTIFY_PENDING = "SELECT pg_notify('aegra_run', '')"
NOTIFY = "SELECT pg_notify('aegra_cancel', run_id::text) FROM unnest(%s::uuid[]) AS run_id"

# The thread's status follows from its runs, whatever has become of them.
DERIVE_STATUS = """
UPDATE thread SET updated_at = now(), status = CASE WHEN EXISTS (
         SELECT 1 FROM run WHERE run.thread_id = thread.thread_id
            AND run.status IN ('pending', 'running')) THEN 'busy' ELSE settled_status END
 WHERE thread_id = ANY(%s)
"""


async def mark_cancelled(
    tx: Connection,
    thread_ids: Sequence[UUID],
    action: str,
    *,
    run_ids: Sequence[UUID] | None = None,
    statuses: Sequence[str] = ACTIVE,
) -> Cancelled:
    """Write down that active runs of some threads are to stop: all, or those named.

    The caller holds the threads' locks, and derives their statuses when pending ones are gone.
    """
    parameters = {
        "thread_ids": list(thread_ids),
        "action": action,
        "run_ids": None if run_ids is None else list(run_ids),
        "statuses": list(statuses),
    }
    rows = await (await tx.execute(MARK, parameters)).fetchall()
    running = tuple(row["run_id"] for row in rows if row["has_begun"])
    pending = tuple(row["run_id"] for row in rows if not row["has_begun"])
    for row in rows:
        if row["webhook"] and row["status"] == "interrupted":
            await announce(tx, row["run_id"], webhook=row["webhook"])
    if pending:
        await tx.execute(DELETE_PENDING, [list(pending)])
    if running:
        await tx.execute(NOTIFY, [list(running)])
    if any(row["has_begun"] and row["status"] == "pending" for row in rows):
        # A claim that came meanwhile has passed over what is locked here.
        await tx.execute(NOTIFY_PENDING)
    return Cancelled(running=running, pending=pending)


async def derive_thread_status(tx: Connection, thread_ids: Sequence[UUID]) -> None:
    await tx.execute(DERIVE_STATUS, [list(thread_ids)])


async def delete_run_row(tx: Connection, run_id: UUID) -> None:
    """Delete a run that has ended; its checkpoints stay, being the thread's."""
    await tx.execute(
        "DELETE FROM run WHERE run_id = %s AND status NOT IN ('pending', 'running')", [run_id]
    )
