"""An attempt that has lost its run, and goes on: nothing of it is kept, nor heard."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from common.jsoncodec import JsonObject
from graphs.group_commit import RunOver, group_commit
from graphs.run_saver import open_run_saver
from runs.engine.claim_queries import hand_back
from runs.engine.current import current_engine
from runs.engine.queries import Outcome, fence_of, settle
from runs.events.store import Chunk
from runs.spec import ClaimedRun
from tests.streaming import MakeThread, reading, started

SLEEPER: JsonObject = {"assistant_id": "sleeper", "input": {"seconds": 1}}
# As if another process had put it back, and a third had claimed it.
TAKE = """
UPDATE run SET attempt = attempt + 1, claimed_by = 1, lease_until = now() + interval '1 hour'
 WHERE run_id = %s
"""
END = "UPDATE run SET status = 'success', ended_at = now() WHERE run_id = %s"
CHECKPOINT: Any = {"configurable": {"thread_id": "", "checkpoint_ns": "", "checkpoint_id": "1"}}


def of_attempt(run_id: str, thread_id: str, attempt: int) -> ClaimedRun:
    return ClaimedRun(
        run_id=UUID(run_id),
        thread_id=UUID(thread_id),
        assistant_id=UUID(int=0),
        kwargs={},
        attempt=attempt,
        is_fresh=attempt == 1,
        claimed_at=datetime.now(UTC),
    )


async def checkpoints(api: httpx.AsyncClient, thread_id: str) -> list[str]:
    history = (await api.get(f"/threads/{thread_id}/history")).json()
    return [state["checkpoint_id"] for state in history]


async def is_idle(run_id: str) -> None:
    async with asyncio.timeout(5):
        while current_engine().is_executing(UUID(run_id)):  # noqa: ASYNC110 -- of another thread
            await asyncio.sleep(0.02)


async def test_an_attempt_that_lost_its_run_writes_no_checkpoint(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", SLEEPER) as reader:
        await reader.until("values")
        run_id = reader.headers["content-location"].rpartition("/")[2]
        async with asyncio.timeout(5):
            while len(before := await checkpoints(api, thread_id)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        await db.execute(TAKE, [run_id])
        await is_idle(run_id)

        assert await checkpoints(api, thread_id) == before
        run = (await api.get(f"/threads/{thread_id}/runs/{run_id}")).json()
        assert run["status"] == "running"
        await db.execute(END, [run_id])
    await api.delete(f"/threads/{thread_id}")


def last_words(run: ClaimedRun) -> Chunk:
    return Chunk(run_id=run.run_id, attempt=run.attempt, last=1, body=b"last")


async def test_only_the_attempt_that_has_a_run_writes_and_settles(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 60})
    await db.execute(TAKE, [run_id])
    lost, held = (of_attempt(run_id, thread_id, attempt) for attempt in (1, 2))
    place: Any = {"configurable": {**CHECKPOINT["configurable"], "thread_id": thread_id}}

    with pytest.raises(RunOver):
        await (await open_run_saver(fence_of(lost))).aput_writes(place, [("a", 1)], "task")
    await (await open_run_saver(fence_of(held))).aput_writes(place, [("a", 1)], "task")
    outcome = Outcome(status="success", error=None, head=None)
    assert await settle(lost, outcome, last_words(lost)) is None
    assert not await hand_back(lost)
    assert await settle(held, outcome, last_words(held)) is False
    said = await db.fetch_all(
        "SELECT attempt FROM run_event WHERE run_id = %s AND body = 'last'", [run_id]
    )
    assert [row["attempt"] for row in said] == [2]

    with pytest.raises(RunOver):
        await (await open_run_saver(fence_of(held))).aput_writes(place, [("a", 1)], "task")
    current_engine()._keeper.renew_soon()
    await is_idle(run_id)


async def test_neither_a_renewal_nor_a_cancel_waits_for_a_checkpoint(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 60})
    fence = fence_of(of_attempt(run_id, thread_id, 1))

    async with db.transaction() as tx:
        await group_commit(fence.statement).require(fence, tx.cursor())
        async with asyncio.timeout(3):
            answer = await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")

    assert answer.status_code == 200
