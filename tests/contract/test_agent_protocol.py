"""The Agent Protocol, version 0.1.6: its paths are served, and answers have its shapes.

`agent-protocol.json` is that version's description without its prose and its requests, under the
licence beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pytest
from django.urls import Resolver404, resolve
from jsonschema_rs import Draft202012Validator

from tests.streaming import MakeThread, parsed, settled, started

SPEC = json.loads((Path(__file__).parent / "agent-protocol.json").read_text())
OPERATIONS = sorted((method, path) for path, methods in SPEC["paths"].items() for method in methods)
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
SLEEP = {"agent_id": "sleeper", "input": {"seconds": 0}}

# What is not built yet, with the subject to which it belongs.
NOT_YET = {
    ("post", "/threads/{thread_id}/stream"): "the event streaming protocol",
    ("get", "/threads/{thread_id}/stream"): "the event streaming protocol",
    ("post", "/threads/{thread_id}/commands"): "the event streaming protocol",
}

Operation: TypeAlias = "tuple[str, str]"


def is_served(operation: Operation) -> bool:
    method, path = operation
    concrete = path.replace("{thread_id}", str(uuid4())).replace("{run_id}", str(uuid4()))
    try:
        view: Any = resolve(concrete.replace("{agent_id}", "echo")).func
    except Resolver404:
        return False
    return method in view.actions


def wrong(answer: httpx.Response, operation: Operation) -> list[str]:
    """Say what about an answer is not as the protocol has it."""
    method, path = operation
    responses = SPEC["paths"][path][method]["responses"]
    if str(answer.status_code) not in responses:
        return [f"status {answer.status_code} is none of {', '.join(responses)}"]
    content = responses[str(answer.status_code)]
    if answer.status_code == 204:
        return [] if answer.content == b"" else ["204 has a body"]
    schema = {"components": SPEC["components"], **content["application/json"]["schema"]}
    errors = Draft202012Validator(schema, validate_formats=True).iter_errors(answer.json())
    return [f"{error.instance_path}: {error.message}" for error in errors]


def assert_as_described(answer: httpx.Response, method: str, path: str) -> None:
    assert wrong(answer, (method, path)) == [], answer.text


@pytest.fixture
async def done(api: httpx.AsyncClient, thread: MakeThread) -> Any:
    """A thread on which a run has ended, and that run."""
    thread_id = await thread()
    run = await api.post("/runs", json={"agent_id": "echo", "input": HI, "thread_id": thread_id})
    assert_as_described(run, "post", "/runs")
    await settled(api, thread_id)
    return thread_id, run.json()["run_id"]


@pytest.mark.parametrize("operation", OPERATIONS, ids="-".join)
def test_every_operation_is_served(served: None, operation: Operation) -> None:
    assert is_served(operation) or operation in NOT_YET


def test_what_is_not_built_yet_is_in_the_protocol() -> None:
    assert set(OPERATIONS) >= NOT_YET.keys()


async def test_agents(api: httpx.AsyncClient) -> None:
    found = await api.post("/agents/search", json={"name": "echo"})
    assert_as_described(found, "post", "/agents/search")
    path = f"/agents/{found.json()[0]['agent_id']}"

    assert_as_described(await api.get(path), "get", "/agents/{agent_id}")
    assert_as_described(await api.get(f"{path}/schemas"), "get", "/agents/{agent_id}/schemas")
    missing = await api.get(f"/agents/{uuid4()}")
    assert (missing.status_code, wrong(missing, ("get", "/agents/{agent_id}"))) == (404, [])


async def test_runs_by_their_ids(api: httpx.AsyncClient, done: tuple[str, str]) -> None:
    _, run_id = done

    shown = await api.get(f"/runs/{run_id}")
    assert_as_described(shown, "get", "/runs/{run_id}")
    waited = await api.get(f"/runs/{run_id}/wait")
    assert_as_described(waited, "get", "/runs/{run_id}/wait")
    assert waited.json()["run"] == shown.json()
    assert [message["role"] for message in waited.json()["messages"]] == ["user", "assistant"]
    assert_as_described(await api.delete(f"/runs/{run_id}"), "delete", "/runs/{run_id}")
    gone = await api.get(f"/runs/{run_id}")
    assert (gone.status_code, wrong(gone, ("get", "/runs/{run_id}"))) == (404, [])
    assert gone.json()["message"] == gone.json()["detail"]


async def test_a_search_of_runs(api: httpx.AsyncClient, done: tuple[str, str]) -> None:
    thread_id, run_id = done

    found = await api.post("/runs/search", json={"thread_id": thread_id, "agent_id": "echo"})

    assert_as_described(found, "post", "/runs/search")
    assert [run["run_id"] for run in found.json()] == [run_id]


async def test_a_run_in_every_status(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    running, pending = [
        await started(api, thread_id, agent_id="sleeper", input={"seconds": 60}) for _ in range(2)
    ]
    failed_on = await thread()
    await api.post("/runs/wait", json={"agent_id": "boom", "thread_id": failed_on})

    for place, count in ((thread_id, 2), (failed_on, 1)):
        found = await api.post("/runs/search", json={"thread_id": place})
        assert_as_described(found, "post", "/runs/search")
        assert len(found.json()) == count
    for run_id in (pending, running):
        shown = await api.get(f"/runs/{run_id}")
        assert_as_described(shown, "get", "/runs/{run_id}")
        cancelled = await api.post(f"/runs/{run_id}/cancel?wait=true")
        assert_as_described(cancelled, "post", "/runs/{run_id}/cancel")
        assert_as_described(await api.get(f"/runs/{run_id}"), "get", "/runs/{run_id}")


@pytest.mark.parametrize("agent", ["echo", "sleeper", "boom", "ask"])
async def test_waiting_for_a_new_run(api: httpx.AsyncClient, agent: str) -> None:
    graph_input = HI if agent != "sleeper" else {"seconds": 0}

    answer = await api.post("/runs/wait", json={"agent_id": agent, "input": graph_input})

    assert_as_described(answer, "post", "/runs/wait")
    assert answer.json()["run"]["status"] == ("error" if agent == "boom" else "success")


async def test_a_stream_of_a_new_run(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs/stream", json={**SLEEP, "stream_mode": "values"})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [frame.event for frame in parsed(answer.text)] == ["metadata", "values", "values"]


@pytest.mark.parametrize("way", ["", "/wait", "/stream"])
async def test_what_no_run_can_be_made_of(api: httpx.AsyncClient, way: str) -> None:
    bodies: list[tuple[int, Any]] = [
        (422, {"agent_id": "nope"}),
        (422, {"agent_id": "echo", "stream_mode": "x"}),
        (404, {"agent_id": "echo", "thread_id": str(uuid4())}),
    ]
    for status, body in bodies:
        answer = await api.post(f"/runs{way}", json=body)
        assert answer.status_code == status
        assert_as_described(answer, "post", f"/runs{way}")


async def test_a_busy_thread_is_409(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, agent_id="sleeper", input={"seconds": 60})
    body = {**SLEEP, "thread_id": thread_id, "multitask_strategy": "reject"}

    answer = await api.post("/runs", json=body)

    assert answer.status_code == 409
    assert_as_described(answer, "post", "/runs")
    await api.post(f"/runs/{run_id}/cancel?wait=1")


async def test_threads(api: httpx.AsyncClient, done: tuple[str, str]) -> None:
    thread_id, _ = done
    path = f"/threads/{thread_id}"

    assert_as_described(await api.get(path), "get", "/threads/{thread_id}")
    history = await api.get(f"{path}/history?limit=5")
    assert_as_described(history, "get", "/threads/{thread_id}/history")
    found = await api.post("/threads/search", json={"ids": [thread_id]})
    assert_as_described(found, "post", "/threads/search")
    patched = await api.patch(path, json={"metadata": {"a": 1}})
    assert_as_described(patched, "patch", "/threads/{thread_id}")
    again = await api.post("/threads", json={"thread_id": thread_id})
    assert_as_described(again, "post", "/threads")
    assert_as_described(await api.delete(path), "delete", "/threads/{thread_id}")


async def test_a_new_threads_values_are_null_as_langgraphs_clients_know_it(
    api: httpx.AsyncClient,
) -> None:
    made = await api.post("/threads", json={})

    assert wrong(made, ("post", "/threads")) == ["['values']: null is not of type \"object\""]


async def test_store_items(api: httpx.AsyncClient) -> None:
    item = {"namespace": ["contract", str(uuid4())], "key": "k"}
    namespace = ".".join(item["namespace"])

    put = await api.put("/store/items", json={**item, "value": {"a": 1}})
    assert_as_described(put, "put", "/store/items")
    read = await api.get("/store/items", params={"key": "k", "namespace": namespace})
    assert_as_described(read, "get", "/store/items")
    search = {"namespace_prefix": item["namespace"]}
    found = await api.post("/store/items/search", json=search)
    assert_as_described(found, "post", "/store/items/search")
    gone = await api.request("DELETE", "/store/items", json=item)
    assert_as_described(gone, "delete", "/store/items")


async def test_namespaces_are_in_an_object_as_langgraphs_clients_know_it(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post("/store/namespaces", json={})

    assert [error[:2] for error in wrong(answer, ("post", "/store/namespaces"))] == ["[]"]
