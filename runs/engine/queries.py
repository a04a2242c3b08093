"""The SQL by which a run ends: settle, roll back, drop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from common import db
from common.db import Connection, Row, jsonb
from common.jsoncodec import Json, JsonObject, RawJson
from graphs.group_commit import Fence
from runs.events.queries import LAST_WORDS, last_words
from runs.events.store import Chunk
from runs.spec import ClaimedRun
from runs.webhooks.queries import Ending, announce, announce_temporary
from threads.seen import keep_thread


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadHead:
    """What a run has left on its thread."""

    values: Json | RawJson
    interrupts: JsonObject
    has_next: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended, to be settled."""

    status: str
    error: JsonObject | None
    head: ThreadHead | None
    """None when there is no checkpoint to tell of, or no graph to read it."""

    output: bytes | None = None
    """What the run came to, as JSON: it is told of a run that goes with its thread."""

    leaves_thread: bool = False
    """True when the run was refused before it did anything: the thread stays as it was."""

    @property
    def thread_status(self) -> str | None:
        """The thread's status when no other run is active; None leaves it as it was."""
        if self.leaves_thread:
            return None
        if self.status in ("error", "timeout"):
            return "error"
        if self.head is None:
            return "idle" if self.status == "success" else None
        return "interrupted" if self.head.has_next else "idle"


# KEY SHARE: neither the renewal of a lease nor a cancel waits for it; who takes the run away from
# this attempt locks FOR UPDATE, and does.
FENCE: LiteralString = """
SELECT number FROM asked JOIN run USING (run_id, attempt) WHERE status = 'running'
 ORDER BY run_id FOR KEY SHARE OF run"""


def fence_of(run: ClaimedRun) -> Fence:
    """Return what holds for as long as an attempt has its run."""
    return Fence(statement=FENCE, run_id=run.run_id, attempt=run.attempt)


LOCK = "SELECT 1 FROM thread WHERE thread_id = %s FOR UPDATE"

# A cancel that came before the end is obeyed: `interrupt` here, `rollback` by its own verb. But
# what failed by itself has failed: its thread and its stream tell of the error already.
SETTLE = (
    sql.SQL("""
WITH settled AS (
  UPDATE run SET status = CASE WHEN cancel_action IS NULL OR %(status)s IN ('error', 'timeout')
                               THEN %(status)s ELSE 'interrupted' END,
         error = %(error)s, lease_until = NULL, ended_at = now(), updated_at = now()
   WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND status = 'running'
     AND cancel_action IS DISTINCT FROM 'rollback'
  RETURNING thread_id
), waiting AS (
  SELECT EXISTS (SELECT 1 FROM run WHERE thread_id = %(thread_id)s AND run_id <> %(run_id)s
                    AND status IN ('pending', 'running')) AS any
), last_words AS ({last_words})
UPDATE thread SET
       settled_status = COALESCE(%(thread_status)s, settled_status),
       status = CASE WHEN waiting.any THEN 'busy'
                     ELSE COALESCE(%(thread_status)s, settled_status) END,
       values = CASE WHEN %(has_head)s THEN %(values)s ELSE values END,
       interrupts = CASE WHEN %(has_head)s THEN %(interrupts)s ELSE interrupts END,
       error = CASE WHEN %(leaves_thread)s THEN thread.error ELSE %(error)s END,
       updated_at = now(),
       state_updated_at = CASE WHEN %(leaves_thread)s THEN state_updated_at ELSE now() END
  FROM settled, waiting WHERE thread.thread_id = settled.thread_id
RETURNING waiting.any AS has_waiting, thread.thread_id, thread.metadata, thread.config,
          thread.updated_at
""")
    .format(last_words=sql.SQL(LAST_WORDS))
    .as_bytes(None)
)


async def settle(run: ClaimedRun, outcome: Outcome, words: Chunk | None = None) -> bool | None:
    """Write the final status of a run and of its thread; None when the lease is lost.

    Otherwise tells whether runs wait on the thread. None too when the run is to be rolled back:
    the caller does that then.
    """
    parameters = {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "attempt": run.attempt,
        "status": outcome.status,
        "error": jsonb(outcome.error),
        "leaves_thread": outcome.leaves_thread,
        **last_words(words),
        **_head_parameters(outcome.head, outcome.thread_status),
    }
    async with db.connection() as conn:
        # A pipeline is a transaction too, in one round trip, but for what is read in between.
        async with conn.transaction() if run.webhook else conn.pipeline():
            await conn.execute(LOCK, [run.thread_id])
            settled = await conn.execute(SETTLE, parameters)
            if run.webhook and settled.rowcount:
                await announce(conn, run.run_id, webhook=run.webhook)
        row = await settled.fetchone()
    if row is None:
        return None
    if not row["has_waiting"]:
        keep_thread(row)
    return bool(row["has_waiting"])


DROP_TEMPORARY = (
    sql.SQL("""
WITH settled AS (
  DELETE FROM thread USING run WHERE run.run_id = %(run_id)s AND run.attempt = %(attempt)s
     AND run.status = 'running' AND thread.thread_id = run.thread_id
  RETURNING 1
), last_words AS ({last_words})
SELECT 1 FROM settled
""")
    .format(last_words=sql.SQL(LAST_WORDS))
    .as_bytes(None)
)


async def drop_temporary_thread(
    run: ClaimedRun, outcome: Outcome, words: Chunk | None = None
) -> bool:
    """Delete a stateless run's thread, and so the run; False when the lease is lost."""
    parameters = {"run_id": run.run_id, "attempt": run.attempt, **last_words(words)}
    if not run.webhook:
        return await db.execute(DROP_TEMPORARY, parameters) > 0
    ending = Ending(status=outcome.status, error=outcome.error, output=outcome.output)
    async with db.transaction() as tx:
        await tx.execute(LOCK, [run.thread_id])
        await announce_temporary(tx, run, ending)
        dropped = await tx.execute(DROP_TEMPORARY, parameters)
    return dropped.rowcount > 0


FINISH_ROLLBACK = """
WITH gone AS (
  DELETE FROM run WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND status = 'running'
  RETURNING thread_id
), waiting AS (
  SELECT EXISTS (SELECT 1 FROM run WHERE thread_id = %(thread_id)s AND run_id <> %(run_id)s
                    AND status IN ('pending', 'running')) AS any
)
UPDATE thread SET
       settled_status = %(thread_status)s,
       status = CASE WHEN waiting.any THEN 'busy' ELSE %(thread_status)s END,
       values = CASE WHEN %(has_head)s THEN %(values)s ELSE values END,
       interrupts = CASE WHEN %(has_head)s THEN %(interrupts)s ELSE interrupts END,
       error = NULL, updated_at = now(), state_updated_at = now()
  FROM gone, waiting WHERE thread.thread_id = gone.thread_id
RETURNING 1
"""


async def finish_rollback(run: ClaimedRun, head: ThreadHead | None) -> bool:
    """Delete a rolled back run whose checkpoints are gone; False when the lease is lost."""
    status = "interrupted" if head and head.has_next else "idle"
    parameters = {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "attempt": run.attempt,
        **_head_parameters(head, status),
    }
    async with db.connection() as conn, conn.pipeline(), conn.transaction():
        await conn.execute(LOCK, [run.thread_id])
        finished = await conn.execute(FINISH_ROLLBACK, parameters)
        return await finished.fetchone() is not None


def _head_parameters(head: ThreadHead | None, thread_status: str | None) -> dict[str, Any]:
    return {
        "has_head": head is not None,
        "values": jsonb(head.values) if head else None,
        "interrupts": jsonb(head.interrupts) if head else None,
        "thread_status": thread_status,
    }


HELD = """
SELECT status, cancel_action, attempt = %s AND status = 'running' AS is_held
  FROM run WHERE run_id = %s
"""


async def held_run(conn: Connection, run: ClaimedRun, *, lock: bool = False) -> Row | None:
    """Return what a run has become, and whether this attempt still holds it; None when gone.

    With `lock` nobody takes it over before the transaction ends.
    """
    query = HELD + " FOR UPDATE" if lock else HELD
    return await (await conn.execute(query, [run.attempt, run.run_id])).fetchone()
