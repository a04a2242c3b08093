from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.config import project_config
from common.db import Connection, Row, jsonb
from common.jsoncodec import Json, JsonObject
from common.search import columns
from common.ttl import Ttl
from graphs.checkpointer import delete_checkpoints
from threads.seen import keep_thread

THREAD_COLUMNS = (
    "thread_id",
    "created_at",
    "updated_at",
    "state_updated_at",
    "metadata",
    "status",
    "config",
    "values",
    "interrupts",
    "error",
)
THREAD = columns(THREAD_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewThread:
    """The row of a thread to be written."""

    thread_id: UUID
    metadata: JsonObject = field(default_factory=dict)
    ttl: Ttl | None = None
    """None is the project's own."""
    has_new_id: bool = False
    """Whether its id was made for it, so that nothing can be stored under it yet."""


CREATE = (
    sql.SQL("""
INSERT INTO thread (thread_id, metadata, ttl_minutes, ttl_strategy)
VALUES (%(thread_id)s, %(metadata)s, %(ttl_minutes)s, %(ttl_strategy)s)
ON CONFLICT (thread_id) DO NOTHING RETURNING {thread}
""")
    .format(thread=THREAD)
    .as_bytes(None)
)
GET = "SELECT {thread} FROM thread WHERE thread_id = %s AND {visible}"
# Asked for by name, as `include=ttl`.
TTL = """
CASE WHEN ttl_minutes IS NOT NULL THEN jsonb_build_object(
  'strategy', ttl_strategy, 'ttl_minutes', ttl_minutes,
  'expires_at', updated_at + make_interval(secs => ttl_minutes * 60)) END AS ttl
"""
GROUND = "SELECT metadata, config FROM thread WHERE thread_id = %s AND {visible}"
UPDATE = """
UPDATE thread SET metadata = metadata || %(metadata)s, updated_at = clock_timestamp(),
       ttl_minutes = COALESCE(%(ttl_minutes)s, ttl_minutes),
       ttl_strategy = COALESCE(%(ttl_strategy)s, ttl_strategy)
 WHERE thread_id = %(thread_id)s AND {visible} RETURNING {thread}
"""
# An engine that executes a run of the thread hears of it and stops.
DELETE = """
WITH gone AS (DELETE FROM thread WHERE thread_id = %(thread_id)s AND {visible} RETURNING thread_id)
SELECT (SELECT count(pg_notify('aegra_cancel', run_id::text)) FROM run
         WHERE run.thread_id = gone.thread_id AND status = 'running') AS stopped
  FROM gone
"""


async def create_thread(new: NewThread) -> Row | None:
    """Write a thread and return its row; None when the id is taken, by anybody."""
    async with db.connection() as conn:
        row = await insert_thread(conn, new)
    if row is not None:
        keep_thread(row, is_empty=new.has_new_id)
    return row


async def insert_thread(conn: Connection, new: NewThread) -> Row | None:
    """Write a thread, as part of a transaction; None when the id is taken, by anybody."""
    parameters = {
        "thread_id": new.thread_id,
        "metadata": jsonb(new.metadata),
        **ttl_parameters(new.ttl or project_config().thread_ttl),
    }
    cursor = await conn.execute(CREATE, parameters)
    return await cursor.fetchone()


def ttl_parameters(ttl: Ttl | None) -> dict[str, object]:
    return {
        "ttl_minutes": None if ttl is None else ttl.minutes,
        "ttl_strategy": None if ttl is None else ttl.strategy,
    }


async def get_thread(thread_id: UUID, *, caller: Caller, with_ttl: bool = False) -> Row | None:
    shown = sql.SQL(", ").join([THREAD, sql.SQL(TTL)]) if with_ttl else THREAD
    query = sql.SQL(GET).format(thread=shown, visible=visible_to(caller))
    return await db.fetch_one(query, [thread_id])


async def get_ground(thread_id: UUID, *, caller: Caller) -> Row | None:
    """Return a thread's metadata and config, which say how its graph is opened."""
    return await db.fetch_one(sql.SQL(GROUND).format(visible=visible_to(caller)), [thread_id])


async def update_thread(
    thread_id: UUID, metadata: JsonObject, ttl: Ttl | None, *, caller: Caller
) -> Row | None:
    """Merge metadata into a thread's, key by key; None when the caller cannot see it.

    A `ttl` of None keeps the one that the thread has.
    """
    query = sql.SQL(UPDATE).format(thread=THREAD, visible=visible_to(caller))
    parameters = {
        "thread_id": thread_id,
        "metadata": jsonb(metadata),
        **ttl_parameters(ttl),
    }
    return await db.fetch_one(query, parameters)


async def delete_thread(thread_id: UUID, *, caller: Caller) -> bool:
    """Delete a thread with its runs and checkpoints; False when the caller cannot see it."""
    query = sql.SQL(DELETE).format(visible=visible_to(caller))
    async with db.transaction() as tx:
        if await (await tx.execute(query, {"thread_id": thread_id})).fetchone() is None:
            return False
        await delete_checkpoints(tx, [thread_id])
    return True


# The status is the row's own, as of when the lock is had: a look at the runs would see them as of
# the statement's beginning, and miss one that was submitted while the lock was awaited.
LOCK = """
SELECT metadata, config, status = 'busy' AS is_busy
  FROM thread WHERE thread_id = %s AND {visible} FOR UPDATE
"""


async def lock_thread(tx: Connection, thread_id: UUID, *, caller: Caller) -> Row | None:
    """Lock a thread, so that no run begins on it; tells its metadata, config and `is_busy`."""
    query = sql.SQL(LOCK).format(visible=visible_to(caller))
    return await (await tx.execute(query, [thread_id])).fetchone()


ACTIVE = """
SELECT 1 FROM run WHERE thread_id = %s AND status IN ('pending', 'running') LIMIT 1
"""


async def has_active_run(tx: Connection, thread_id: UUID) -> bool:
    """Tell whether a run is active on a thread that this transaction has locked."""
    return await (await tx.execute(ACTIVE, [thread_id])).fetchone() is not None


FREE = """
UPDATE thread SET status = settled_status, updated_at = now()
 WHERE thread_id = %s AND status = 'busy'
"""


async def free_thread(tx: Connection, thread_id: UUID) -> None:
    """Give a locked thread without an active run the status that its last run has left."""
    await tx.execute(FREE, [thread_id])


SAVE_STATE = """
UPDATE thread SET values = %s, interrupts = %s, error = NULL, status = %s, settled_status = %s,
       updated_at = now.at, state_updated_at = now.at
  FROM (SELECT clock_timestamp() AS at) AS now
 WHERE thread_id = %s
"""


async def save_state(
    tx: Connection, thread_id: UUID, *, values: Json, interrupts: JsonObject, status: str
) -> None:
    """Write what the newest checkpoint says into the thread's row, for searches to find."""
    parameters: Sequence[object] = [jsonb(values), jsonb(interrupts), status, status, thread_id]
    await tx.execute(SAVE_STATE, parameters)


STORAGE = """
SELECT thread_id,
       pg_column_size(metadata) + pg_column_size(config) + pg_column_size(interrupts)
         + COALESCE(pg_column_size(values), 0) AS thread_bytes,
       (SELECT COALESCE(sum(pg_column_size(metadata) + pg_column_size(kwargs)), 0)
          FROM run WHERE run.thread_id = thread.thread_id) AS runs_bytes,
       (SELECT COALESCE(sum(pg_column_size(checkpoint) + pg_column_size(c.metadata)), 0)
          FROM checkpoints c WHERE c.thread_id = thread.thread_id::text) AS checkpoints_bytes,
       (SELECT COALESCE(sum(pg_column_size(blob)), 0)
          FROM checkpoint_blobs b WHERE b.thread_id = thread.thread_id::text) AS blobs_bytes,
       (SELECT COALESCE(sum(pg_column_size(blob)), 0)
          FROM checkpoint_writes w WHERE w.thread_id = thread.thread_id::text) AS writes_bytes
  FROM thread WHERE thread_id = %s AND {visible}
"""


async def thread_storage(thread_id: UUID, *, caller: Caller) -> Row | None:
    """Return how many bytes a thread takes in the database, compressed as they lie there."""
    return await db.fetch_one(sql.SQL(STORAGE).format(visible=visible_to(caller)), [thread_id])


async def tell_written(tx: Connection, thread_id: UUID) -> None:
    """Tell every process that a client wrote the state of a thread; who follows it listens."""
    await tx.execute("SELECT pg_notify('aegra_state', %s)", [str(thread_id)])
