from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from common import db
from runs.engine.engine import current_engine
from runs.engine.leases import LeaseKeeper
from tests.streaming import MakeThread, reading

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


@pytest.mark.usefixtures("api")
async def test_a_run_whose_lease_is_not_there_is_stopped(settings: Any) -> None:
    settings.RUN_LEASE_SECONDS = 0.3
    loop, stopped = asyncio.get_running_loop(), asyncio.Queue[UUID]()
    mine = uuid4()

    def stop(run_id: UUID) -> None:
        loop.call_soon_threadsafe(stopped.put_nowait, run_id)

    keeper = LeaseKeeper({mine}, stop, lambda: None)

    await asyncio.to_thread(keeper.start)

    try:
        assert await asyncio.wait_for(stopped.get(), 5) == mine
    finally:
        await asyncio.to_thread(keeper.stop)


async def test_a_run_whose_lease_is_there_goes_on(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.RUN_LEASE_SECONDS = 0.3
    stopped: list[UUID] = []
    beats = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        run_id = UUID(reader.headers["content-location"].rpartition("/")[2])

        def beat() -> None:
            loop.call_soon_threadsafe(beats.release)

        keeper = LeaseKeeper({run_id}, stopped.append, beat)
        await db.execute(
            "UPDATE run SET claimed_by = %s WHERE run_id = %s", [keeper.process_number, run_id]
        )

        await asyncio.to_thread(keeper.start)

        try:
            async with asyncio.timeout(5):
                for _ in range(3):
                    await beats.acquire()
            assert stopped == []
        finally:
            await asyncio.to_thread(keeper.stop)
            current_engine().cancel_local(run_id)
    await api.delete(f"/threads/{thread_id}")
