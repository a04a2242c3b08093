"""A graph that blocks the loop it runs on, which is not the loop of HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.tests.servers import LiveServer
from tests.streaming import settled

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(60)]

LIMIT_MS = 100
ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        yield client


async def blocked(http: httpx.AsyncClient, seconds: float) -> tuple[str, str]:
    """Start a run that blocks its loop; return its thread and itself."""
    thread_id = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "blocker", "input": {"seconds": seconds}}
    run = (await http.post(f"/threads/{thread_id}/runs", json=body)).json()
    while (await http.get(f"/threads/{thread_id}/runs/{run['run_id']}")).json()[
        "status"
    ] == "pending":
        pass
    return thread_id, run["run_id"]


async def timed(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> float:
    """Return how many milliseconds an answer took, which must be a good one."""
    start = time.perf_counter()
    answer = await http.request(method, path, json=body)
    took = (time.perf_counter() - start) * 1000
    assert answer.is_success, answer.text
    return took


async def test_the_server_answers_while_a_graph_blocks(http: httpx.AsyncClient) -> None:
    others = [(await http.post("/threads", json={})).json()["thread_id"] for _ in range(5)]
    thread_id, run_id = await blocked(http, 5)
    start = time.perf_counter()

    took = {
        "ok": [await timed(http, "GET", "/ok") for _ in range(5)],
        "thread": [await timed(http, "GET", f"/threads/{thread_id}") for _ in range(20)],
        "run": [await timed(http, "POST", f"/threads/{other}/runs", ECHO) for other in others],
    }
    cancel = await http.post(f"/threads/{thread_id}/runs/{run_id}/cancel")

    assert time.perf_counter() - start < 5
    worst = {what: round(max(each), 1) for what, each in took.items()}
    assert max(worst.values()) < LIMIT_MS, worst
    assert cancel.status_code == 202
    await settled(http, thread_id)
    run = (await http.get(f"/threads/{thread_id}/runs/{run_id}")).json()
    assert run["status"] == "interrupted"
    assert [(await settled(http, other))["status"] for other in others] == ["idle"] * 5
