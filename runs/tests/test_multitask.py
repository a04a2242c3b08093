"""What becomes of a run on a thread that has one already."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, reading, settled, started

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}
# Asked for its tokens, the model takes its time for each.
ENDLESS = {
    "assistant_id": "tokens",
    "input": {"messages": ["first"], "delay_seconds": 9.0},
    "stream_mode": ["values", "messages-tuple"],
}
QUICK = {"assistant_id": "sleeper", "input": {"seconds": 0}}


async def runs_of(api: httpx.AsyncClient, thread_id: str) -> list[Any]:
    """Return a thread's runs, oldest first."""
    answer = await api.get(f"/threads/{thread_id}/runs?limit=100")
    return list(reversed(answer.json()))


async def at_once(
    api: httpx.AsyncClient, thread_id: str, strategy: str, seconds: float
) -> list[httpx.Response]:
    """Create 50 runs at the same time."""
    body = {
        "assistant_id": "sleeper",
        "input": {"seconds": seconds},
        "multitask_strategy": strategy,
    }
    path = f"/threads/{thread_id}/runs"
    return await asyncio.gather(*(api.post(path, json=body) for _ in range(50)))


async def when_one_is_left(api: httpx.AsyncClient, thread_id: str) -> list[Any]:
    """Return a thread's runs once the newest runs and no other one is active."""
    async with asyncio.timeout(8):
        while True:
            runs = await runs_of(api, thread_id)
            active = [run for run in runs if run["status"] in ("pending", "running")]
            if active == runs[-1:] and active[0]["status"] == "running":
                return runs
            await asyncio.sleep(0.02)


async def test_reject_leaves_the_thread_to_its_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    first = await started(api, thread_id, **LONG)
    before = (await api.get(f"/threads/{thread_id}")).json()

    answer = await api.post(
        f"/threads/{thread_id}/runs",
        json={"multitask_strategy": "reject", "metadata": {"a": 1}, **QUICK},
    )

    assert answer.status_code == 409
    assert "already running a task" in answer.json()["detail"]
    assert (await api.get(f"/threads/{thread_id}")).json() == before
    assert [run["run_id"] for run in await runs_of(api, thread_id)] == [first]
    await api.post(f"/threads/{thread_id}/runs/{first}/cancel?wait=1")


async def test_enqueue_is_the_default_and_waits(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await started(api, thread_id, assistant_id="sleeper", input={"seconds": 0.1})

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=QUICK)

    assert answer.json()["done"] is True
    first, second = await runs_of(api, thread_id)
    assert (first["status"], second["status"]) == ("success", "success")
    assert second["multitask_strategy"] == "enqueue"
    assert second["updated_at"] > first["updated_at"]


async def test_interrupt_keeps_what_the_first_had_done(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/runs"
    async with reading("POST", f"{path}/stream", ENDLESS) as reader:
        await reader.until("values")
        body = {"assistant_id": "echo", "input": {"messages": ["second"]}}

        answer = await api.post(f"{path}/wait", json={**body, "multitask_strategy": "interrupt"})

        assert [frame.event async for frame in reader.frames()] == []
    texts = [message["content"] for message in answer.json()["messages"]]
    assert texts == ["first", "second", "second"]
    assert [run["status"] for run in await runs_of(api, thread_id)] == ["interrupted", "success"]


async def test_rollback_makes_the_first_never_have_been(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/runs"
    async with reading("POST", f"{path}/stream", ENDLESS) as reader:
        await reader.until("values")
        body = {"assistant_id": "echo", "input": {"messages": ["second"]}}

        answer = await api.post(f"{path}/wait", json={**body, "multitask_strategy": "rollback"})

    texts = [message["content"] for message in answer.json()["messages"]]
    assert texts == ["second", "second"]
    (run,) = await runs_of(api, thread_id)
    history = (await api.post(f"/threads/{thread_id}/history", json={"limit": 20})).json()
    assert {state["metadata"]["run_id"] for state in history} == {run["run_id"]}


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_pending_runs_are_put_aside_too(
    api: httpx.AsyncClient, thread: MakeThread, strategy: str
) -> None:
    thread_id = await thread()
    for _ in range(3):
        await started(api, thread_id, **LONG)

    answer = await api.post(
        f"/threads/{thread_id}/runs/wait", json={**QUICK, "multitask_strategy": strategy}
    )

    assert answer.json() == {"seconds": 0, "done": True}
    statuses = [run["status"] for run in await runs_of(api, thread_id)]
    before = ["interrupted"] * 3 if strategy == "interrupt" else []
    assert statuses == [*before, "success"]


async def test_of_fifty_at_once_reject_lets_one_in(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answers = await at_once(api, thread_id, "reject", 60)

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    winner = next(answer.json()["run_id"] for answer in answers if answer.status_code == 200)
    (run,) = await runs_of(api, thread_id)
    assert (run["run_id"], run["status"]) == (winner, "running")
    await api.post(f"/threads/{thread_id}/runs/{winner}/cancel?wait=1")


async def test_of_fifty_at_once_enqueue_runs_all_in_order_one_at_a_time(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answers = await at_once(api, thread_id, "enqueue", 0)

    assert {answer.status_code for answer in answers} == {200}
    await settled(api, thread_id)
    runs = await runs_of(api, thread_id)
    assert Counter(run["status"] for run in runs) == {"success": 50}
    history = (await api.post(f"/threads/{thread_id}/history", json={"limit": 1000})).json()
    # Three checkpoints each, not one of another run's between them.
    order = [state["metadata"]["run_id"] for state in reversed(history)]
    assert order == [run["run_id"] for run in runs for _ in range(3)]


async def test_of_fifty_at_once_interrupt_lets_the_last_go_on(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answers = await at_once(api, thread_id, "interrupt", 60)

    assert {answer.status_code for answer in answers} == {200}
    runs = await when_one_is_left(api, thread_id)
    assert [run["status"] for run in runs] == ["interrupted"] * 49 + ["running"]
    await api.post(f"/threads/{thread_id}/runs/{runs[-1]['run_id']}/cancel?wait=1")


async def test_of_fifty_at_once_rollback_leaves_the_last_alone(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}"
    await api.post(f"{path}/runs/wait", json=QUICK)
    before = (await api.post(f"{path}/history", json={})).json()

    answers = await at_once(api, thread_id, "rollback", 60)

    assert {answer.status_code for answer in answers} == {200}
    first, last = await when_one_is_left(api, thread_id)
    assert (first["status"], last["status"]) == ("success", "running")
    await api.post(f"{path}/runs/{last['run_id']}/cancel?wait=1")
    history = (await api.post(f"{path}/history", json={"limit": 100})).json()
    assert history[len(history) - len(before) :] == before
    added = {state["metadata"]["run_id"] for state in history[: -len(before)]}
    assert added <= {last["run_id"]}


@pytest.mark.slow
async def test_fifty_at_once_of_every_strategy_leave_the_thread_usable(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    strategies = ("reject", "enqueue", "interrupt", "rollback")

    await asyncio.gather(*(at_once(api, thread_id, name, 0.01) for name in strategies))

    await settled(api, thread_id)
    statuses = {run["status"] for run in await runs_of(api, thread_id)}
    assert statuses <= {"success", "interrupted"}
    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=QUICK)
    assert answer.json()["done"] is True
