"""Runs that are to begin later: they wait, and count as active meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from runs.engine.current import current_engine
from tests.streaming import MakeThread

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}
LATER = {**ECHO, "after_seconds": 3600}
DUE_NOW = "UPDATE run SET created_at = now() WHERE run_id = %s"


async def created(api: httpx.AsyncClient, thread_id: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post(f"/threads/{thread_id}/runs", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def statuses(api: httpx.AsyncClient, thread_id: str) -> list[str]:
    """Return the statuses of a thread's runs, the oldest first."""
    runs = (await api.get(f"/threads/{thread_id}/runs")).json()
    return [run["status"] for run in reversed(runs)]


async def test_a_delayed_run_is_dated_at_its_beginning_and_its_thread_is_busy(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    run = await created(api, thread_id, LATER)

    created_at, updated_at = (datetime.fromisoformat(run[key]) for key in RUN_DATES)
    assert (created_at - updated_at).total_seconds() == 3600
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "busy"
    assert await statuses(api, thread_id) == ["pending"]
    await api.delete(f"/threads/{thread_id}")


RUN_DATES = ("created_at", "updated_at")


async def test_a_delayed_run_begins_when_it_is_due(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    answer = await api.post("/runs/wait", json={**ECHO, "after_seconds": 0.2})

    assert answer.status_code == 200
    assert [message["content"] for message in answer.json()["messages"]] == ["hi", "hi"]


async def test_a_run_that_became_due_unheard_is_found(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run = await created(api, thread_id, LATER)
    await db.execute(DUE_NOW, [run["run_id"]])

    current_engine().wake()

    answer = await api.get(f"/threads/{thread_id}/runs/{run['run_id']}/join")
    assert answer.json()["messages"][-1]["content"] == "hi"


async def test_a_delayed_run_keeps_no_other_waiting(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await created(api, thread_id, LATER)

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=ECHO)

    assert answer.json()["messages"][-1]["content"] == "hi"
    assert await statuses(api, thread_id) == ["success", "pending"]
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "busy"
    await api.delete(f"/threads/{thread_id}")


async def test_a_delayed_run_is_active(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await created(api, thread_id, LATER)

    answer = await api.post(
        f"/threads/{thread_id}/runs", json={**ECHO, "multitask_strategy": "reject"}
    )

    assert answer.status_code == 409
    await api.delete(f"/threads/{thread_id}")


@pytest.mark.parametrize(
    ("strategy", "left"), [("interrupt", ["success", "interrupted"]), ("rollback", ["success"])]
)
async def test_a_delayed_run_gives_way(
    api: httpx.AsyncClient, thread: MakeThread, strategy: str, left: list[str]
) -> None:
    thread_id = await thread()
    await created(api, thread_id, LATER)

    body = {**ECHO, "multitask_strategy": strategy}
    await api.post(f"/threads/{thread_id}/runs/wait", json=body)

    assert await statuses(api, thread_id) == left
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


@pytest.mark.parametrize(("action", "status"), [("interrupt", 200), ("rollback", 404)])
async def test_a_delayed_run_is_cancelled_on_the_spot(
    api: httpx.AsyncClient, thread: MakeThread, action: str, status: int
) -> None:
    thread_id = await thread()
    run_id = UUID((await created(api, thread_id, LATER))["run_id"])
    place = f"/threads/{thread_id}/runs/{run_id}"

    answer = await api.post(f"{place}/cancel", params={"action": action, "wait": "1"})

    assert answer.status_code == 200
    assert (await api.get(place)).status_code == status
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"
