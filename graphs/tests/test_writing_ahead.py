"""A saver that does not wait for what it writes: a run's, unless its durability is `sync`."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint

from common import db
from graphs import group_commit, run_saver
from graphs.group_commit import RunOver
from graphs.run_saver import RunSaver, open_run_saver
from graphs.tests.fences import fallen, fence, new_place
from tests.streaming import MakeThread

pytestmark = pytest.mark.usefixtures("api")

WRITES = "SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s"
WRITE = [("channel", "value")]
# PostgreSQL has no text with a NUL.
BAD = [("channel\0", "value")]


class Commits:
    """Holds up commits until they are let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_go_on = asyncio.Event()
        self.sizes: list[int] = []
        self._executed = group_commit._executed
        monkeypatch.setattr(group_commit, "_executed", self._held_up)

    async def _held_up(self, statement: Any, writes: Any, fences: Any) -> Any:
        self.sizes.append(len(writes))
        await self.may_go_on.wait()
        return await self._executed(statement, writes, fences)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Commits:
    return Commits(monkeypatch)


async def ahead(of: Any = None) -> RunSaver:
    return await open_run_saver(of or fence(), waits=False)


async def writes_of(place: Any) -> int:
    row = await db.fetch_one(WRITES, [place["configurable"]["thread_id"]])
    assert row is not None
    return int(row["count"])


async def test_what_is_written_meanwhile_is_committed_together(commits: Commits) -> None:
    saver, place = await ahead(), new_place()

    for number in range(20):
        await saver.aput_writes(place, WRITE, f"task {number}")
        await asyncio.sleep(0)
    assert await writes_of(place) == 0
    commits.may_go_on.set()
    await saver.committed()

    assert await writes_of(place) == 20
    assert len(commits.sizes) <= 2


async def test_what_comes_in_turn_while_nobody_waits_is_committed_together(
    commits: Commits,
) -> None:
    commits.may_go_on.set()
    saver, place = await ahead(), new_place()

    for number in range(5):
        await saver.aput_writes(place, WRITE, f"task {number}")
        await asyncio.sleep(group_commit.GATHER_SECONDS / 20)
    await saver.committed()

    assert commits.sizes == [5]


async def test_what_nobody_waits_for_is_committed_soon(commits: Commits) -> None:
    commits.may_go_on.set()
    saver, place = await ahead(), new_place()

    for number in range(3):
        await saver.aput_writes(place, WRITE, f"task {number}")
        await asyncio.sleep(group_commit.GATHER_SECONDS * 1.1)
        await _until_written(place, number + 1)

    assert commits.sizes == [1, 1, 1]


async def _until_written(place: Any, number: int) -> None:
    for _ in range(500):
        if await writes_of(place) == number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{number} writes are not committed after five seconds")


async def test_who_waits_takes_along_what_others_gather(commits: Commits) -> None:
    commits.may_go_on.set()
    saver, other, place = await ahead(), await open_run_saver(fence()), new_place()

    await saver.aput_writes(place, WRITE, "task")
    await other.aput_writes(new_place(), WRITE, "task")

    assert commits.sizes == [2]
    assert await writes_of(place) == 1


async def newest(saver: RunSaver, place: Any) -> Any:
    return await saver.aget_tuple(place)


async def listed(saver: RunSaver, place: Any) -> Any:
    return await anext(aiter(saver.alist(place)))


@pytest.mark.parametrize("read", [newest, listed])
async def test_a_saver_reads_what_it_has_written(commits: Commits, read: Any) -> None:
    saver, place = await ahead(), new_place()
    checkpoint = empty_checkpoint() | {"channel_values": {"value": 1}}
    written = await saver.aput(place, checkpoint, {}, {})

    reading = asyncio.create_task(read(saver, written))
    await asyncio.sleep(0.05)
    assert not reading.done()
    commits.may_go_on.set()

    assert (await reading).checkpoint["channel_values"] == {"value": 1}


async def test_what_is_deleted_was_written_before(commits: Commits) -> None:
    saver, place = await ahead(), new_place()
    await saver.aput_writes(place, WRITE, "task")
    asyncio.get_running_loop().call_later(0.05, commits.may_go_on.set)

    await saver.adelete_thread(place["configurable"]["thread_id"])

    assert await writes_of(place) == 0


@pytest.mark.parametrize(
    ("of", "bad", "failure"), [(fence, BAD, psycopg.DataError), (fallen, WRITE, RunOver)]
)
async def test_a_failure_is_told_at_the_end_and_at_the_next_write(
    of: Any, bad: Any, failure: type[Exception]
) -> None:
    saver, place = await ahead(of()), new_place()

    await saver.aput_writes(place, bad, "bad")

    with pytest.raises(failure):
        await saver.committed()
    with pytest.raises(failure):
        await saver.aput_writes(place, WRITE, "later")
    assert await writes_of(place) == 0


async def test_a_failure_of_the_graph_is_told_first_and_what_it_wrote_is_kept(
    commits: Commits,
) -> None:
    saver, place = await ahead(), new_place()
    asyncio.get_running_loop().call_later(0.05, commits.may_go_on.set)

    async def fail() -> None:
        async with saver.kept():
            await saver.aput_writes(place, WRITE, "task")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await writes_of(place) == 1


async def test_nobody_gets_far_ahead(commits: Commits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_saver, "AHEAD_BYTES", 10_000)
    saver, place = await ahead(), new_place()
    written = 0

    async def write() -> None:
        nonlocal written
        for number in range(10):
            await saver.aput_writes(place, [("channel", "x" * 3000)], f"task {number}")
            written += 1

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    assert written == 3
    commits.may_go_on.set()
    await writing
    await saver.committed()

    assert await writes_of(place) == 10


@pytest.mark.parametrize(("durability", "is_ahead"), [("sync", False), ("async", True)])
async def test_a_run_gets_ahead_unless_it_is_to_be_in_sync(
    api: httpx.AsyncClient,
    thread: MakeThread,
    monkeypatch: pytest.MonkeyPatch,
    durability: str,
    is_ahead: bool,
) -> None:
    sizes: list[int] = []
    executed = group_commit._executed

    async def slow(statement: Any, writes: Any, fences: Any) -> Any:
        sizes.append(len(writes))
        await asyncio.sleep(0.01)
        return await executed(statement, writes, fences)

    monkeypatch.setattr(group_commit, "_executed", slow)
    thread_id = await thread()
    body = {"assistant_id": "steps", "input": {}, "durability": durability}

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=body)

    assert answer.json() == {"count": 20}
    history = await api.get(f"/threads/{thread_id}/history?limit=100")
    assert len(history.json()) == 22
    assert (len(sizes) < 20) is is_ahead
