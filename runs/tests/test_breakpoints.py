"""Static breakpoints: a run stops before or after a node, and the next one goes on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, parsed, streamed

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}


@pytest.mark.parametrize(
    ("where", "messages", "ahead"),
    [
        ({"interrupt_before": ["echo"]}, 1, ["echo"]),
        ({"interrupt_before": "*"}, 1, ["echo"]),
        ({"interrupt_after": ["echo"]}, 2, []),
        ({"interrupt_after": "*"}, 2, []),
    ],
)
async def test_a_run_stops_at_a_breakpoint(
    api: httpx.AsyncClient,
    thread: MakeThread,
    where: dict[str, Any],
    messages: int,
    ahead: list[str],
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": HI, "stream_mode": ["values", "updates"], **where}

    frames = await streamed(api, f"{path}/runs/stream", **body)

    assert frames[-1].data == {"__interrupt__": []}
    last = [frame.data for frame in frames if frame.event == "values"][-1]
    assert (len(last["messages"]), last["__interrupt__"]) == (messages, [])
    state = (await api.get(f"{path}/state")).json()
    assert (len(state["values"]["messages"]), state["next"]) == (messages, ahead)


async def test_a_thread_at_a_breakpoint_is_interrupted_with_nothing_asked(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": HI, "interrupt_before": ["echo"]}

    values = (await api.post(f"{path}/runs/wait", json=body)).json()

    assert values["__interrupt__"] == []
    shown = (await api.get(path)).json()
    assert (shown["status"], shown["interrupts"], shown["error"]) == ("interrupted", {}, None)
    assert "__interrupt__" not in shown["values"]
    assert [run["status"] for run in (await api.get(f"{path}/runs")).json()] == ["success"]


@pytest.mark.parametrize("going_on", [{"input": None}, {}])
async def test_a_run_without_input_goes_on_from_the_breakpoint(
    api: httpx.AsyncClient, thread: MakeThread, going_on: dict[str, Any]
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": HI, "interrupt_before": ["echo"]}
    await api.post(f"{path}/runs/wait", json=body)

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "echo", **going_on})

    assert [message["content"] for message in answer.json()["messages"]] == ["hi", "hi"]
    assert (await api.get(path)).json()["status"] == "idle"


async def test_a_breakpoint_at_no_node_stops_nothing(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    body = {"assistant_id": "echo", "input": HI, "interrupt_before": ["nowhere"]}

    answer = await api.post(f"/threads/{await thread()}/runs/stream", json=body)

    assert "__interrupt__" not in answer.text
    assert len(parsed(answer.text)[-1].data["messages"]) == 2
