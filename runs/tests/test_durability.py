"""`durability`: when a run's checkpoints are written."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, reading, settled

SLEEP: dict[str, Any] = {"assistant_id": "sleeper", "stream_mode": ["values", "tasks"]}


async def sources(api: httpx.AsyncClient, path: str) -> list[str]:
    """Return what made each checkpoint of a thread, oldest first."""
    history = (await api.post(f"{path}/history", json={"limit": 10})).json()
    return [state["metadata"]["source"] for state in reversed(history)]


@pytest.mark.parametrize(
    ("durability", "meanwhile", "left"),
    [
        ("sync", ["input", "loop"], ["input", "loop", "loop"]),
        ("async", ["input", "loop"], ["input", "loop", "loop"]),
        ("exit", [], ["loop"]),
    ],
)
async def test_what_is_written_while_a_node_runs_and_at_the_end(
    api: httpx.AsyncClient,
    thread: MakeThread,
    durability: str,
    meanwhile: list[str],
    left: list[str],
) -> None:
    path = f"/threads/{await thread()}"
    body = {**SLEEP, "input": {"seconds": 0.4}, "durability": durability}
    async with reading("POST", f"{path}/runs/stream", body) as reader:
        await reader.until("tasks")
        await asyncio.sleep(0.15)
        seen = await sources(api, path)
        assert [frame.event async for frame in reader.frames()] == ["tasks", "values"]

    assert (seen, await sources(api, path)) == (meanwhile, left)


@pytest.mark.parametrize(("durability", "left"), [("async", ["input", "loop"]), ("exit", ["loop"])])
async def test_a_cancelled_run_leaves_where_it_was(
    api: httpx.AsyncClient, thread: MakeThread, durability: str, left: list[str]
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}"
    body = {**SLEEP, "input": {"seconds": 60}, "durability": durability}
    async with reading("POST", f"{path}/runs/stream", body) as reader:
        await reader.until("tasks")
        await api.post(f"{reader.headers['content-location']}/cancel?wait=1")

    assert await sources(api, path) == left
    assert (await settled(api, thread_id))["values"] == {"seconds": 60}
