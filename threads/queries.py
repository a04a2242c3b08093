from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Connection, Row, jsonb
from common.jsoncodec import Json, JsonObject
from common.search import columns, order_by
from graphs.checkpointer import delete_checkpoints

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
_THREAD = columns(THREAD_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSearch:
    """What a caller looks for among threads; None is no condition."""

    ids: tuple[UUID, ...] | None = None
    metadata: JsonObject | None = None
    values: JsonObject | None = None
    status: str | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "updated_at"
    sort_order: str = "desc"
    select: tuple[str, ...] = THREAD_COLUMNS


SEARCH = """
SELECT {columns} FROM thread WHERE {where} {order} LIMIT %(limit)s + 1 OFFSET %(offset)s
"""
CREATE = """
INSERT INTO thread (thread_id, metadata) VALUES (%s, %s)
ON CONFLICT (thread_id) DO NOTHING RETURNING {thread}
"""
GET = "SELECT {thread} FROM thread WHERE thread_id = %s AND {visible}"
UPDATE = """
UPDATE thread SET metadata = metadata || %s, updated_at = clock_timestamp()
 WHERE thread_id = %s AND {visible} RETURNING {thread}
"""
# An engine that executes a run of the thread hears of it and stops.
DELETE = """
WITH gone AS (DELETE FROM thread WHERE thread_id = %(thread_id)s AND {visible} RETURNING thread_id)
SELECT (SELECT count(pg_notify('aegra_cancel', run_id::text)) FROM run
         WHERE run.thread_id = gone.thread_id AND status = 'running') AS stopped
  FROM gone
"""


async def create_thread(thread_id: UUID, metadata: JsonObject) -> Row | None:
    """Write a thread and return its row; None when the id is taken, by anybody."""
    query = sql.SQL(CREATE).format(thread=_THREAD)
    return await db.fetch_one(query, [thread_id, jsonb(metadata)])


async def get_thread(thread_id: UUID, *, caller: Caller) -> Row | None:
    query = sql.SQL(GET).format(thread=_THREAD, visible=visible_to(caller))
    return await db.fetch_one(query, [thread_id])


async def update_thread(thread_id: UUID, metadata: JsonObject, *, caller: Caller) -> Row | None:
    """Merge metadata into a thread's, key by key; None when the caller cannot see it."""
    query = sql.SQL(UPDATE).format(thread=_THREAD, visible=visible_to(caller))
    return await db.fetch_one(query, [jsonb(metadata), thread_id])


async def delete_thread(thread_id: UUID, *, caller: Caller) -> bool:
    """Delete a thread with its runs and checkpoints; False when the caller cannot see it."""
    query = sql.SQL(DELETE).format(visible=visible_to(caller))
    async with db.transaction() as tx:
        if await (await tx.execute(query, {"thread_id": thread_id})).fetchone() is None:
            return False
        await delete_checkpoints(tx, [thread_id])
    return True


async def search_threads(search: ThreadSearch, *, caller: Caller) -> list[Row]:
    """Return a page of threads and one more, when there is one."""
    query = sql.SQL(SEARCH).format(
        columns=columns(search.select),
        where=_where(search, caller),
        order=order_by(search.sort_by, search.sort_order, "thread_id"),
    )
    return await db.fetch_all(query, _parameters(search))


async def count_threads(search: ThreadSearch, *, caller: Caller) -> int:
    query = sql.SQL("SELECT count(*) AS n FROM thread WHERE {where}").format(
        where=_where(search, caller)
    )
    row = await db.fetch_one(query, _parameters(search))
    assert row is not None
    return int(row["n"])


CONDITIONS = {
    "ids": "thread_id = ANY(%(ids)s)",
    "metadata": "metadata @> %(metadata)s",
    "values": "values @> %(values)s",
    "status": "status = %(status)s",
}


def _where(search: ThreadSearch, caller: Caller) -> sql.Composed:
    asked = [
        sql.SQL(text)
        for name, text in CONDITIONS.items()
        if getattr(search, name) not in (None, {})
    ]
    return sql.SQL(" AND ").join([visible_to(caller), *asked])


def _parameters(search: ThreadSearch) -> dict[str, object]:
    return {
        "ids": None if search.ids is None else list(search.ids),
        "metadata": jsonb(search.metadata),
        "values": jsonb(search.values),
        "status": search.status,
        "limit": search.limit,
        "offset": search.offset,
    }


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


SAVE_STATE = """
UPDATE thread SET values = %s, interrupts = %s, error = NULL, status = %s, settled_status = %s,
       updated_at = clock_timestamp(), state_updated_at = clock_timestamp()
 WHERE thread_id = %s
"""


async def save_state(
    tx: Connection, thread_id: UUID, *, values: Json, interrupts: JsonObject, status: str
) -> None:
    """Write what the newest checkpoint says into the thread's row, for searches to find."""
    parameters: Sequence[object] = [jsonb(values), jsonb(interrupts), status, status, thread_id]
    await tx.execute(SAVE_STATE, parameters)
