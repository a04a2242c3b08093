"""`command`: an interrupt is answered, the state changed, a node gone to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}


@pytest.fixture
async def asked(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The path of a thread on which `ask` waits for an answer."""
    path = f"/threads/{await thread()}"
    await api.post(f"{path}/runs/wait", json={"assistant_id": "ask", "input": HI})
    return path


def said(answer: httpx.Response) -> list[str]:
    return [message["content"] for message in answer.json()["messages"]]


@pytest.mark.parametrize("given", ["sure", 0, False, "", ["a"], {"type": "accept"}])
async def test_an_answer_of_any_kind_resumes_the_graph(
    api: httpx.AsyncClient, asked: str, given: Any
) -> None:
    body = {"assistant_id": "ask", "command": {"resume": given}}

    answer = await api.post(f"{asked}/runs/wait", json=body)

    assert said(answer) == ["hi", f"got {given}"]
    shown = (await api.get(asked)).json()
    assert (shown["status"], shown["interrupts"]) == ("idle", {})


@pytest.mark.parametrize("beside", [{"input": {}}, {"input": None}, {"input": {"messages": ["x"]}}])
async def test_a_command_wins_over_input(
    api: httpx.AsyncClient, asked: str, beside: dict[str, Any]
) -> None:
    body = {"assistant_id": "ask", "command": {"resume": "sure"}, **beside}

    answer = await api.post(f"{asked}/runs/wait", json=body)

    assert said(answer) == ["hi", "got sure"]


@pytest.mark.parametrize("command", [None, {}, {"goto": [], "update": None}])
async def test_a_command_that_says_nothing_leaves_the_input(
    api: httpx.AsyncClient, thread: MakeThread, command: Any
) -> None:
    body = {"assistant_id": "echo", "input": HI, "command": command}

    answer = await api.post(f"/threads/{await thread()}/runs/wait", json=body)

    assert said(answer) == ["hi", "hi"]


async def test_answers_are_told_apart_by_their_interrupts_ids(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    asked = (await api.post(path, json={"assistant_id": "twoasks", "input": {}})).json()
    answers = {item["id"]: item["value"]["q"].upper() for item in asked["__interrupt__"]}

    answer = await api.post(path, json={"assistant_id": "twoasks", "command": {"resume": answers}})

    assert answer.json() == {"answers": ["LEFT?", "RIGHT?"]}


async def test_one_of_two_interrupts_is_answered(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "twoasks", "input": {}}
    first, second = (await api.post(f"{path}/runs/wait", json=body)).json()["__interrupt__"]
    body = {"assistant_id": "twoasks", "command": {"resume": {first["id"]: "A"}}}

    answer = await api.post(f"{path}/runs/wait", json=body)

    assert [item["id"] for item in answer.json()["__interrupt__"]] == [second["id"]]
    assert (await api.get(path)).json()["status"] == "interrupted"


async def test_a_subgraphs_interrupt_is_answered(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json={"assistant_id": "parentask", "input": HI})

    answer = await api.post(path, json={"assistant_id": "parentask", "command": {"resume": "yes"}})

    assert said(answer) == ["hi", "got yes"]


@pytest.mark.parametrize(
    "update", [{"messages": ["changed"]}, [["messages", ["changed"]]]], ids=["object", "pairs"]
)
async def test_an_update_changes_the_state(api: httpx.AsyncClient, asked: str, update: Any) -> None:
    body = {"assistant_id": "ask", "command": {"update": update, "resume": "sure"}}

    answer = await api.post(f"{asked}/runs/wait", json=body)

    assert said(answer) == ["hi", "changed", "got sure"]


@pytest.mark.parametrize(
    "goto",
    [
        "sleep",
        ["sleep"],
        {"node": "sleep", "input": {"seconds": 0}},
        {"lg_name": "Send", "node": "sleep", "args": {"seconds": 0}},
    ],
    ids=["name", "list", "send", "javascript"],
)
async def test_a_goto_runs_a_node(api: httpx.AsyncClient, thread: MakeThread, goto: Any) -> None:
    path = f"/threads/{await thread(metadata={'graph_id': 'sleeper'})}"
    await api.post(f"{path}/state", json={"values": {"seconds": 0}, "as_node": "sleep"})
    body = {"assistant_id": "sleeper", "command": {"goto": goto, "lg_name": "Command"}}

    answer = await api.post(f"{path}/runs/wait", json=body)

    assert answer.json() == {"seconds": 0, "done": True}


async def test_a_goto_to_the_end_is_taken(api: httpx.AsyncClient, asked: str) -> None:
    body = {"assistant_id": "ask", "command": {"goto": "__end__"}}

    answer = await api.post(f"{asked}/runs/wait", json=body)

    assert "__error__" not in answer.json()


async def test_a_resume_with_nothing_to_resume_is_no_error(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json={"assistant_id": "echo", "input": HI})

    answer = await api.post(path, json={"assistant_id": "echo", "command": {"resume": "x"}})

    assert said(answer) == ["hi", "hi"]


@pytest.mark.parametrize("way", ["", "/wait", "/stream"])
async def test_a_resume_without_a_thread_is_refused(api: httpx.AsyncClient, way: str) -> None:
    body = {"assistant_id": "ask", "command": {"resume": "x"}}

    answer = await api.post(f"/runs{way}", json=body)

    assert answer.status_code == 400
    assert "needs a thread" in answer.json()["detail"]
