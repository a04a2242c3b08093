"""What clients may send to newer servers: here it changes nothing, and breaks nothing."""

from __future__ import annotations

from typing import Any

import httpx

from tests.streaming import MakeThread, parsed, started, streamed

WRITER: dict[str, Any] = {"assistant_id": "writer", "input": {"count": 3}}


async def test_a_stream_is_not_narrowed_to_namespaces(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/stream"
    body: dict[str, Any] = {"assistant_id": "parent", "input": {"messages": ["x"]}}

    whole = await streamed(api, path, **body, stream_mode="updates", stream_subgraphs=True)
    asked = f"{path}?namespace=nonesuch"
    narrowed = await streamed(api, asked, **body, stream_mode="updates", stream_subgraphs=True)

    assert len(whole) == len(narrowed) > 2
    assert "stream_namespaces" not in (await api.get("/info")).json()["flags"]


async def test_a_checkpoint_does_not_shorten_a_replay(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    frames = await streamed(api, f"{path}/runs/stream", **WRITER, stream_resumable=True)
    [last] = (await api.post(f"{path}/history", json={"limit": 1})).json()

    again = await api.get(
        f"{path}/runs/{frames[0].data['run_id']}/stream",
        params={"checkpoint_id": last["checkpoint"]["checkpoint_id"]},
        headers={"last-event-id": "-1"},
    )

    assert parsed(again.text) == frames


async def test_the_reason_of_a_cancel_is_not_kept(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body: dict[str, Any] = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    run_id = await started(api, thread_id, **body)
    path = f"/threads/{thread_id}/runs/{run_id}"

    answer = await api.post(f"{path}/cancel", params={"reason": "taken", "wait": "1"})

    assert answer.status_code == 200
    run = (await api.get(path)).json()
    assert run["status"] == "interrupted"
    assert "taken" not in str(run)
