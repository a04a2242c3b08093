from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint

from common import db
from graphs import group_commit
from graphs.group_commit import RunOver
from graphs.run_saver import RunSaver, open_run_saver
from graphs.tests.fences import LOCK, fallen, fence, new_place

pytestmark = pytest.mark.usefixtures("api")

COMMITS = """
SELECT DISTINCT xmin::text FROM checkpoint_writes WHERE thread_id = ANY(%s)
UNION SELECT DISTINCT xmin::text FROM checkpoints WHERE thread_id = ANY(%s)
"""
END_WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND query LIKE '%asked(run_id%' AND datname = current_database()
"""
# Text that PostgreSQL has no room for.
BAD = [("chan\0nel", 1)]
LARGE = b"x" * (group_commit.GROUP_BYTES + 1)


def thread_of(place: Any) -> str:
    return str(place["configurable"]["thread_id"])


async def commits_of(*places: Any) -> int:
    threads = [thread_of(place) for place in places]
    return len(await db.fetch_all(COMMITS, [threads, threads]))


async def written(saver: RunSaver, place: Any) -> list[Any]:
    """Return what was written at a place that had no checkpoint before."""
    await saver.aput(
        {"configurable": {"thread_id": thread_of(place), "checkpoint_ns": ""}},
        {**empty_checkpoint(), "id": place["configurable"]["checkpoint_id"]},
        {},
        {},
    )
    found = await saver.aget_tuple(place)
    assert found is not None
    return found.pending_writes or []


@asynccontextmanager
async def locked(number: int) -> AsyncIterator[None]:
    """Hold a lock that a fence of this number has to wait for."""
    async with db.transaction() as tx:
        await tx.execute(LOCK, [number])
        yield


async def test_runs_are_committed_together() -> None:
    places = [new_place() for _ in range(30)]
    savers = [await open_run_saver(fence()) for _ in places]

    async with asyncio.TaskGroup() as tasks:
        for saver, place in zip(savers, places, strict=True):
            tasks.create_task(saver.aput_writes(place, [("a", 1)], "task"))
            tasks.create_task(saver.aput_writes(place, [("a", 2)], "other task"))

    assert await commits_of(*places) == 1
    for saver, place in zip(savers, places, strict=True):
        assert await written(saver, place) == [("other task", "a", 2), ("task", "a", 1)]


async def test_a_refused_run_fails_by_itself() -> None:
    refused, places = new_place(), [new_place() for _ in range(3)]
    savers = [await open_run_saver(fence()) for _ in places]
    lost = await open_run_saver(fallen())

    failure, *others = await asyncio.gather(
        lost.aput_writes(refused, [("a", 1)], "task"),
        *(
            saver.aput_writes(place, [("a", 1)], "task")
            for saver, place in zip(savers, places, strict=True)
        ),
        return_exceptions=True,
    )

    assert isinstance(failure, RunOver)
    assert others == [None] * 3
    assert await commits_of(refused) == 0
    assert await commits_of(*places) == 1


async def test_a_bad_row_fails_by_itself() -> None:
    place, neighbour = new_place(), new_place()
    bad, good = await open_run_saver(fence()), await open_run_saver(fence())

    first, failure, later, others = await asyncio.gather(
        bad.aput_writes(place, [("a", 1)], "first"),
        bad.aput_writes(place, BAD, "bad"),
        bad.aput_writes(place, [("a", 2)], "later"),
        good.aput_writes(neighbour, [("a", 1)], "task"),
        return_exceptions=True,
    )

    assert isinstance(failure, psycopg.DataError)
    assert (first, later, others) == (None, None, None)
    assert await written(bad, place) == [("first", "a", 1), ("later", "a", 2)]
    assert await written(good, neighbour) == [("task", "a", 1)]


async def test_of_what_is_written_twice_the_first_stays_and_of_an_answer_the_last() -> None:
    saver, place = await open_run_saver(fence()), new_place()

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(saver.aput_writes(place, [("a", number)], "task"))
            tasks.create_task(saver.aput_writes(place, [("__resume__", number)], "answer"))
            tasks.create_task(
                saver.aput_writes(place, [("__error__", number), ("a", number)], "mixed")
            )

    assert await written(saver, place) == [
        ("answer", "__resume__", 3),
        ("mixed", "__error__", 0),
        ("mixed", "a", 0),
        ("task", "a", 0),
    ]


async def test_a_locked_run_waits_by_itself() -> None:
    kept, place = new_place(), new_place()
    waiting, other = await open_run_saver(fence(1)), await open_run_saver(fence(2))

    async with locked(1):
        writing = [
            asyncio.create_task(waiting.aput_writes(kept, [("a", number)], f"task {number}"))
            for number in range(2)
        ]
        async with asyncio.timeout(3):
            for number in range(3):
                await other.aput_writes(place, [("a", number)], f"task {number}")
        assert not any(task.done() for task in writing)

    await asyncio.gather(*writing)
    assert await written(waiting, kept) == [("task 0", "a", 0), ("task 1", "a", 1)]


async def test_a_commit_that_takes_long_does_not_keep_the_next_one_waiting() -> None:
    slow, place = new_place(), new_place()
    waiting, other = await open_run_saver(fence()), await open_run_saver(fence())
    await waiting.aput_writes(slow, [("__resume__", 1)], "task")

    async with db.transaction() as tx:
        # What stands where it wants to write is neither gone nor there to stay.
        await tx.execute("DELETE FROM checkpoint_writes WHERE thread_id = %s", [thread_of(slow)])
        writing = asyncio.create_task(waiting.aput_writes(slow, [("__resume__", 2)], "task"))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(3):
            await other.aput_writes(place, [("a", 1)], "task")
        assert not writing.done()

    await writing
    assert await written(waiting, slow) == [("task", "__resume__", 2)]


async def test_what_is_large_goes_alone_and_in_its_turn() -> None:
    place, neighbour = new_place(), new_place()
    saver, other = await open_run_saver(fence()), await open_run_saver(fence())

    await asyncio.gather(
        saver.aput_writes(place, [("a", 1)], "first"),
        saver.aput_writes(place, [("a", LARGE)], "large"),
        saver.aput_writes(place, [("a", 2)], "later"),
        other.aput_writes(neighbour, [("a", 1)], "task"),
    )

    assert await commits_of(place) == 3
    assert await commits_of(place, neighbour) == 3
    assert len(await written(saver, place)) == 3


async def test_more_than_one_commit_holds_is_committed_in_several() -> None:
    half = b"x" * (group_commit.GROUP_BYTES // 2 - 100)
    places = [new_place() for _ in range(6)]
    savers = [await open_run_saver(fence()) for _ in places]

    await asyncio.gather(
        *(
            saver.aput_writes(place, [("a", half)], "task")
            for saver, place in zip(savers, places, strict=True)
        )
    )

    assert await commits_of(*places) == 3


async def test_a_lost_connection_loses_no_write() -> None:
    saver, place = await open_run_saver(fence(3)), new_place()

    async with locked(3), db.connection() as conn:
        writing = asyncio.create_task(saver.aput_writes(place, [("a", 1)], "task"))
        async with asyncio.timeout(5):
            while not await ended(conn):  # noqa: ASYNC110 -- another process waits
                await asyncio.sleep(0.01)

    await writing
    assert await written(saver, place) == [("task", "a", 1)]


async def ended(conn: db.Connection) -> bool:
    """End the connection that waits for a lock, if there is one by now."""
    return await (await conn.execute(END_WAITING)).fetchone() is not None
