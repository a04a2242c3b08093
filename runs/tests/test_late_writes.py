"""What a graph still writes when its run has been cancelled."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from common import db
from runs.engine.current import current_engine
from tests.streaming import MakeThread, reading

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}
LEFT = "SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s"


async def test_a_write_that_lags_behind_a_cancel_leaves_no_row_of_a_deleted_thread(
    api: httpx.AsyncClient, thread: MakeThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = await thread()
    stock = AsyncPostgresSaver.aput_writes
    cancelled, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def lagging(self: Any, *args: Any, **kwargs: Any) -> None:
        if not cancelled.is_set():
            return await stock(self, *args, **kwargs)
        await asyncio.sleep(0.2)
        try:
            await stock(self, *args, **kwargs)
        finally:
            loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(AsyncPostgresSaver, "aput_writes", lagging)
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        run_id = UUID(reader.headers["content-location"].rpartition("/")[2])
        # The node sleeps by then; LangGraph writes down that it was cancelled.
        await asyncio.sleep(0.1)
        cancelled.set()
        assert (await api.delete(f"/threads/{thread_id}")).status_code == 204
        assert [frame.event async for frame in reader.frames()] == []
        async with asyncio.timeout(3):
            await written.wait()

    async with asyncio.timeout(3):
        while current_engine().is_executing(run_id):  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.02)
    assert await db.fetch_one(LEFT, [thread_id]) == {"count": 0}
