"""LangGraph's store over PostgreSQL, one for each event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from langgraph.store.postgres.aio import AsyncPostgresStore

from common import db, jsoncodec

_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, Store] = WeakKeyDictionary()

# The admin needs a key of one column.
VIEW = """
CREATE OR REPLACE VIEW store_item AS
SELECT prefix || '/' || key AS item_id, prefix, key, value, created_at, updated_at FROM store
"""


_ORDER = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


class Store(AsyncPostgresStore):
    """The stock store, whose filters compare JSON values.

    The stock one compares their texts, by which 10 is less than 9, and finds no item without
    the key when it looks for those whose value differs.
    """

    def _get_filter_condition(self, key: str, op: str, value: Any) -> tuple[str, list[Any]]:
        wanted = jsoncodec.dumps(value).decode()
        if op == "$ne":
            return "value->%s IS DISTINCT FROM %s::jsonb", [key, wanted]
        if op not in _ORDER:
            return super()._get_filter_condition(key, op, value)
        # JSONB puts any number before any string: only values of one type are compared.
        condition = (
            "(jsonb_typeof(value->%s) = jsonb_typeof(%s::jsonb) "
            f"AND value->%s {_ORDER[op]} %s::jsonb)"
        )
        return condition, [key, wanted, key, wanted]


async def open_store() -> Store:
    """Return the running loop's store; the first call makes it."""
    loop = asyncio.get_running_loop()
    found = _stores.get(loop)
    if found is None:
        found = _stores[loop] = Store(await db.pool())
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
