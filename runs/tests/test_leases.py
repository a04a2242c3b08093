from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from common import db
from runs.engine.leases import LeaseKeeper
from tests.streaming import MakeThread

ECHO = {"assistant_id": "echo", "input": {"messages": ["hi"]}}
CLAIM = "UPDATE run SET status = 'running', claimed_by = %s WHERE run_id = %s"


def unwanted(run_id: UUID) -> None:
    raise AssertionError(f"{run_id} is not cancelled")


@pytest.mark.usefixtures("api")
async def test_a_run_whose_lease_is_not_there_is_stopped(settings: Any) -> None:
    settings.RUN_LEASE_SECONDS = 0.3
    loop, stopped = asyncio.get_running_loop(), asyncio.Queue[UUID]()
    mine = uuid4()

    def stop(run_id: UUID) -> None:
        loop.call_soon_threadsafe(stopped.put_nowait, run_id)

    keeper = LeaseKeeper({mine}, unwanted, stop, lambda: None)

    await asyncio.to_thread(keeper.start)

    try:
        assert await asyncio.wait_for(stopped.get(), 5) == mine
    finally:
        await asyncio.to_thread(keeper.stop)


async def test_a_run_whose_lease_is_there_goes_on(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.RUN_LEASE_SECONDS = 0.3
    thread_id = await thread()
    await api.post(f"/threads/{thread_id}/runs/wait", json=ECHO)
    run_id = UUID((await api.get(f"/threads/{thread_id}/runs")).json()[0]["run_id"])
    stopped: list[UUID] = []
    beats, loop = asyncio.Semaphore(0), asyncio.get_running_loop()

    def beat() -> None:
        loop.call_soon_threadsafe(beats.release)

    keeper = LeaseKeeper({run_id}, stopped.append, stopped.append, beat)
    # As if this keeper's process executed it.
    await db.execute(CLAIM, [keeper.process_number, run_id])
    await asyncio.to_thread(keeper.start)

    try:
        async with asyncio.timeout(5):
            for _ in range(3):
                await beats.acquire()
        assert stopped == []
    finally:
        await asyncio.to_thread(keeper.stop)
        await api.delete(f"/threads/{thread_id}")
