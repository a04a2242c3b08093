"""Assistants of which no more than so many runs are executed at once, over all processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from runs.engine.claim_queries import Claim, claim_runs
from runs.engine.current import current_engine
from runs.engine.limit_queries import claim_limited_runs
from tests.streaming import MakeThread, started

Make = Callable[..., Awaitable[dict[str, Any]]]

RUNNING = "SELECT count(*) AS n FROM run WHERE status = 'running' AND assistant_id = %s"
STATES = "SELECT status FROM run WHERE assistant_id = %s ORDER BY created_at"
FORGET = "DELETE FROM run WHERE assistant_id = ANY(%s)"


@pytest.fixture
async def limited(
    api: httpx.AsyncClient, assistant: Make
) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Make an assistant of a graph that sleeps, with a limit or none; its runs go at the end."""
    made: list[str] = []

    async def make(limit: int | None, graph_id: str = "sleeper") -> str:
        found = await assistant(graph_id=graph_id, metadata={"max_runs": limit})
        made.append(found["assistant_id"])
        return made[-1]

    yield make
    for key in made:
        assert (await api.delete(f"/assistants/{key}")).status_code == 204
    await db.execute(FORGET, [made])


Limited = Callable[..., Awaitable[str]]


@pytest.fixture
async def no_slots(api: httpx.AsyncClient) -> AsyncIterator[None]:
    """Have the server of the tests claim nothing: it has no slot left."""
    engine, taken = current_engine(), 0
    async with asyncio.timeout(5):
        while taken < engine.slots.total:
            taken += engine.slots.take(engine.slots.total)
            await asyncio.sleep(0.01)
    yield
    engine.return_slots(taken)


def asked(key: str, seconds: float) -> dict[str, Any]:
    return {"assistant_id": key, "input": {"seconds": seconds}}


async def states(key: str) -> list[str]:
    return [row["status"] for row in await db.fetch_all(STATES, [UUID(key)])]


async def until(key: str, *wanted: str) -> None:
    """Wait until the assistant's runs, oldest first, are in these states; no beat is waited for."""
    async with asyncio.timeout(5):
        while True:
            if await states(key) == list(wanted):
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def most_at_once(key: str) -> AsyncIterator[list[int]]:
    """Look at how many runs of an assistant are executed, all the time; the last is the most."""
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(max(seen[-1], (await db.fetch_one(RUNNING, [UUID(key)]) or {})["n"]))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    yield seen
    watching.cancel()


@pytest.mark.parametrize("limit", [1, 2])
async def test_no_more_than_the_limit_are_executed_at_once_and_all_are(
    api: httpx.AsyncClient, limited: Limited, limit: int
) -> None:
    key = await limited(limit)

    async with most_at_once(key) as seen:
        waits = [api.post("/runs/wait", json=asked(key, 0.05)) for _ in range(6)]
        answers = await asyncio.gather(*waits)

    assert [answer.json().get("done") for answer in answers] == [True] * 6
    assert seen[-1] == limit


async def test_every_way_of_starting_a_run_keeps_to_the_limit(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    key = await limited(1)
    batch = [{**asked(key, 0.05), "thread_id": await thread()} for _ in range(3)]

    async with most_at_once(key) as seen:
        await started(api, await thread(), **asked(key, 0.05))
        await started(api, await thread(), **asked(key, 0.05), after_seconds=0.01)
        assert (await api.post("/runs/batch", json=batch)).status_code == 200
        await api.post("/runs/wait", json=asked(key, 0.05))
        await until(key, *["success"] * 5)

    assert seen[-1] == 1


async def test_what_waits_holds_back_what_comes_after_on_its_thread_and_nothing_else(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    key, other = await limited(1), await limited(None)
    first, both = await thread(), await thread()
    await started(api, first, **asked(key, 60))
    await started(api, both, **asked(key, 0))
    await started(api, both, **asked(other, 0))

    answer = await api.post("/runs/wait", json=asked(other, 0))

    assert answer.json() == {"seconds": 0, "done": True}
    assert (await states(key), await states(other)) == (["running", "pending"], ["pending"])


@pytest.mark.parametrize("change", [{"max_runs": 3}, {"max_runs": None}])
async def test_runs_that_wait_begin_when_the_limit_is_raised(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread, change: dict[str, Any]
) -> None:
    key = await limited(1)
    for _ in range(3):
        await started(api, await thread(), **asked(key, 60))
    await until(key, "running", "pending", "pending")

    await api.patch(f"/assistants/{key}", json={"metadata": change})

    await until(key, "running", "running", "running")


async def test_runs_that_wait_begin_when_an_earlier_version_has_room_for_them(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    key = await limited(2)
    await api.patch(f"/assistants/{key}", json={"metadata": {"max_runs": 1}})
    for _ in range(2):
        await started(api, await thread(), **asked(key, 60))
    await until(key, "running", "pending")

    await api.post(f"/assistants/{key}/latest", json={"version": 1})

    await until(key, "running", "running")


@pytest.mark.usefixtures("no_slots")
async def test_runs_that_wait_follow_a_limit_that_comes_later(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    key = await limited(None)
    await waiting(api, thread, [key] * 4)

    await api.patch(f"/assistants/{key}", json={"metadata": {"max_runs": 3}})

    assert await claimed_by_many() == {key: 3}


@pytest.mark.usefixtures("no_slots")
async def test_a_run_has_to_find_room_in_its_assistant_and_in_its_graph(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    one, none, elsewhere = (
        await limited(1, "limited"),
        await limited(None, "limited"),
        await limited(2),
    )
    await waiting(api, thread, [one, one, one, none, none, none, *[elsewhere] * 3])

    assert await claimed_by_many(limited=3) == {one: 1, none: 2, elsewhere: 2}


@pytest.mark.usefixtures("no_slots")
async def test_without_a_look_at_the_limits_nothing_is_claimed_that_may_have_one(
    api: httpx.AsyncClient, limited: Limited, thread: MakeThread
) -> None:
    key, other = await limited(1), await limited(None)
    await waiting(api, thread, [other, key])
    claim = Claim(claimed_by=1, lease_seconds=60, limit=10)

    got = await claim_runs(claim)

    assert not got.runs
    assert got.limited == {UUID(key)}
    await db.execute(FORGET, [[key]])
    got = await claim_runs(claim)
    assert ([str(run.assistant_id) for run in got.runs], got.limited) == ([other], frozenset())


async def waiting(api: httpx.AsyncClient, thread: MakeThread, keys: list[str]) -> None:
    """Write a run of each, each on a thread of its own; all are due."""
    for key in keys:
        await started(api, await thread(), **asked(key, 0))


async def claimed_by_many(**limits: int) -> dict[str, int]:
    """Claim as four processes would at once, twice; return how many runs of each assistant."""
    claims = [Claim(claimed_by=number, lease_seconds=60, limit=10) for number in range(1, 5)] * 2
    got = await asyncio.gather(*(claim_limited_runs(claim, limits) for claim in claims))
    return Counter(str(run.assistant_id) for claimed in got for run in claimed.runs)
