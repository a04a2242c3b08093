"""Runs on a thread of their own, which goes with them unless it is to be kept."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.conf import settings

from common import db
from tests.streaming import MakeThread, parsed, settled

HI: dict[str, Any] = {"messages": ["hi"]}
COUNT = """
SELECT (SELECT count(*) FROM thread WHERE thread_id = %(thread)s::uuid)
     + (SELECT count(*) FROM run WHERE thread_id = %(thread)s::uuid)
     + (SELECT count(*) FROM checkpoints WHERE thread_id = %(thread)s::text)
     + (SELECT count(*) FROM checkpoint_writes WHERE thread_id = %(thread)s::text)
     + (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = %(thread)s::text) AS rows
"""


async def rows_of(thread_id: str) -> int:
    found = await db.fetch_one(COUNT, {"thread": thread_id})
    assert found is not None
    return int(found["rows"])


async def gone(api: httpx.AsyncClient, thread_id: str) -> bool:
    while (answer := await api.get(f"/threads/{thread_id}")).status_code != 404:
        assert answer.json()["status"] == "busy"
    return True


@pytest.mark.parametrize("graph", ["echo", "ask", "boom", "parent"])
async def test_a_stateless_run_leaves_nothing(api: httpx.AsyncClient, graph: str) -> None:
    run = (await api.post("/runs", json={"assistant_id": graph, "input": HI})).json()

    assert await gone(api, run["thread_id"])
    answer = await api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}")
    assert answer.status_code == 404
    assert await rows_of(run["thread_id"]) == 0


async def test_a_stateless_run_says_where_it_is(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs", json={"assistant_id": "echo", "input": HI})

    run = answer.json()
    assert answer.headers["content-location"] == f"/runs/{run['run_id']}"
    assert (run["status"], run["kwargs"]["temporary"]) == ("pending", True)


@pytest.mark.parametrize("completion", [None, "delete"])
async def test_waiting_for_a_stateless_run(api: httpx.AsyncClient, completion: Any) -> None:
    body = {"assistant_id": "echo", "input": HI, "on_completion": completion}

    answer = await api.post("/runs/wait", json=body)

    assert [message["content"] for message in answer.json()["messages"]] == ["hi", "hi"]
    assert answer.headers["content-location"].startswith("/runs/")


async def test_an_interrupt_of_a_stateless_run_is_told(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs/wait", json={"assistant_id": "ask", "input": HI})

    assert [item["value"] for item in answer.json()["__interrupt__"]] == [{"q": "ok?"}]


async def test_what_a_run_came_to_is_told_however_little_is_kept_of_ended_runs(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EVENT_RING_MB", 0)

    answers = [
        await api.post("/runs/wait", json={"assistant_id": "echo", "input": HI}) for _ in range(5)
    ]

    assert [len(answer.json().get("messages", [])) for answer in answers] == [2] * 5


async def test_a_thread_that_is_kept_can_be_gone_on_with(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "ask", "input": HI, "on_completion": "keep"}
    run = (await api.post("/runs", json=body)).json()

    shown = await settled(api, run["thread_id"])

    assert (shown["status"], run["kwargs"]["temporary"]) == ("interrupted", False)
    path = f"/threads/{run['thread_id']}/runs"
    body = {"assistant_id": "ask", "command": {"resume": "sure"}}
    answer = await api.post(f"{path}/wait", json=body)
    assert answer.json()["messages"][-1]["content"] == "got sure"
    assert len((await api.get(path)).json()) == 2


async def test_a_kept_stream_is_stateless_in_its_headers(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "echo", "input": HI, "on_completion": "keep"}

    answer = await api.post("/runs/stream", json=body)

    run_id = parsed(answer.text)[0].data["run_id"]
    assert answer.headers["location"] == f"/runs/{run_id}/stream"


async def test_a_stateless_run_that_is_cancelled_leaves_nothing(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "sleeper", "input": {"seconds": 60}}
    run = (await api.post("/runs", json=body)).json()

    answer = await api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=1")

    assert answer.status_code == 200
    assert await gone(api, run["thread_id"])
    assert await rows_of(run["thread_id"]) == 0


async def test_a_refused_stateless_run_leaves_no_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    newest = await db.fetch_one("SELECT max(created_at) AS at FROM thread")
    assert newest is not None

    answer = await api.post(
        "/runs", json={"assistant_id": "echo", "checkpoint_id": "garbage", "input": HI}
    )

    assert answer.status_code == 404
    assert await db.fetch_all("SELECT 1 FROM thread WHERE created_at > %s", [newest["at"]]) == []
