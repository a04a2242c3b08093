"""A run that failed is put back into the queue and goes on where it was."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from access.caller import ANONYMOUS
from common import db
from common.errors import Conflict, NotFound
from runs.engine.current import current_engine
from runs.retrying import retry_run
from tests.streaming import MakeThread, settled, started


async def failed(api: httpx.AsyncClient, thread_id: str, **fields: Any) -> UUID:
    body = {"assistant_id": "flaky", "input": {"key": uuid4().hex}, **fields}
    run_id = await started(api, thread_id, **body)
    assert (await settled(api, thread_id))["status"] == "error"
    return UUID(run_id)


async def test_a_failed_run_goes_on_where_it_failed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await failed(api, thread_id)

    await retry_run(run_id, caller=ANONYMOUS)
    shown = await settled(api, thread_id)

    run = (await api.get(f"/threads/{thread_id}/runs/{run_id}")).json()
    assert (run["status"], shown["status"], shown["error"]) == ("success", "idle", None)
    assert shown["values"]["done"] == ["begun", "ended"]
    row = await db.fetch_one("SELECT attempt, error FROM run WHERE run_id = %s", [run_id])
    assert row == {"attempt": 2, "error": None}


async def test_a_cancelled_run_may_be_tried_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 60})
    place = f"/threads/{thread_id}/runs/{run_id}"
    await api.post(f"{place}/cancel?wait=1")

    # As when the notice of the cancel comes to a process that does not execute the run.
    current_engine().cancel_local(UUID(run_id))

    await retry_run(UUID(run_id), caller=ANONYMOUS)
    async with asyncio.timeout(8):
        while True:
            if (await api.get(place)).json()["status"] != "pending":
                break
            await asyncio.sleep(0.02)

    assert (await api.get(place)).json()["status"] == "running"
    await api.post(f"{place}/cancel")
    await settled(api, thread_id)
    assert (await api.get(place)).json()["status"] == "interrupted"


async def test_a_run_that_succeeded_is_not_tried_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="echo", input={"messages": []})
    await settled(api, thread_id)

    with pytest.raises(Conflict, match="is success"):
        await retry_run(UUID(run_id), caller=ANONYMOUS)


async def test_a_run_after_which_others_came_is_not_tried_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await failed(api, thread_id)
    await failed(api, thread_id)

    with pytest.raises(Conflict, match="not the last"):
        await retry_run(run_id, caller=ANONYMOUS)


async def test_a_run_that_is_not_there_is_not_tried_again(api: httpx.AsyncClient) -> None:
    with pytest.raises(NotFound):
        await retry_run(uuid4(), caller=ANONYMOUS)
