"""What goes with an assistant: its active runs, and its threads when that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from assistants import deletion
from common import db
from common.tests.statements import Statements
from tests.streaming import MakeThread, settled, started

Make = Callable[..., Awaitable[dict[str, Any]]]

SLEEP = {"input": {"seconds": 60}}
LEFT = """
SELECT (SELECT count(*) FROM thread WHERE thread_id::text = %(thread)s) +
       (SELECT count(*) FROM run WHERE thread_id::text = %(thread)s) +
       (SELECT count(*) FROM checkpoints WHERE thread_id = %(thread)s) +
       (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = %(thread)s) +
       (SELECT count(*) FROM checkpoint_writes WHERE thread_id = %(thread)s) AS rows
"""


async def rows_of(thread_id: str) -> int:
    row = await db.fetch_one(LEFT, {"thread": thread_id})
    assert row is not None
    return int(row["rows"])


async def emptied(thread_id: str) -> None:
    """Wait until nothing of a thread is left: its run may stop after the answer."""
    async with asyncio.timeout(3):
        while await rows_of(thread_id):  # noqa: ASYNC110 -- a fact in the database, no event
            await asyncio.sleep(0.02)


async def ran(api: httpx.AsyncClient, thread_id: str, assistant_id: str) -> None:
    body = {"assistant_id": assistant_id, "input": {"messages": []}}
    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=body)
    assert answer.status_code == 200, answer.text


async def delete(
    api: httpx.AsyncClient, assistant_id: str, *, with_threads: bool = True
) -> httpx.Response:
    params = {"delete_threads": "true" if with_threads else "false"}
    return await api.delete(f"/assistants/{assistant_id}", params=params)


async def test_its_threads_go_with_their_runs_and_checkpoints_and_no_others(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread
) -> None:
    its, other = (await assistant())["assistant_id"], (await assistant())["assistant_id"]
    idle, moved, foreign = await thread(), await thread(), await thread()
    named = await thread(metadata={"assistant_id": its})
    await ran(api, idle, its)
    await ran(api, moved, its)
    await ran(api, moved, other)
    await ran(api, foreign, other)

    answer = await delete(api, its)

    assert (answer.status_code, answer.content) == (204, b"")
    assert [await rows_of(each) for each in (idle, named)] == [0, 0]
    assert (await api.get(f"/assistants/{its}")).status_code == 404
    runs = (await api.get(f"/threads/{moved}/runs")).json()
    assert [run["assistant_id"] for run in runs] == [other, its]
    assert (await api.get(f"/threads/{foreign}/state")).status_code == 200


async def test_a_run_that_is_active_stops_and_writes_no_more(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread
) -> None:
    its = (await assistant(graph_id="sleeper"))["assistant_id"]
    threads = [await thread() for _ in range(3)]
    for thread_id in threads:
        await started(api, thread_id, assistant_id=its, **SLEEP)

    assert (await delete(api, its)).status_code == 204

    for thread_id in threads:
        await emptied(thread_id)


async def test_without_its_threads_its_active_runs_are_cancelled_and_theirs_go_on(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread
) -> None:
    its = (await assistant(graph_id="sleeper"))["assistant_id"]
    running, waiting = await thread(), await thread()
    await started(api, running, assistant_id=its, **SLEEP)
    kept = await started(api, waiting, assistant_id="sleeper", **SLEEP)
    body = {"assistant_id": its, "multitask_strategy": "enqueue", **SLEEP}
    pending = (await api.post(f"/threads/{waiting}/runs", json=body)).json()["run_id"]

    assert (await delete(api, its, with_threads=False)).status_code == 204

    assert (await settled(api, running))["status"] == "interrupted"
    [run] = (await api.get(f"/threads/{running}/runs")).json()
    assert (run["status"], run["assistant_id"]) == ("interrupted", its)
    statuses = {
        run["run_id"]: run["status"] for run in (await api.get(f"/threads/{waiting}/runs")).json()
    }
    assert statuses == {kept: "running", pending: "interrupted"}
    assert (await api.get(f"/threads/{waiting}")).json()["status"] == "busy"
    await api.delete(f"/threads/{waiting}")


async def test_a_thread_whose_only_pending_run_goes_is_idle(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread
) -> None:
    its, thread_id = (await assistant())["assistant_id"], await thread()
    await ran(api, thread_id, its)
    # As a process leaves it that has handed its runs back.
    await db.execute("UPDATE run SET status = 'pending' WHERE thread_id = %s", [thread_id])
    await db.execute("UPDATE thread SET status = 'busy' WHERE thread_id = %s", [thread_id])

    assert (await delete(api, its, with_threads=False)).status_code == 204

    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


async def test_an_assistant_that_is_not_there_takes_no_thread_with_it(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread
) -> None:
    its = (await assistant())["assistant_id"]
    await delete(api, its, with_threads=False)
    thread_id = await thread(metadata={"assistant_id": its})

    assert (await delete(api, its)).status_code == 404

    assert await rows_of(thread_id) == 1


@pytest.fixture
async def held(api: httpx.AsyncClient, assistant: Make, thread: MakeThread) -> dict[str, str]:
    """An assistant with a run, and the thread it is on."""
    its, thread_id = (await assistant(graph_id="sleeper"))["assistant_id"], await thread()
    run_id = await started(api, thread_id, assistant_id=its, **SLEEP)
    return {"assistant": its, "thread": thread_id, "run": run_id}


LOCK_RUN = "SELECT 1 FROM run WHERE run_id = %s FOR UPDATE"
LOCK_THREAD = "SELECT 1 FROM thread WHERE thread_id = %s FOR UPDATE"


async def test_an_engine_that_renews_a_lease_is_waited_for_with_nothing_held(
    api: httpx.AsyncClient, held: dict[str, str]
) -> None:
    async with db.transaction() as tx:
        await tx.execute(LOCK_RUN, [held["run"]])
        deleting = asyncio.create_task(delete(api, held["assistant"]))
        await asyncio.sleep(0.1)

        # Were it held, the two would wait for each other.
        await tx.execute(LOCK_THREAD, [held["thread"]])

        assert not deleting.done()
    assert (await deleting).status_code == 204
    await emptied(held["thread"])


async def test_what_cannot_be_locked_is_503_and_nothing_is_deleted(
    api: httpx.AsyncClient, held: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "LOCK_TRIES", 2)
    async with db.transaction() as tx:
        await tx.execute(LOCK_RUN, [held["run"]])

        answer = await delete(api, held["assistant"])

    assert answer.status_code == 503
    assert "Try again" in answer.json()["detail"]
    assert (await api.get(f"/assistants/{held['assistant']}")).status_code == 200
    assert (await api.get(f"/threads/{held['thread']}")).json()["status"] == "busy"
    assert (await delete(api, held["assistant"])).status_code == 204


async def test_a_deletion_takes_as_many_statements_for_one_thread_as_for_ten(
    api: httpx.AsyncClient, assistant: Make, thread: MakeThread, statements: Statements
) -> None:
    counts = []
    for number in (1, 10):
        its = (await assistant())["assistant_id"]
        for _ in range(number):
            await thread(metadata={"assistant_id": its})
        before = len(statements)
        await delete(api, its)
        counts.append(len(statements) - before)

    assert counts[0] == counts[1] < 10
