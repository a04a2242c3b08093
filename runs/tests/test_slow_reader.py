"""A reader that falls behind loses its connection; the run goes on."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx

from access.caller import ANONYMOUS
from runs.events.current import current_log
from runs.following import Following
from tests.streaming import MakeThread, settled, started

WORDY: dict[str, Any] = {
    "assistant_id": "tokens",
    "input": {"messages": [], "count": 40, "delay_seconds": 0.02},
    "stream_mode": "messages-tuple",
}


async def following(api: httpx.AsyncClient, thread_id: str) -> Following:
    return Following(
        run_id=UUID(await started(api, thread_id, **WORDY)),
        thread_id=UUID(thread_id),
        caller=ANONYMOUS,
        cancel_on_disconnect=True,
    )


async def test_a_slow_stream_ends_and_takes_no_run_with_it(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.STREAM_READER_LAG_MB = 0.001
    thread_id = await thread()
    slow = await following(api, thread_id)
    frames = slow.frames(after="-1", modes=None, with_ids=False)
    await anext(frames)
    tape = current_log().ring.get(slow.run_id)
    assert tape is not None
    enough = tape.end + 8
    for _ in range(500):
        await asyncio.sleep(0 if tape.end >= enough else 0.01)

    assert [frame async for frame in frames] == []

    await settled(api, thread_id)
    assert [run["status"] for run in (await api.get(f"/threads/{thread_id}/runs")).json()] == [
        "success"
    ]


async def test_who_waits_for_the_values_alone_is_never_too_slow(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.STREAM_READER_LAG_MB = 0.000001
    thread_id = await thread()

    output = [chunk async for chunk in (await following(api, thread_id)).output()]

    assert b"t39" in output[-1]
    assert (await settled(api, thread_id))["status"] == "idle"
