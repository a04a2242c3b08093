from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx
import pytest

from common import db

MakeThread = Callable[..., Awaitable[str]]
LEFT = """
SELECT (SELECT count(*) FROM run WHERE thread_id::text = %(thread)s) +
       (SELECT count(*) FROM checkpoints WHERE thread_id = %(thread)s) +
       (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = %(thread)s) +
       (SELECT count(*) FROM checkpoint_writes WHERE thread_id = %(thread)s) AS rows
"""
RULE = """
SELECT confdeltype::text AS rule FROM pg_constraint
 WHERE conrelid = %s::regclass AND confrelid = %s::regclass AND contype = 'f'
"""


async def rows_of(thread_id: str) -> int:
    row = await db.fetch_one(LEFT, {"thread": thread_id})
    assert row is not None
    return int(row["rows"])


async def test_runs_and_checkpoints_go_with_their_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "parentask", "input": {"messages": []}}
    await api.post(f"/threads/{thread_id}/runs/wait", json=body)
    assert await rows_of(thread_id) > 4

    answer = await api.delete(f"/threads/{thread_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert await rows_of(thread_id) == 0
    assert (await api.get(f"/threads/{thread_id}")).status_code == 404


async def test_a_run_that_is_active_ends_with_its_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "sleeper", "input": {"seconds": 5}}
    run = (await api.post(f"/threads/{thread_id}/runs", json=body)).json()

    assert (await api.delete(f"/threads/{thread_id}")).status_code == 204

    assert (await api.get(f"/threads/{thread_id}/runs/{run['run_id']}")).status_code == 404
    async with asyncio.timeout(3):
        while await rows_of(thread_id):  # noqa: ASYNC110 -- a fact in the database, no event
            await asyncio.sleep(0.02)


async def test_a_thread_is_deleted_once(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await api.delete(f"/threads/{thread_id}")

    assert (await api.delete(f"/threads/{thread_id}")).status_code == 404
    assert (await api.delete(f"/threads/{uuid4()}")).status_code == 404


@pytest.mark.parametrize(
    ("table", "parent"), [("run", "thread"), ("assistant_version", "assistant")]
)
async def test_the_database_itself_deletes_what_hangs_on_a_row(
    api: httpx.AsyncClient, table: str, parent: str
) -> None:
    assert await db.fetch_all(RULE, [table, parent]) == [{"rule": "c"}]
