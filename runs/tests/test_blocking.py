"""A node that blocks its loop holds up other runs of its process, and nothing else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, settled, started

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(30)]
BLOCKING: dict[str, Any] = {"assistant_id": "blocker", "input": {"seconds": 2.0}}
QUICK: dict[str, Any] = {"assistant_id": "sleeper", "input": {"seconds": 0}}


async def answered(api: httpx.AsyncClient, method: str, path: str, **body: Any) -> tuple[int, bool]:
    """Return the status and whether it came within 100 ms."""
    began = time.monotonic()
    answer = await api.request(method, path, json=body)
    return answer.status_code, time.monotonic() - began < 0.1


async def test_requests_are_answered_while_a_node_blocks(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    blocked, others = await thread(), [await thread() for _ in range(5)]
    run_id = await started(api, blocked, **BLOCKING)
    time.sleep(0.5)  # noqa: ASYNC251 -- the graph loop is not this one

    answers = [await answered(api, "GET", "/ok")]
    answers += [await answered(api, "GET", f"/threads/{blocked}") for _ in range(20)]
    answers += [await answered(api, "POST", f"/threads/{name}/runs", **QUICK) for name in others]
    cancel = await answered(api, "POST", f"/threads/{blocked}/runs/{run_id}/cancel")

    assert answers == [(200, True)] * 26
    assert cancel == (202, True)
    assert (await settled(api, blocked))["status"] in ("idle", "interrupted")
    assert (await api.get(f"/threads/{blocked}/runs/{run_id}")).json()["status"] == "interrupted"
    for name in others:
        assert (await settled(api, name))["values"] == {"seconds": 0, "done": True}


async def test_updates_of_states_wait_for_the_node_alone(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    blocked = await thread()
    places = [f"/threads/{await thread(metadata={'graph_id': 'sleeper'})}" for _ in range(20)]
    await started(api, blocked, **BLOCKING)
    time.sleep(0.5)  # noqa: ASYNC251 -- the graph loop is not this one

    async with asyncio.TaskGroup() as group:
        written = {"values": {"done": True}}
        updates = [group.create_task(api.post(f"{place}/state", json=written)) for place in places]
        await asyncio.sleep(0.3)
        answers = [await answered(api, "GET", place) for place in places]

    assert answers == [(200, True)] * 20
    assert [update.result().status_code for update in updates] == [200] * 20
