from __future__ import annotations

from typing import Any

import httpx

from tests.contract.wire import assert_alike, sample, sample_frames, told
from tests.streaming import MakeThread, parsed

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}
MODES = ["values", "updates", "messages-tuple", "custom", "tasks", "checkpoints"]
SUBGRAPHS = {"stream_mode": ["messages", "updates"], "stream_subgraphs": True}


async def test_a_resumable_stream_of_many_modes(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.post(
        f"/threads/{await thread()}/runs/stream",
        json={
            "assistant_id": "agent",
            "input": HI,
            "stream_resumable": True,
            "stream_mode": MODES,
        },
    )

    assert_alike(told(parsed(answer.text)), told(sample_frames("many_modes.sse")))


async def test_a_debug_frame_repeats_each_checkpoint_and_task(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    modes = ["debug", "checkpoints", "tasks"]
    body = {"assistant_id": "agent", "input": HI, "stream_mode": modes}

    answer = await api.post(f"/threads/{await thread()}/runs/stream", json=body)

    frames = parsed(answer.text)[1:]
    for frame, debug in zip(frames[::2], frames[1::2], strict=True):
        assert debug.event == "debug"
        assert list(debug.data) == ["step", "timestamp", "type", "payload"]
        assert debug.data["payload"].items() >= frame.data.items()


async def test_the_headers_of_a_stream(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    body = {"assistant_id": "agent", "input": HI}

    answer = await api.post(f"/threads/{thread_id}/runs/stream", json=body)

    run_id = parsed(answer.text)[0].data["run_id"]
    shown = {
        "location": f"/threads/{thread_id}/runs/{run_id}/stream",
        "content-location": f"/threads/{thread_id}/runs/{run_id}",
        "cache-control": "no-store",
        "connection": "keep-alive",
        "x-accel-buffering": "no",
        "content-type": "text/event-stream; charset=utf-8",
    }
    assert answer.status_code == 200
    assert answer.headers.items() >= shown.items()


async def test_a_stateless_stream_with_its_subgraphs(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/runs/stream", json={"assistant_id": "parent", "input": HI, **SUBGRAPHS}
    )

    assert_alike(told(parsed(answer.text)), told(sample_frames("subgraphs.sse")))


async def test_a_stateless_stream_says_where_it_is(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs/stream", json={"assistant_id": "agent", "input": HI})

    run_id = parsed(answer.text)[0].data["run_id"]
    assert answer.headers["location"] == f"/runs/{run_id}/stream"
    assert answer.headers["content-location"] == f"/runs/{run_id}"


async def test_the_stream_of_a_graph_that_raises(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/runs/stream", json={"assistant_id": "boom", "input": {"messages": []}}
    )

    assert_alike(told(parsed(answer.text)), told(sample_frames("error.sse")))


async def test_waiting_for_a_graph_that_raises(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "boom", "input": {"messages": []}}

    answer = await api.post("/runs/wait", json=body)

    assert answer.status_code == 200
    assert_alike(answer.json(), sample("error.json"))


async def test_the_stream_of_a_graph_that_asks(api: httpx.AsyncClient, thread: MakeThread) -> None:
    body = {"assistant_id": "ask", "input": HI}

    answer = await api.post(f"/threads/{await thread()}/runs/stream", json=body)

    assert_alike(told(parsed(answer.text)), told(sample_frames("interrupt.sse")))
