from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.wire import assert_alike, sample
from tests.streaming import MakeThread

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}


@pytest.fixture
async def asked(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """A thread on which a graph waits for an answer."""
    thread_id = await thread()
    body = {"assistant_id": "ask", "input": HI}
    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=body)
    assert answer.status_code == 200, answer.text
    return thread_id


async def resumed(api: httpx.AsyncClient, thread_id: str) -> httpx.Response:
    body = {"assistant_id": "ask", "command": {"resume": "sure"}}
    return await api.post(f"/threads/{thread_id}/runs/wait", json=body)


async def test_the_state_of_an_interrupted_thread(api: httpx.AsyncClient, asked: str) -> None:
    answer = await api.get(f"/threads/{asked}/state")

    assert_alike(answer.json(), sample("interrupted_state.json"))


async def test_an_interrupted_thread(api: httpx.AsyncClient, asked: str) -> None:
    answer = await api.get(f"/threads/{asked}")

    assert_alike(answer.json(), sample("interrupted_thread.json"))


async def test_the_history_of_an_interrupted_thread(api: httpx.AsyncClient, asked: str) -> None:
    answer = await api.post(f"/threads/{asked}/history", json={"limit": 2})

    assert_alike(answer.json(), sample("interrupted_history.json"))


async def test_the_values_after_a_resume(api: httpx.AsyncClient, asked: str) -> None:
    answer = await resumed(api, asked)

    assert_alike(answer.json(), sample("resumed_values.json"))


async def test_the_run_of_a_resume(api: httpx.AsyncClient, asked: str) -> None:
    await resumed(api, asked)

    answer = await api.get(f"/threads/{asked}/runs?limit=1")

    assert_alike(answer.json(), sample("resumed_runs.json"))


async def test_a_run_that_is_created(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    body = {"assistant_id": "agent", "input": {"messages": []}}

    answer = await api.post(f"/threads/{thread_id}/runs", json=body)

    assert_alike(answer.json(), sample("created_run.json"))
    place = f"/threads/{thread_id}/runs/{answer.json()['run_id']}"
    assert answer.headers["content-location"] == place


async def test_an_assistant_that_is_found(api: httpx.AsyncClient) -> None:
    body = {"graph_id": "agent", "metadata": {"created_by": "system"}, "limit": 1}

    answer = await api.post("/assistants/search", json=body)

    assert_alike(answer.json(), sample("assistants.json"))


async def test_the_drawing_of_a_graph(api: httpx.AsyncClient) -> None:
    answer = await api.get("/assistants/agent/graph")

    assert_alike(answer.json(), sample("graph.json"))


async def test_what_the_server_says_of_itself(api: httpx.AsyncClient) -> None:
    answer = await api.get("/info")

    expected = sample("info.json")
    assert answer.json().keys() == expected.keys()
    assert answer.json()["flags"].keys() >= expected["flags"].keys()
    assert answer.json()["host"] == expected["host"]


async def test_that_the_server_is_there(api: httpx.AsyncClient) -> None:
    answer = await api.get("/ok")

    assert answer.content == b'{"ok":true,"services":{}}'
