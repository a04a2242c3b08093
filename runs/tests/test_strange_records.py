"""Runs whose records another version has written, or whose graph is gone: each fails by itself."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common import db
from common.db import jsonb
from runs.engine.current import current_engine
from tests.streaming import MakeThread

LATER = {"assistant_id": "echo", "after_seconds": 3600}
BECOME = "UPDATE run SET kwargs = %s, created_at = now() WHERE run_id = %s"
HI = {"messages": [{"role": "user", "content": "hi"}]}
ECHO = {"configurable": {"graph_id": "echo"}}


async def outcome(api: httpx.AsyncClient, thread_id: str, kwargs: Any) -> Any:
    """Have a run of such a record executed; return what `join` answers."""
    run = (await api.post(f"/threads/{thread_id}/runs", json=LATER)).json()
    await db.execute(BECOME, [jsonb(kwargs), run["run_id"]])
    current_engine().wake()
    return (await api.get(f"/threads/{thread_id}/runs/{run['run_id']}/join")).json()


@pytest.mark.parametrize(
    ("kwargs", "told"),
    [
        ({}, "names no graph"),
        ({"config": {"configurable": 5}}, "names no graph"),
        ({"config": {"configurable": {"graph_id": "gone"}}}, "Graph 'gone' not found"),
        ({"config": ECHO, "stream_mode": ["telepathy"]}, "`stream_mode` ['telepathy']"),
        ({"config": ECHO, "stream_mode": 5}, "`stream_mode` 5"),
    ],
)
async def test_a_run_that_cannot_be_read_fails_with_a_clear_error(
    api: httpx.AsyncClient, thread: MakeThread, kwargs: Any, told: str
) -> None:
    thread_id = await thread()

    answer = await outcome(api, thread_id, kwargs)

    found = await api.post("/runs/search", json={"thread_id": thread_id})
    assert [run["status"] for run in found.json()] == ["error"]
    assert told in answer["__error__"]["message"]
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "error"


async def test_a_run_of_few_words_is_found(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await outcome(api, thread_id, {})

    found = await api.post("/runs/search", json={"thread_id": thread_id})

    assert [(run["status"], run["stream_mode"]) for run in found.json()] == [("error", [])]


async def test_a_record_of_another_version_is_executed_as_far_as_it_is_known(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    configurable = {**ECHO["configurable"], "thread_id": ""}

    answer = await outcome(
        api, await thread(), {"config": {"configurable": configurable}, "input": HI, "later": 1}
    )

    assert answer["messages"][-1]["content"] == "hi"
