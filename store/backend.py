"""LangGraph's store over PostgreSQL, one for each event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from weakref import WeakKeyDictionary

from langgraph.store.postgres.aio import AsyncPostgresStore

from common import db

_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncPostgresStore] = WeakKeyDictionary()

# The admin needs a key of one column.
VIEW = """
CREATE OR REPLACE VIEW store_item AS
SELECT prefix || '/' || key AS item_id, prefix, key, value, created_at, updated_at FROM store
"""


async def open_store() -> AsyncPostgresStore:
    """Return the running loop's store; the first call makes it."""
    loop = asyncio.get_running_loop()
    found = _stores.get(loop)
    if found is None:
        found = _stores[loop] = AsyncPostgresStore(await db.pool())
    return found


async def close_store() -> None:
    """End the running loop's store and its background task, if it has one."""
    found = _stores.pop(asyncio.get_running_loop(), None)
    task = getattr(found, "_task", None)
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def setup() -> None:
    """Bring LangGraph's store tables to this version."""
    await (await open_store()).setup()
    await db.execute(VIEW)
