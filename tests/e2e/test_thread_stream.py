"""`threads.join_stream`: a thread followed by the official client."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import Any

import pytest
from langgraph_sdk.schema import StreamPart

from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


def is_done(part: StreamPart) -> bool:
    data: Any = part.data
    return part.event == "metadata" and data.get("status") == "run_done"


async def joined(client: Client, thread_id: str, **options: Any) -> Any:
    """Join a thread; of the two clients only one is to be awaited for that."""
    parts = client.threads.join_stream(thread_id, **options)
    return await parts if isawaitable(parts) else parts


async def until_done(parts: Any, runs: int = 1) -> list[StreamPart]:
    seen: list[StreamPart] = []
    async for part in parts:
        seen.append(part)
        runs -= is_done(part)
        if not runs:
            break
    return seen


async def test_a_thread_is_followed_from_run_to_run(client: Client, thread_id: str) -> None:
    reading = asyncio.ensure_future(until_done(await joined(client, thread_id), runs=2))
    await asyncio.sleep(0.5)

    for _ in range(2):
        await client.runs.wait(thread_id, "writer", input={"count": 2})

    async with asyncio.timeout(20):
        seen = await reading
    again = await until_done(await joined(client, thread_id, last_event_id="-"), runs=2)
    rest = await until_done(await joined(client, thread_id, last_event_id=str(seen[0].id)))
    assert sum(map(is_done, seen)) == 2
    assert again == seen
    assert rest == seen[1 : len(rest) + 1]


async def test_a_thread_is_followed_for_its_lifecycle(client: Client, thread_id: str) -> None:
    await client.runs.wait(thread_id, "writer", input={"count": 2})

    parts = await joined(
        client, thread_id, last_event_id="-", stream_mode=["lifecycle", "state_update"]
    )

    assert [part.event for part in await until_done(parts)] == ["metadata", "metadata"]
