"""Threads that go by their time to live. Time is given: a thread is made older in the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import sql

from common import db
from common.config import read_config, use_project
from common.tests.projects import write_project
from threads.expiring import EXPIRED, sweep_threads
from threads.jobs import sweep_expired_threads
from threads.tests.conversing import (
    MakeThread,
    get,
    post,
    run,
    said,
    texts,
    until_one_waits,
)
from threads.tests.test_delete import rows_of
from threads.tests.test_prune import counts

KEEP = {"ttl": 60, "strategy": "keep_latest"}
MAKE_OLDER = """
UPDATE thread SET updated_at = updated_at - make_interval(mins => %s),
       pruned_at = pruned_at - make_interval(mins => %s) WHERE thread_id = %s
"""


async def let_pass(thread_id: str, minutes: int) -> None:
    await db.execute(MAKE_OLDER, [minutes, minutes, thread_id])


async def sweep() -> None:
    await sweep_threads(limit=None)


async def is_there(api: httpx.AsyncClient, thread_id: str) -> bool:
    return (await api.get(f"/threads/{thread_id}")).status_code == 200


async def test_an_expired_thread_goes_with_all_that_is_its(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    gone, younger, kept = await thread(ttl=60), await thread(ttl=90), await thread()
    for thread_id in (gone, younger, kept):
        await run(api, thread_id, "parent", input=said("hi"))
        await let_pass(thread_id, 61)

    await sweep()

    assert not await is_there(api, gone)
    assert await rows_of(gone) == 0
    assert await is_there(api, younger)
    assert await is_there(api, kept)


async def test_what_its_runs_have_said_goes_with_a_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=60)
    await run(api, thread_id, "echo", input=said("hi"))
    [ended] = await get(api, f"/threads/{thread_id}/runs")
    said_by = "SELECT 1 FROM run_event WHERE run_id = %s"
    assert await db.fetch_all(said_by, [ended["run_id"]])
    await let_pass(thread_id, 61)

    tally = await sweep_threads(limit=None)

    assert tally.rows["event rows"] >= 1
    assert await db.fetch_all(said_by, [ended["run_id"]]) == []


async def test_what_is_kept_of_a_thread_is_what_it_needs_to_go_on(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=KEEP)
    for text in ("one", "two"):
        await run(api, thread_id, "parent", input=said(text))
    await let_pass(thread_id, 61)
    row = await get(api, f"/threads/{thread_id}")

    await sweep()

    assert await get(api, f"/threads/{thread_id}") == row
    assert await counts(thread_id) == {"checkpoints": 1, "blobs": 1, "writes": 0}
    await run(api, thread_id, "parent", input=said("three"))
    state = await get(api, f"/threads/{thread_id}/state")
    assert texts(state)[::2] == ["one", "two", "three"]


async def test_a_thread_that_was_thinned_out_is_let_be_until_it_changes(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=KEEP)
    await let_pass(thread_id, 61)
    await sweep()
    once = await db.fetch_one("SELECT pruned_at FROM thread WHERE thread_id = %s", [thread_id])

    await sweep()

    assert once is not None
    assert once["pruned_at"] is not None
    again = await db.fetch_one("SELECT pruned_at FROM thread WHERE thread_id = %s", [thread_id])
    assert again == once


async def test_a_thread_that_keeps_its_latest_stays_as_small_as_it_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=KEEP)
    sizes = []

    for number in range(12):
        await run(api, thread_id, "echo", input=said(str(number)))
        await let_pass(thread_id, 61)
        await sweep()
        sizes.append(await counts(thread_id))

    assert sizes == [{"checkpoints": 1, "blobs": 1, "writes": 0}] * 12
    state = await get(api, f"/threads/{thread_id}/state")
    assert len(texts(state)) == 24


async def test_a_thread_that_needs_all_of_its_history_is_asked_once(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=KEEP)
    await run(api, thread_id, "delta", input={"notes": ["a"]})
    before = await counts(thread_id)
    await let_pass(thread_id, 61)

    await sweep()

    assert await counts(thread_id) == before
    assert await db.fetch_all(sql.SQL(EXPIRED), {"limit": 10}) == []


@pytest.mark.parametrize("ttl", [60, KEEP], ids=["delete", "keep_latest"])
async def test_a_thread_that_waits_for_an_answer_is_never_touched(
    api: httpx.AsyncClient, thread: MakeThread, ttl: Any
) -> None:
    thread_id = await thread(ttl=ttl)
    for text in ("one", "two"):
        await run(api, thread_id, "echo", input=said(text))
    await run(api, thread_id, "parentask", input=said("three"))
    await let_pass(thread_id, 10_000)
    before = await counts(thread_id)

    await sweep()

    assert await counts(thread_id) == before
    answered = await run(api, thread_id, "parentask", input=None, command={"resume": "yes"})
    assert answered["messages"][-1]["content"] == "got yes"


async def test_a_thread_that_is_busy_is_never_touched(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=60)
    sleeping = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    started = await post(api, f"/threads/{thread_id}/runs", **sleeping)
    await let_pass(thread_id, 61)

    await sweep()

    assert (await get(api, f"/threads/{thread_id}"))["status"] == "busy"
    await api.post(f"/threads/{thread_id}/runs/{started['run_id']}/cancel", params={"wait": "1"})


async def test_a_thread_that_somebody_has_locked_is_left_for_the_next_sweep(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=60)
    await let_pass(thread_id, 61)

    async with db.transaction() as tx:
        await tx.execute("SELECT 1 FROM thread WHERE thread_id = %s FOR UPDATE", [thread_id])
        await sweep()
        assert await is_there(api, thread_id)
    await sweep()

    assert not await is_there(api, thread_id)


async def test_a_run_that_comes_while_its_thread_goes_finds_no_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=60)
    await let_pass(thread_id, 61)

    async with db.transaction() as tx:
        rows = await (await tx.execute(sql.SQL(EXPIRED), {"limit": 1000})).fetchall()
        assert thread_id in [str(row["thread_id"]) for row in rows]
        body = {"assistant_id": "echo", "input": said("hi")}
        coming = asyncio.create_task(api.post(f"/threads/{thread_id}/runs", json=body))
        await until_one_waits(tx)
        await tx.execute("DELETE FROM thread WHERE thread_id = %s", [thread_id])

    assert (await coming).status_code == 404


async def test_a_sweep_does_no_more_than_its_limit(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    await sweep()
    ids = [await thread(ttl=60) for _ in range(5)]
    for minutes, thread_id in enumerate(ids):
        await let_pass(thread_id, 100 - minutes)

    tally = await sweep_threads(limit=3)

    assert tally.rows["threads"] == 3
    # Those that have been over for longest went first.
    assert [await is_there(api, thread_id) for thread_id in ids] == [False] * 3 + [True] * 2


@pytest.fixture
def every_seven_minutes(tmp_path: Path) -> Any:
    path = write_project(
        tmp_path,
        {},
        graphs={"any": "any.module:graph"},
        checkpointer={"ttl": {"sweep_interval_minutes": 7, "sweep_limit": 1000}},
    )
    return use_project(read_config(path))


async def test_the_job_sweeps_when_it_is_its_turn(
    api: httpx.AsyncClient, thread: MakeThread, every_seven_minutes: Any
) -> None:
    thread_id = await thread(ttl=60)
    await let_pass(thread_id, 61)

    with every_seven_minutes:
        await sweep_expired_threads(timestamp=6 * 60)
        assert await is_there(api, thread_id)
        await sweep_expired_threads(timestamp=7 * 60)

    assert not await is_there(api, thread_id)


async def test_expired_threads_are_found_by_their_index(api: httpx.AsyncClient) -> None:
    async with db.transaction() as tx:
        # Of few rows no index is read for the sake of its order.
        await tx.execute("SET LOCAL enable_seqscan = off")
        await tx.execute("SET LOCAL enable_sort = off")
        plan = await tx.execute(sql.SQL("EXPLAIN ") + sql.SQL(EXPIRED), {"limit": 50})
        lines = [row["QUERY PLAN"] for row in await plan.fetchall()]

    assert any("Index Scan using thread_by_expiry" in line for line in lines), lines
    assert not any("Sort" in line for line in lines), lines


async def test_everything_that_hangs_on_a_thread_goes_by_the_database(
    api: httpx.AsyncClient,
) -> None:
    rules = await db.fetch_all(
        "SELECT conrelid::regclass::text AS of, confdeltype::text AS rule FROM pg_constraint "
        "WHERE contype = 'f' AND confrelid IN ('thread'::regclass, 'run'::regclass)"
    )

    assert {row["of"]: row["rule"] for row in rules if row["rule"] not in "cn"} == {}
    assert "run" in [row["of"] for row in rules]
