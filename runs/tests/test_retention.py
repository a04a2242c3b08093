"""Records of runs that go some days after their end. Time is given, not waited for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from django.conf import settings

from common import db
from runs.jobs import forget_old_runs
from runs.retention import count_old_runs
from threads.tests.conversing import MakeThread, get, post, run, said, texts

MAKE_OLDER = """
UPDATE run SET run_id = %(id)s, created_at = created_at - make_interval(days => %(days)s),
       updated_at = updated_at - make_interval(days => %(days)s),
       ended_at = ended_at - make_interval(days => %(days)s)
 WHERE run_id = %(run_id)s
"""


async def let_pass(run_id: str, days: int) -> str:
    """Make a run so many days older, and its id with it, which tells the time."""
    named = UUID(run_id).int - (days * 86_400_000 << 80)
    older = str(UUID(int=named))
    await db.execute(MAKE_OLDER, {"id": older, "run_id": run_id, "days": days})
    return older


async def runs_of(api: httpx.AsyncClient, thread_id: str) -> list[str]:
    return [row["run_id"] for row in await get(api, f"/threads/{thread_id}/runs")]


async def ran(api: httpx.AsyncClient, thread_id: str, graph: str = "echo", days: int = 0) -> str:
    """Run a graph to its end; returns the id of the run, made older."""
    before = await runs_of(api, thread_id)
    await run(api, thread_id, graph, input=said("hi"))
    [run_id] = set(await runs_of(api, thread_id)) - set(before)
    return await let_pass(run_id, days)


@pytest.fixture
def thirty_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "RUN_RETENTION_DAYS", 30.0)


@pytest.mark.usefixtures("thirty_days")
async def test_old_runs_go_and_what_they_have_written_stays(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await ran(api, thread_id, days=31)
    young = await ran(api, thread_id, days=29)
    state = await get(api, f"/threads/{thread_id}/state")

    await forget_old_runs(timestamp=0)

    assert await runs_of(api, thread_id) == [young]
    assert await get(api, f"/threads/{thread_id}/state") == state
    await run(api, thread_id, "echo", input=said("again"))
    assert len(texts(await get(api, f"/threads/{thread_id}/state"))) > len(texts(state))


async def test_by_default_they_are_kept_for_good(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    old = await ran(api, thread_id, days=10_000)

    await forget_old_runs(timestamp=0)

    assert await runs_of(api, thread_id) == [old]


@pytest.mark.usefixtures("thirty_days")
async def test_the_runs_of_a_thread_that_waits_for_an_answer_stay(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    old, asking = await ran(api, thread_id, days=40), await ran(api, thread_id, "ask", days=31)

    await forget_old_runs(timestamp=0)

    assert await runs_of(api, thread_id) == [asking, old]


@pytest.mark.usefixtures("thirty_days")
async def test_a_run_that_has_not_ended_stays_however_old_it_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    sleeping: dict[str, Any] = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    started = await post(api, f"/threads/{thread_id}/runs", **sleeping)
    waiting = await post(api, f"/threads/{thread_id}/runs", **sleeping)
    older = await let_pass(waiting["run_id"], 40)

    await forget_old_runs(timestamp=0)

    assert await runs_of(api, thread_id) == [started["run_id"], older]
    cancelled = {"thread_id": thread_id, "run_ids": [started["run_id"], older]}
    await api.post("/runs/cancel", json=cancelled)


async def test_what_would_go_is_counted_and_nothing_changed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id, gone = await thread(), await thread()
    # The database may be of an earlier session of the suite.
    before = await count_old_runs(days=19_000, without_threads=[])
    old = await ran(api, thread_id, days=20_000)
    await ran(api, gone, days=20_000)

    tally = await count_old_runs(days=19_000, without_threads=[UUID(gone)])

    assert tally.rows["runs"] == before.rows["runs"] + 1
    assert tally.bytes["runs"] > before.bytes["runs"] + 100
    assert await runs_of(api, thread_id) == [old]
