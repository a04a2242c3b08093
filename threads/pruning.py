"""Threads removed, or their checkpoints but the newest."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from graphs.checkpointer import delete_checkpoints
from graphs.upkeep import keep_newest_checkpoints

# A thread that is busy is passed over. The status is looked at again once the lock is had; locks
# are taken in one order, as everywhere.
LOCK = """
SELECT thread_id FROM thread WHERE thread_id = ANY(%s) AND status <> 'busy' AND {visible}
 ORDER BY thread_id FOR UPDATE
"""
DELETE = "DELETE FROM thread WHERE thread_id = ANY(%s)"


async def prune_threads(thread_ids: Sequence[UUID], strategy: str, *, caller: Caller) -> int:
    """Prune the threads that the caller can see and that are not busy; returns how many.

    `delete` removes them with their runs and checkpoints; `keep_latest` leaves of the checkpoints
    what is needed to go on from the newest state.
    """
    query = sql.SQL(LOCK).format(visible=visible_to(caller))
    async with db.transaction() as tx:
        cursor = await tx.execute(query, [list(thread_ids)])
        found: list[UUID] = [row["thread_id"] for row in await cursor.fetchall()]
        if strategy == "keep_latest":
            return len(await keep_newest_checkpoints(tx, found))
        await tx.execute(DELETE, [found])
        await delete_checkpoints(tx, found)
    return len(found)
