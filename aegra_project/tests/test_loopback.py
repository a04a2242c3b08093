"""`get_client()` without a URL, in graphs: this server, in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from runs.engine.current import current_engine
from tests.streaming import streamed

ECHO: dict[str, Any] = {"graph": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}


async def waited(api: httpx.AsyncClient, graph: str, value: dict[str, Any]) -> Any:
    answer = await api.post("/runs/wait", json={"assistant_id": graph, "input": value})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("graph", ["waits", "threaded", "remotes"])
async def test_a_node_runs_another_graph_of_the_server(api: httpx.AsyncClient, graph: str) -> None:
    values = await waited(api, graph, ECHO)

    assert values["answer"]["messages"][-1]["content"] == "hi", values


async def test_a_node_reads_a_stream_as_it_comes(api: httpx.AsyncClient) -> None:
    call = {"graph": "slowwriter", "input": {"count": 3}}

    values = await waited(api, "streams", call)

    assert values["parts"] == ["metadata", "custom", "custom", "custom", "updates"]
    first, last = values["waits"][1], values["waits"][-1]
    assert last - first > 0.05


async def test_a_graph_calls_itself(api: httpx.AsyncClient) -> None:
    assert (await waited(api, "deep", {"depth": 5}))["reached"] == 5


async def test_a_run_that_a_node_starts_is_no_part_of_the_node_s_own(
    api: httpx.AsyncClient,
) -> None:
    body = {"assistant_id": "waits", "input": ECHO, "stream_mode": ["updates", "messages"]}
    frames = await streamed(api, "/runs/stream", stream_subgraphs=True, **body)

    assert [frame.event for frame in frames] == ["metadata", "updates"]


async def test_runs_that_wait_for_runs_leave_them_theirslots(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = current_engine().slots
    monkeypatch.setattr(slots, "_free", 2)

    async with asyncio.timeout(8), asyncio.TaskGroup() as group:
        calls = [group.create_task(waited(api, "deep", {"depth": 3})) for _ in range(6)]

    assert [call.result()["reached"] for call in calls] == [3] * 6
    # A run answers when it is settled, and gives its slot back in the moment after that.
    async with asyncio.timeout(2):
        while slots._free != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("api")
async def test_it_works_outside_of_graphs_and_reads_as_everybody() -> None:
    client = get_client()

    thread = await client.threads.create(metadata={"made": "here"})

    assert (await client.threads.get(thread["thread_id"]))["metadata"] == {"made": "here"}
