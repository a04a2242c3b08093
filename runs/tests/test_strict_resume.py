"""`strict_resume`: an answer to what nobody asks fails its run and changes nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, parsed

HI: dict[str, Any] = {"messages": ["hi"]}
UNKNOWN = "0" * 32


async def resumed(api: httpx.AsyncClient, path: str, graph: str, resume: Any) -> Any:
    body = {"assistant_id": graph, "command": {"resume": resume}, "strict_resume": True}
    return (await api.post(f"{path}/runs/wait", json=body)).json()


async def asked(api: httpx.AsyncClient, thread: MakeThread, graph: str) -> tuple[str, Any]:
    """Return the path of a thread on which a graph waits, and the thread as it is then."""
    path = f"/threads/{await thread()}"
    graph_input: dict[str, Any] = {} if graph == "twoasks" else HI
    body = {"assistant_id": graph, "input": graph_input}
    await api.post(f"{path}/runs/wait", json=body)
    return path, (await api.get(path)).json()


@pytest.mark.parametrize(
    ("graph", "resume"),
    [("ask", {UNKNOWN: "sure"}), ("ask", {}), ("twoasks", "one for two")],
    ids=["not-pending", "empty", "ambiguous"],
)
async def test_a_refused_answer_leaves_the_thread_as_it_was(
    api: httpx.AsyncClient, thread: MakeThread, graph: str, resume: Any
) -> None:
    path, before = await asked(api, thread, graph)
    history = (await api.post(f"{path}/history", json={})).json()

    told = await resumed(api, path, graph, resume)

    assert told["__error__"]["error"] == "UnknownInterruptError"
    after = (await api.get(path)).json()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert (after["status"], after["error"]) == ("interrupted", None)
    assert (await api.post(f"{path}/history", json={})).json() == history
    assert (await api.get(f"{path}/runs")).json()[0]["status"] == "error"


async def test_what_waits_can_be_answered_after_a_refusal(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path, before = await asked(api, thread, "ask")
    [[interrupt]] = before["interrupts"].values()
    await resumed(api, path, "ask", {UNKNOWN: "x"})

    values = await resumed(api, path, "ask", {interrupt["id"]: "sure"})

    assert values["messages"][-1]["content"] == "got sure"
    again = await resumed(api, path, "ask", {interrupt["id"]: "twice"})
    assert again["__error__"]["error"] == "UnknownInterruptError"


@pytest.mark.parametrize("is_new", [True, False])
async def test_an_answer_where_nothing_waits_is_refused(
    api: httpx.AsyncClient, thread: MakeThread, is_new: bool
) -> None:
    path = f"/threads/{await thread()}"
    if not is_new:
        await api.post(f"{path}/runs/wait", json={"assistant_id": "echo", "input": HI})
    before = (await api.get(path)).json()

    told = await resumed(api, path, "echo", "sure")

    assert told["__error__"]["error"] == "UnknownInterruptError"
    assert "Nothing waits" in told["__error__"]["message"]
    after = (await api.get(path)).json()
    assert (after["status"], after["values"]) == (before["status"], before["values"])


async def test_a_static_breakpoint_is_gone_on_from(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": HI, "interrupt_before": ["echo"]}
    await api.post(f"{path}/runs/wait", json=body)

    values = await resumed(api, path, "echo", "go on")

    assert [message["content"] for message in values["messages"]] == ["hi", "hi"]


async def test_the_refusal_is_the_streams_error(api: httpx.AsyncClient, thread: MakeThread) -> None:
    path, _ = await asked(api, thread, "ask")
    body = {"assistant_id": "ask", "command": {"resume": {UNKNOWN: 1}}, "strict_resume": True}

    answer = await api.post(f"{path}/runs/stream", json=body)

    frames = parsed(answer.text)
    assert [frame.event for frame in frames] == ["metadata", "error"]
    assert UNKNOWN in frames[1].data["message"]


async def test_without_it_a_wrong_answer_is_passed_over(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path, _ = await asked(api, thread, "ask")
    body = {"assistant_id": "ask", "command": {"resume": {UNKNOWN: 1}}}

    values = (await api.post(f"{path}/runs/wait", json=body)).json()

    assert "__interrupt__" in values


async def test_the_server_says_that_it_knows_it(api: httpx.AsyncClient) -> None:
    assert (await api.get("/info")).json()["flags"]["strict_resume"] is True
