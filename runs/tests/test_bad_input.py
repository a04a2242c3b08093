"""A run that cannot be is refused by name, with nothing written."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread

NOWHERE = "1f1e81c4-7aaa-6a4c-8000-8f90122e02f7"

REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"assistant_id": None}, 422, "assistant_id: "),
    ({"assistant_id": 3}, 422, "assistant_id: "),
    ({"assistant_id": ""}, 422, "assistant_id: "),
    ({"assistant_id": "nope"}, 422, "one of the graphs: agent, ask, "),
    ({"assistant_id": NOWHERE}, 422, "one of the graphs: agent, ask, "),
    ({"stream_mode": "x"}, 422, "stream_mode: unknown stream mode 'x'; known are checkpoints, "),
    ({"stream_mode": ["values", 3]}, 422, "stream_mode: "),
    ({"multitask_strategy": "x"}, 422, "multitask_strategy: "),
    ({"multitask_strategy": {}}, 422, "multitask_strategy: "),
    ({"if_not_exists": "x"}, 422, "if_not_exists: "),
    ({"on_completion": "x"}, 422, "on_completion: "),
    ({"on_disconnect": 1}, 422, "on_disconnect: "),
    ({"durability": "x"}, 422, "durability: "),
    ({"stream_subgraphs": "x"}, 422, "stream_subgraphs: "),
    ({"stream_resumable": {}}, 422, "stream_resumable: "),
    ({"config": []}, 422, "config: "),
    ({"config": {"configurable": [1]}}, 422, "config: configurable "),
    ({"config": {"metadata": "x"}}, 422, "config: metadata "),
    ({"config": {"tags": [1]}}, 422, "config: tags "),
    ({"config": {"recursion_limit": 0}}, 422, "config: recursion_limit "),
    ({"config": {"recursion_limit": "5"}}, 422, "config: recursion_limit "),
    ({"config": {"recursion_limit": True}}, 422, "config: recursion_limit "),
    ({"config": {"max_concurrency": "x"}}, 422, "config: max_concurrency "),
    ({"config": {"max_concurrency": -1}}, 422, "config: max_concurrency "),
    ({"config": {"run_name": 3}}, 422, "config: run_name "),
    ({"config": {"configurable": {"checkpoint_id": 5}}}, 422, "config: checkpoint_id "),
    ({"config": {"configurable": {"checkpoint_ns": []}}}, 422, "config: checkpoint_ns "),
    ({"config": {"configurable": {"checkpoint_map": 5}}}, 422, "config: checkpoint_map "),
    ({"command": "x"}, 422, "command: "),
    ({"command": {"x": 1}}, 422, "command: unknown key 'x'; known are resume, update, goto"),
    ({"command": {"update": 3}}, 422, "command: update "),
    ({"command": {"update": [["messages"]]}}, 422, "command: update "),
    ({"command": {"update": [[1, 2]]}}, 422, "command: update "),
    ({"command": {"goto": 3}}, 422, "command: goto "),
    ({"command": {"goto": [{"input": 1}]}}, 422, "command: goto "),
    ({"command": {"resume": None}}, 422, "command: resume "),
    ({"checkpoint": "x"}, 422, "checkpoint: "),
    ({"checkpoint": {"checkpoint_id": 1}}, 422, "checkpoint: checkpoint_id "),
    ({"checkpoint_id": 5}, 422, "checkpoint_id: "),
    ({"checkpoint_id": "garbage"}, 404, "Checkpoint garbage not found"),
    ({"checkpoint": {"checkpoint_id": NOWHERE}}, 404, f"Checkpoint {NOWHERE} not found"),
    ({"config": {"configurable": {"checkpoint_id": NOWHERE}}}, 404, NOWHERE),
    ({"interrupt_before": "x"}, 422, "interrupt_before: "),
    ({"interrupt_after": [1]}, 422, "interrupt_after: "),
    ({"metadata": []}, 422, "metadata: "),
    ({"context": "x"}, 422, "context: "),
    ({"context": {"a": 1}, "config": {"configurable": {"b": 1}}}, 400, "context"),
    ({"webhook": 5}, 422, "webhook: "),
    ({"webhook": "example.com"}, 422, "webhook: the URL must be like `https://"),
    ({"webhook": "http://127.0.0.1/"}, 422, "webhook: 127.0.0.1 is this machine"),
    ({"webhook": "/threads"}, 422, "webhook: the URL is a path of this server"),
    ({"after_seconds": "5"}, 422, "after_seconds: must be seconds"),
    ({"after_seconds": -1}, 422, "after_seconds: must be seconds"),
    ({"after_seconds": 1e12}, 422, "after_seconds: must be seconds"),
    ({"strict_resume": "x"}, 422, "strict_resume: "),
    ({"agent_id": "agent"}, 422, "agent_id: differs from assistant_id"),
    ({"agent_id": 3}, 422, "agent_id: "),
    ({"assistant_id": None, "agent_id": "nope"}, 422, "one of the graphs: agent, ask, "),
    ({"messages": "hi"}, 422, "messages: must be a list"),
    ({"messages": ["hi"]}, 422, "messages: must be a list"),
    ({"messages": [], "input": "x"}, 422, "messages: give them here or in `input`"),
    ({"messages": [], "input": {"messages": []}}, 422, "messages: give them here or in"),
    ({"feedback_keys": [1]}, 422, "feedback_keys"),
    ({"input": {"a\0": 1}}, 422, "NUL"),
    ({"metadata": {"a": "b\0"}}, 422, "NUL"),
    ({"input": 2**64}, 422, "64 bits"),
]


@pytest.mark.parametrize(("fields", "status", "told"), REFUSED)
async def test_a_refused_run_says_why_and_leaves_nothing(
    api: httpx.AsyncClient, thread: MakeThread, fields: dict[str, Any], status: int, told: str
) -> None:
    path = f"/threads/{await thread()}"
    before = (await api.get(path)).json()

    answer = await api.post(f"{path}/runs", json={"assistant_id": "echo", **fields})

    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]
    assert (await api.get(path)).json() == before
    assert (await api.get(f"{path}/runs")).json() == []


@pytest.mark.parametrize("way", ["wait", "stream"])
@pytest.mark.parametrize(("fields", "status", "told"), REFUSED[::9])
async def test_a_refused_run_answers_so_before_any_stream(
    api: httpx.AsyncClient, way: str, fields: dict[str, Any], status: int, told: str
) -> None:
    answer = await api.post(f"/runs/{way}", json={"assistant_id": "echo", **fields})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"assistant_id": NaN}',
        b'{"assistant_id": "echo", "input": {"a": "\\ud800"}}',
        b'{"assistant_id": "echo", "input": {"\\udfff": 1}}',
        b'{"assistant_id": "echo", "input": "\xff"}',
        b'{"assistant_id": "echo", "input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_body_that_is_no_run_is_refused(
    api: httpx.AsyncClient, thread: MakeThread, body: bytes
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs", content=body)

    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)
    assert (await api.get(path)).json()["status"] == "idle"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"input": "text"}, "InvalidUpdateError"),
        ({"input": [1]}, "InvalidUpdateError"),
        ({"input": False}, "InvalidUpdateError"),
        ({"input": None}, "EmptyInputError"),
        ({"input": {"messages": 3}}, "NotImplementedError"),
        ({"input": {"messages": [{"foo": 1}]}}, "ValueError"),
        ({"command": {"goto": "nowhere"}}, "UnknownNode"),
        ({"command": {"goto": [{"node": "nowhere"}]}}, "UnknownNode"),
        ({"config": {"recursion_limit": 1}, "input": {"messages": []}}, "GraphRecursionError"),
    ],
)
async def test_what_only_the_graph_can_refuse_ends_the_run_with_its_error(
    api: httpx.AsyncClient, thread: MakeThread, fields: dict[str, Any], error: str
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "echo", **fields})

    assert answer.json()["__error__"]["error"] == error
    state = (await api.get(path)).json()
    assert (state["status"], state["error"]["error"]) == ("error", error)


async def test_a_goto_to_no_node_names_the_nodes(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "parent", "command": {"goto": "nowhere"}}

    answer = await api.post("/runs/wait", json=body)

    assert answer.json()["__error__"]["message"] == (
        "command.goto: the graph `parent` has no node 'nowhere'; its nodes are pre, sub"
    )


async def test_a_thread_goes_on_after_an_input_its_graph_could_not_take(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json={"assistant_id": "echo", "input": {"messages": 3}})

    answer = await api.post(path, json={"assistant_id": "echo", "input": {"messages": ["hi"]}})

    assert [message["content"] for message in answer.json()["messages"]] == ["hi", "hi"]


@pytest.mark.parametrize("messages", [3, [{"foo": 1}]])
async def test_a_state_can_be_read_after_an_input_its_graph_could_not_take(
    api: httpx.AsyncClient, thread: MakeThread, messages: Any
) -> None:
    path = f"/threads/{await thread()}"
    good = {"assistant_id": "echo", "input": {"messages": ["hi"]}}
    values = (await api.post(f"{path}/runs/wait", json=good)).json()
    bad = {"assistant_id": "echo", "input": {"messages": messages}}
    await api.post(f"{path}/runs/wait", json=bad)

    answer = await api.get(f"{path}/state")

    assert (answer.status_code, answer.json()["values"]) == (200, values)
    assert (await api.get(path)).json()["values"] == values


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("ids", ["x/runs/{run}", "{thread}/runs/x", "x/runs/y"])
async def test_an_id_that_is_no_uuid_is_refused(
    api: httpx.AsyncClient, method: str, ids: str
) -> None:
    path = ids.format(thread=NOWHERE, run=NOWHERE)

    answer = await api.request(method, f"/threads/{path}")

    assert answer.status_code == 422
    assert "must be a UUID" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=0", "limit: "),
        ("limit=-1", "limit: "),
        ("limit=1000000000", "limit: "),
        ("limit=x", "limit: "),
        ("offset=-1", "offset: "),
        ("offset=99999999999999999999", "offset: "),
        ("status=done", "status: must be one of pending, running, "),
        ("select=secret", "select: unknown field 'secret'"),
        ("select=[", "Invalid JSON in the query"),
    ],
)
async def test_a_list_refuses_what_it_does_not_know(
    api: httpx.AsyncClient, thread: MakeThread, query: str, told: str
) -> None:
    answer = await api.get(f"/threads/{await thread()}/runs?{query}")

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


async def test_a_nested_body_just_within_the_bound_is_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    deep = json.loads("[" * 150 + "]" * 150)
    body = {"assistant_id": "mirror", "input": {"value": deep}}

    answer = await api.post(f"/threads/{await thread()}/runs/stream", json=body)

    assert "event: error" not in answer.text
