from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx

from common import db
from runs.engine.current import current_engine
from tests.streaming import MakeThread, reading, settled, started

CHECKPOINTS = "SELECT count(*) FROM checkpoints WHERE thread_id = %s"

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


async def test_a_deleted_run_is_gone_and_what_it_did_stays(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": {"messages": ["hi"]}}
    values = (await api.post(f"{path}/runs/wait", json=body)).json()
    run_id = (await api.get(f"{path}/runs")).json()[0]["run_id"]

    answer = await api.delete(f"{path}/runs/{run_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(f"{path}/runs/{run_id}")).status_code == 404
    assert (await api.delete(f"{path}/runs/{run_id}")).status_code == 404
    assert (await api.get(f"{path}/state")).json()["values"] == values


async def test_an_active_run_is_cancelled_and_deleted(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    running, pending = [await started(api, thread_id, **LONG) for _ in range(2)]

    for run_id in (pending, running):
        answer = await api.delete(f"/threads/{thread_id}/runs/{run_id}")
        assert answer.status_code == 204

    assert (await api.get(f"/threads/{thread_id}/runs")).json() == []
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted")


async def test_a_run_that_is_not_there_cannot_be_deleted(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    assert (await api.delete(f"/threads/{await thread()}/runs/{uuid4()}")).status_code == 404


async def test_a_thread_deleted_in_mid_run_takes_the_run_with_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        run_id = UUID(reader.headers["content-location"].rpartition("/")[2])

        assert (await api.delete(f"/threads/{thread_id}")).status_code == 204

        assert (await api.get(f"/threads/{thread_id}/runs/{run_id}")).status_code == 404
        assert [frame.event async for frame in reader.frames()] == []
    # Its stream may end before it does.
    async with asyncio.timeout(3):
        while current_engine().is_executing(run_id):  # noqa: ASYNC110 -- another loop's fact
            await asyncio.sleep(0.01)
    left = await db.fetch_one(CHECKPOINTS, [thread_id])
    assert left == {"count": 0}
