"""Many clients at once, as they meet a server in earnest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.schema import StreamPart

from common.tests.servers import LiveServer
from tests.e2e.asking import WEATHER_ANSWER, said, tokens_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

CITIES = ["Paris", "Oslo", "Rome", "Lima", "Cairo"]
CREATES = 50


@pytest.fixture
async def sdk(server: LiveServer) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=server.url) as client:
        yield client


async def streamed(sdk: LangGraphClient, city: str) -> tuple[str, list[StreamPart]]:
    thread_id = (await sdk.threads.create())["thread_id"]
    stream = sdk.runs.stream(
        thread_id,
        "react_agent",
        input=said(f"What is the weather in {city}?"),
        stream_mode="messages-tuple",
    )
    return thread_id, [part async for part in stream]


async def test_each_client_sees_its_own_tokens_in_order(sdk: LangGraphClient) -> None:
    streams = await asyncio.gather(*(streamed(sdk, city) for city in CITIES))

    for city, (_, parts) in zip(CITIES, streams, strict=True):
        answer = "".join(tokens_of(parts))
        assert answer.startswith("The weather tool says: It is ")
        assert answer.endswith(f" in {city}.")
        runs = {message["run_id"] for _, message in (part.data for part in parts[1:])}
        assert runs == {parts[0].data["run_id"]}


async def test_a_late_client_sees_what_the_first_one_saw(sdk: LangGraphClient) -> None:
    (thread_id, seen), *_ = await asyncio.gather(*(streamed(sdk, city) for city in CITIES))

    late = sdk.runs.join_stream(thread_id, seen[0].data["run_id"], last_event_id="-1")

    told = [(part.event, part.data) async for part in late]
    assert told == [(part.event, part.data) for part in seen]
    assert "".join(tokens_of(seen)) == WEATHER_ANSWER


async def test_a_client_joins_while_others_stream(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    slow: Any = {**said("go"), "count": 30, "delay_seconds": 0.02}
    first = sdk.runs.stream(thread_id, "tokens", input=slow, stream_mode="messages-tuple")
    seen = [await anext(first) for _ in range(5)]

    late = sdk.runs.join_stream(thread_id, seen[0].data["run_id"], last_event_id="-1")
    joined = [part async for part in late]
    seen += [part async for part in first]

    assert [part.data for part in joined] == [part.data for part in seen]
    assert tokens_of(joined) == [f"t{number} " for number in range(30)]


async def created_at_once(url: str, thread_id: str, strategy: str) -> Counter[int]:
    """Create CREATES runs at the same time, and wait for all of them to end.

    Returns how often each status was answered.
    """
    seconds = 1.0 if strategy == "reject" else 0.05
    body = {
        "assistant_id": "sleeper",
        "input": {"seconds": seconds},
        "multitask_strategy": strategy,
    }
    runs = f"/threads/{thread_id}/runs"
    limits = httpx.Limits(max_connections=CREATES)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=50) as http:
        answers = await asyncio.gather(*(http.post(runs, json=body) for _ in range(CREATES)))
        made = [answer.json()["run_id"] for answer in answers if answer.is_success]
        await asyncio.gather(*(http.get(f"{runs}/{run_id}/join") for run_id in made))
    return Counter(answer.status_code for answer in answers)


async def runs_of(sdk: LangGraphClient, thread_id: str) -> list[str]:
    """Return how the runs of a thread ended, newest first."""
    assert (await sdk.threads.get(thread_id))["status"] != "busy"
    return [run["status"] for run in await sdk.runs.list(thread_id, limit=2 * CREATES)]


async def test_reject_lets_one_of_many_through(server: LiveServer, sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]

    answers = await created_at_once(server.url, thread_id, "reject")

    assert answers == {200: 1, 409: CREATES - 1}
    assert await runs_of(sdk, thread_id) == ["success"]


async def test_enqueue_runs_all_of_many(server: LiveServer, sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]

    answers = await created_at_once(server.url, thread_id, "enqueue")

    assert answers == {200: CREATES}
    assert await runs_of(sdk, thread_id) == ["success"] * CREATES


async def test_interrupt_leaves_the_last_of_many(server: LiveServer, sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]

    answers = await created_at_once(server.url, thread_id, "interrupt")

    assert answers == {200: CREATES}
    newest, *others = await runs_of(sdk, thread_id)
    assert newest == "success"
    assert len(others) == CREATES - 1
    assert set(others) <= {"success", "interrupted"}


async def test_rollback_leaves_the_last_of_many(server: LiveServer, sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]

    answers = await created_at_once(server.url, thread_id, "rollback")

    assert answers == {200: CREATES}
    ended = await runs_of(sdk, thread_id)
    assert set(ended) == {"success"}
    state: Any = await sdk.threads.get_state(thread_id)
    assert state["values"]["done"]
