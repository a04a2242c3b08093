"""POST /runs/cancel: the named runs of a thread, or all runs of a status."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements
from tests.streaming import MakeThread, settled, started

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


async def statuses(api: httpx.AsyncClient, thread_id: str) -> list[str]:
    """Return the statuses of a thread's runs, oldest first."""
    runs = (await api.get(f"/threads/{thread_id}/runs")).json()
    return [run["status"] for run in reversed(runs)]


@pytest.fixture
async def busy(api: httpx.AsyncClient, thread: MakeThread) -> Any:
    """A thread with a running run and two pending ones, and their ids."""
    thread_id = await thread()
    ids = [await started(api, thread_id, **LONG) for _ in range(3)]
    yield thread_id, ids
    await api.post("/runs/cancel", json={"thread_id": thread_id, "run_ids": ids})
    await settled(api, thread_id)


async def test_the_named_runs_stop_and_others_go_on(
    api: httpx.AsyncClient, busy: tuple[str, list[str]]
) -> None:
    thread_id, (running, second, third) = busy

    answer = await api.post(
        "/runs/cancel", json={"thread_id": thread_id, "run_ids": [second, third, str(uuid4())]}
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert await statuses(api, thread_id) == ["running", "interrupted", "interrupted"]
    answer = await api.post("/runs/cancel", json={"thread_id": thread_id, "run_ids": [running]})
    assert answer.status_code == 204
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted")


async def test_a_run_is_not_cancelled_under_another_thread(
    api: httpx.AsyncClient, busy: tuple[str, list[str]], thread: MakeThread
) -> None:
    thread_id, ids = busy

    answer = await api.post("/runs/cancel", json={"thread_id": await thread(), "run_ids": ids})

    assert answer.status_code == 404
    assert await statuses(api, thread_id) == ["running", "pending", "pending"]


async def test_rolled_back_runs_were_never_there(
    api: httpx.AsyncClient, busy: tuple[str, list[str]]
) -> None:
    thread_id, ids = busy

    answer = await api.post(
        "/runs/cancel?action=rollback", json={"thread_id": thread_id, "run_ids": ids}
    )

    assert answer.status_code == 204
    shown = await settled(api, thread_id)
    assert await statuses(api, thread_id) == []
    assert (shown["status"], shown["values"]) == ("idle", None)
    assert (await api.post(f"/threads/{thread_id}/history", json={})).json() == []


@pytest.mark.slow  # they stop the runs of everybody
async def test_all_runs_of_a_status_stop(
    api: httpx.AsyncClient, busy: tuple[str, list[str]]
) -> None:
    thread_id, _ = busy
    stateless = (await api.post("/runs", json=LONG)).json()["thread_id"]

    answer = await api.post("/runs/cancel", json={"status": "pending"})
    assert answer.status_code == 204
    assert await statuses(api, thread_id) == ["running", "interrupted", "interrupted"]

    answer = await api.post("/runs/cancel", json={"status": "running"})
    assert answer.status_code == 204
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted")
    while (answer := await api.get(f"/threads/{stateless}")).status_code != 404:
        assert answer.json()["status"] == "busy"

    answer = await api.post("/runs/cancel", json={"status": "all"})
    assert answer.status_code == 404
    assert "No runs found to cancel" in answer.json()["detail"]


@pytest.mark.slow
async def test_to_stop_many_takes_no_more_statements(
    api: httpx.AsyncClient, thread: MakeThread, statements: Statements
) -> None:
    async def cost(number: int) -> int:
        threads = [await thread() for _ in range(number)]
        for thread_id in threads * 2:
            await started(api, thread_id, **LONG)
        await asyncio.sleep(0.2)
        statements.clear()
        await api.post("/runs/cancel", json={"status": "pending"})
        sent = len(statements)
        await api.post("/runs/cancel", json={"status": "all"})
        for thread_id in threads:
            await settled(api, thread_id)
        return sent

    assert await cost(1) == await cost(3)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "Give `status`, or both `thread_id` and `run_ids`."),
        ({"thread_id": str(uuid4())}, "Give `status`, or both"),
        ({"run_ids": [str(uuid4())]}, "Give `status`, or both"),
        ({"thread_id": str(uuid4()), "run_ids": []}, "Give `status`, or both"),
        ({"status": "all", "thread_id": str(uuid4())}, "Give either"),
        ({"status": "all", "run_ids": [str(uuid4())]}, "Give either"),
        ({"status": "success"}, "status: must be one of pending, running, all"),
        ({"status": 1}, "status: must be one of"),
        ({"thread_id": "x", "run_ids": [str(uuid4())]}, "thread_id: must be a UUID"),
        ({"thread_id": str(uuid4()), "run_ids": ["x"]}, "run_ids.0: must be a UUID"),
        ({"thread_id": str(uuid4()), "run_ids": "x"}, "run_ids: "),
        ([], "must be a JSON object"),
    ],
    ids=[str(number) for number in range(12)],
)
async def test_a_cancel_says_what_it_lacks(api: httpx.AsyncClient, body: Any, told: str) -> None:
    answer = await api.post("/runs/cancel", json=body)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


async def test_an_unknown_action_is_refused(api: httpx.AsyncClient) -> None:
    body = {"thread_id": str(uuid4()), "run_ids": [str(uuid4())]}

    answer = await api.post("/runs/cancel?action=stop", json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"] == "action: must be one of interrupt, rollback"


async def test_the_runs_of_no_thread_cannot_be_cancelled(api: httpx.AsyncClient) -> None:
    body = {"thread_id": str(uuid4()), "run_ids": [str(uuid4())]}

    assert (await api.post("/runs/cancel", json=body)).status_code == 404
