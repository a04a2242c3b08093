"""What a graph still writes when its run has been cancelled."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from graphs import group_commit
from graphs.group_commit import Fence
from runs.engine.current import current_engine
from tests.streaming import MakeThread, reading

# Its node swallows the cancel, and has something to write then.
LONG = {"assistant_id": "stubborn", "input": {"kind": "prompt"}}
LEFT = "SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s"


async def test_a_write_that_lags_behind_a_cancel_leaves_no_row_of_a_deleted_thread(
    api: httpx.AsyncClient, thread: MakeThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = await thread()
    commit = group_commit._executed
    cancelled, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def lagging(*args: Any) -> set[Fence]:
        if not cancelled.is_set():
            return await commit(*args)
        await asyncio.sleep(0.2)
        try:
            return await commit(*args)
        finally:
            loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(group_commit, "_executed", lagging)
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        run_id = UUID(reader.headers["content-location"].rpartition("/")[2])
        # The node sleeps by then.
        await asyncio.sleep(0.1)
        cancelled.set()
        assert (await api.delete(f"/threads/{thread_id}")).status_code == 204
        async for _ in reader.frames():
            pass
        async with asyncio.timeout(3):
            await written.wait()

    async with asyncio.timeout(3):
        while current_engine().is_executing(run_id):  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.02)
    assert await db.fetch_one(LEFT, [thread_id]) == {"count": 0}
