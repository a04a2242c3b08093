"""POST /threads/{thread_id}/repair: a thread that a cancelled run has left half done."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import add_messages

from common import db
from tests.streaming import MakeThread, reading, settled, started
from threads.tool_calls import answering, dangling_calls

ABSENT = "0199d8a5-0000-7c2e-9b7a-3f5f0c8e2a10"
KEYS = {"react": "messages", "dialogue": "dialogue"}


def asked(graph: str, text: str) -> dict[str, Any]:
    return {"assistant_id": graph, "input": {KEYS[graph]: [{"role": "user", "content": text}]}}


async def cancelled_in_a_tool(
    api: httpx.AsyncClient, thread_id: str, graph: str = "react", text: str = "slow"
) -> None:
    """Cancel a run while a tool of its is working."""
    body = {**asked(graph, text), "stream_mode": ["tasks", "updates"]}
    working = {"react": "tools", "dialogue": "work"}[graph]
    async with reading("POST", f"/threads/{thread_id}/runs/stream", body) as reader:
        async for frame in reader.frames():
            if frame.event == "tasks" and frame.data.get("name") == working and _is_slow(frame):
                break
        await api.post(f"{reader.headers['content-location']}/cancel?wait=1")
    assert (await settled(api, thread_id))["status"] == "interrupted"


def _is_slow(frame: Any) -> bool:
    return "slow" in str(frame.data.get("input"))


async def told(api: httpx.AsyncClient, thread_id: str, key: str = "messages") -> list[Any]:
    state = (await api.get(f"/threads/{thread_id}/state")).json()
    return [
        (item["type"], item["content"].split(":")[0], item.get("status"))
        for item in state["values"][key]
    ]


async def repaired(api: httpx.AsyncClient, thread_id: str) -> Any:
    answer = await api.post(f"/threads/{thread_id}/repair")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("graph", KEYS)
async def test_a_conversation_goes_on_after_a_cancel_inside_a_tool(
    api: httpx.AsyncClient, thread: MakeThread, graph: str
) -> None:
    thread_id, place = await thread(), ""
    place = f"/threads/{thread_id}/runs/wait"
    await cancelled_in_a_tool(api, thread_id, graph)

    found = await repaired(api, thread_id)
    shown = (await api.get(f"/threads/{thread_id}")).json()
    values = (await api.post(place, json=asked(graph, "hello"))).json()

    assert [call["name"] for call in found["tool_calls"]] == ["slow"]
    assert not found["was_stuck"]
    assert shown["status"] == "idle"
    assert values[KEYS[graph]][-1]["content"] == "you said hello"
    assert await told(api, thread_id, KEYS[graph]) == [
        ("human", "slow", None),
        ("ai", "", None),
        ("tool", "Cancelled", "error"),
        ("human", "hello", None),
        ("ai", "you said hello", None),
    ]


async def test_what_other_tools_have_answered_is_kept(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await cancelled_in_a_tool(api, thread_id, text="fast slow")

    found = await repaired(api, thread_id)
    values = (
        await api.post(f"/threads/{thread_id}/runs/wait", json=asked("react", "hello"))
    ).json()

    assert [call["name"] for call in found["tool_calls"]] == ["slow"]
    assert values["messages"][-1]["content"] == "you said hello"
    said = sorted(part for kind, part, _ in await told(api, thread_id) if kind == "tool")
    assert said == ["Cancelled", "here"]


async def test_a_conversation_that_went_on_before_is_put_in_order(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await cancelled_in_a_tool(api, thread_id)
    refused = await api.post(f"/threads/{thread_id}/runs/wait", json=asked("react", "hello"))

    await repaired(api, thread_id)
    values = (
        await api.post(f"/threads/{thread_id}/runs/wait", json=asked("react", "again"))
    ).json()

    assert "__error__" in refused.json()
    assert values["messages"][-1]["content"] == "you said again"
    assert [kind for kind, *_ in await told(api, thread_id)] == [
        *("human", "ai", "tool", "human", "human", "ai")
    ]


async def test_a_thread_on_which_nothing_dangles_stays_as_it_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    fresh = await repaired(api, thread_id)
    await api.post(f"/threads/{thread_id}/runs/wait", json=asked("react", "fast"))
    before = (await api.get(f"/threads/{thread_id}/history")).json()

    found = await repaired(api, thread_id)

    assert found == fresh == {"tool_calls": [], "was_stuck": False}
    assert (await api.get(f"/threads/{thread_id}/history")).json() == before


async def test_a_second_repair_finds_nothing(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await cancelled_in_a_tool(api, thread_id)
    await repaired(api, thread_id)

    assert (await repaired(api, thread_id))["tool_calls"] == []


async def test_a_thread_that_is_not_repaired_goes_on_with_its_tool(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await cancelled_in_a_tool(api, thread_id)

    run_id = await started(api, thread_id, assistant_id="react", input=None)

    state = (await api.get(f"/threads/{thread_id}/state")).json()
    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")
    assert state["next"] == ["tools"]


async def test_an_active_run_is_in_the_way(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, **asked("react", "slow"))

    answer = await api.post(f"/threads/{thread_id}/repair")

    assert answer.status_code == 409
    assert "cancel it" in answer.json()["detail"]
    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")


async def test_calls_that_wait_for_a_human_are_not_lost(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await api.post(f"/threads/{thread_id}/runs/wait", json=asked("react", "asking"))

    answer = await api.post(f"/threads/{thread_id}/repair")

    assert answer.status_code == 409
    assert "waits for an answer" in answer.json()["detail"]
    command = {"assistant_id": "react", "command": {"resume": "yes"}}
    values = (await api.post(f"/threads/{thread_id}/runs/wait", json=command)).json()
    assert values["messages"][-1]["content"] == "you said yes"


async def test_a_thread_that_is_busy_without_a_run_is_freed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await db.execute("UPDATE thread SET status = 'busy' WHERE thread_id = %s", [thread_id])

    assert (await repaired(api, thread_id))["was_stuck"]
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


@pytest.mark.parametrize(("thread_id", "status"), [("nonsense", 422), (ABSENT, 404)])
async def test_a_thread_that_is_not_there_is_not_repaired(
    api: httpx.AsyncClient, thread_id: str, status: int
) -> None:
    answer = await api.post(f"/threads/{thread_id}/repair")

    assert answer.status_code == status
    assert answer.json()["detail"]


def calling(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"id": id, "name": id, "args": {}} for id in ids])


def shape(messages: list[AnyMessage]) -> list[str]:
    return [
        item.tool_call_id if isinstance(item, ToolMessage) else item.type[0] for item in messages
    ]


@pytest.mark.parametrize(
    ("messages", "after"),
    [
        ([], []),
        ([HumanMessage("h")], ["h"]),
        ([calling("1")], ["a", "1"]),
        ([calling("1"), ToolMessage("t", tool_call_id="1")], ["a", "1"]),
        ([calling("1", "2"), ToolMessage("t", tool_call_id="2")], ["a", "2", "1"]),
        ([calling("1"), HumanMessage("h")], ["a", "1", "h"]),
        ([calling("1"), HumanMessage("h"), calling("2")], ["a", "1", "h", "a", "2"]),
        (
            [calling("1", "2"), ToolMessage("t", tool_call_id="1"), HumanMessage("h")],
            ["a", "1", "2", "h"],
        ),
    ],
)
def test_answers_stand_right_after_their_calls(messages: Any, after: list[str]) -> None:
    before: Any = add_messages([], messages)

    merged: Any = add_messages(before, answering(before))

    assert shape(merged) == after
    assert dangling_calls(merged) == []


def test_a_call_that_the_model_has_spelled_wrong_is_answered_too() -> None:
    wrong = {"id": "1", "name": "t", "args": "{", "error": None}
    message = AIMessage("", invalid_tool_calls=[{**wrong, "type": "invalid_tool_call"}])

    assert [call.id for call in dangling_calls([message])] == ["1"]
