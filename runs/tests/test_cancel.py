from __future__ import annotations

import asyncio
import time
from uuid import UUID, uuid4

import httpx
import pytest

from common import db
from runs.cancel_queries import mark_cancelled
from runs.engine.current import current_engine
from tests.streaming import MakeThread, reading, settled, started

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


async def test_a_cancelled_run_is_interrupted_and_keeps_what_it_did(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        (await reader.until("values"))
        run_id = reader.headers["content-location"].rpartition("/")[2]

        answer = await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel")

        assert (answer.status_code, answer.content) == (202, b"")
        assert [frame.event async for frame in reader.frames()] == []
    shown = await settled(api, thread_id)
    assert (shown["status"], shown["values"]) == ("interrupted", {"seconds": 60})
    run = (await api.get(f"/threads/{thread_id}/runs/{run_id}")).json()
    assert run["status"] == "interrupted"


async def test_runs_settle_after_their_last_checkpoint_however_often_they_are_told_to_stop(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    async def cancelled_early() -> str:
        thread_id = await thread()
        async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
            await reader.until("values")
            await api.post(f"{reader.headers['content-location']}/cancel?wait=1")
        return str((await settled(api, thread_id))["status"])

    statuses = await asyncio.gather(*(cancelled_early() for _ in range(40)))

    # A run that settles before its checkpoint is written finds nothing left to do.
    assert statuses == ["interrupted"] * 40


async def test_a_cancelled_run_stops_within_moments(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, **LONG)
    began = time.monotonic()

    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")

    assert time.monotonic() - began < 1


async def test_cancelling_with_wait_answers_the_values_when_it_has_stopped(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        place = reader.headers["content-location"]

        answer = await api.post(f"{place}/cancel?wait=true")

    assert (answer.status_code, answer.json()) == (200, {"seconds": 60})
    assert answer.headers["content-location"] == place
    assert answer.headers["location"] == f"{place}/join"
    assert (await api.get(place)).json()["status"] == "interrupted"


HELD_BACK = """
UPDATE run SET status = 'pending', attempt = 1, created_at = now() WHERE run_id = %s
"""


async def test_a_claim_that_passes_over_what_is_being_cancelled_looks_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, **LONG, after_seconds=3600)
    await db.execute(HELD_BACK, [run_id])

    async with db.transaction() as tx:
        await mark_cancelled(tx, [UUID(thread_id)], "interrupt")
        current_engine().wake()
        # The claim finds nothing, and is told of nothing else.
        await asyncio.sleep(0.1)

    assert (await settled(api, thread_id))["status"] == "idle"


async def test_a_pending_run_is_cancelled_on_the_spot(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    first = await started(api, thread_id, **LONG)
    second = await started(api, thread_id, **LONG)

    answer = await api.post(f"/threads/{thread_id}/runs/{second}/cancel?wait=1")

    assert (answer.status_code, answer.json()) == (200, {})
    statuses = {
        run["run_id"]: run["status"] for run in (await api.get(f"/threads/{thread_id}/runs")).json()
    }
    assert statuses == {first: "running", second: "interrupted"}
    await api.post(f"/threads/{thread_id}/runs/{first}/cancel?wait=1")


@pytest.mark.parametrize("position", [0, 1])
async def test_a_run_that_is_rolled_back_was_never_there(
    api: httpx.AsyncClient, thread: MakeThread, position: int
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "sleeper", "input": {"seconds": 0}}
    before = (await api.post(f"/threads/{thread_id}/runs/wait", json=body)).json()
    history = (await api.post(f"/threads/{thread_id}/history", json={})).json()
    ids = [await started(api, thread_id, **LONG) for _ in range(position + 1)]
    rolled_back = ids[position]

    answer = await api.post(
        f"/threads/{thread_id}/runs/{rolled_back}/cancel?action=rollback&wait=1"
    )

    assert answer.status_code == 200
    assert (await api.get(f"/threads/{thread_id}/runs/{rolled_back}")).status_code == 404
    for run_id in ids[:position]:
        await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?action=rollback&wait=1")
    shown = await settled(api, thread_id)
    assert (shown["status"], shown["values"]) == ("idle", before)
    assert (await api.post(f"/threads/{thread_id}/history", json={})).json() == history


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
async def test_a_run_that_was_handed_back_is_stopped_with_what_it_has_done(
    api: httpx.AsyncClient, thread: MakeThread, action: str
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/runs"
    await api.post(f"{path}/wait", json={"assistant_id": "sleeper", "input": {"seconds": 0}})
    ((first,), second) = (await api.get(path)).json(), await started(api, thread_id, **LONG)
    # As when its process stopped in the middle; the second one keeps it from being claimed.
    handed_back = "UPDATE run SET status = 'pending', attempt = 1 WHERE run_id = %s"
    await db.execute(handed_back, [first["run_id"]])

    answer = await api.post(f"{path}/{first['run_id']}/cancel?action={action}")
    await api.post(f"{path}/{second}/cancel?wait=1")

    assert answer.status_code == 202
    await settled(api, thread_id)
    left = {run["run_id"]: run["status"] for run in (await api.get(path)).json()}
    assert left.get(first["run_id"]) == ("interrupted" if action == "interrupt" else None)
    history = (await api.post(f"/threads/{thread_id}/history", json={"limit": 20})).json()
    writers = {state["metadata"]["run_id"] for state in history}
    assert (first["run_id"] in writers) == (action == "interrupt")


async def test_a_run_that_is_over_cannot_be_cancelled(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"
    body = {"assistant_id": "echo", "input": {"messages": []}}
    await api.post(f"{path}/wait", json=body)
    run_id = (await api.get(path)).json()[0]["run_id"]

    answer = await api.post(f"{path}/{run_id}/cancel")

    assert answer.status_code == 404
    assert "No runs found to cancel" in answer.json()["detail"]


async def test_what_is_not_there_cannot_be_cancelled(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    answer = await api.post(f"/threads/{await thread()}/runs/{uuid4()}/cancel")

    assert answer.status_code == 404


async def test_an_unknown_action_is_refused(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.post(f"/threads/{await thread()}/runs/{uuid4()}/cancel?action=stop")

    assert answer.status_code == 422
    assert answer.json()["detail"] == "action: must be one of interrupt, rollback"


async def test_a_node_that_clings_to_life_is_waited_for(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="stubborn", input={})

    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")

    assert (await api.get(f"/threads/{thread_id}/runs/{run_id}")).json()["status"] == "interrupted"
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted")
    again = {"assistant_id": "sleeper", "input": {"seconds": 0}}
    assert (await api.post(f"/threads/{thread_id}/runs/wait", json=again)).json()["done"] is True
