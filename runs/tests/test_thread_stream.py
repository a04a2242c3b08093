"""GET /threads/{t}/stream: what happens on a thread, whichever run it is."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from runs.events.ids import number_of
from tests.streaming import Frame, MakeThread, Reader, reading, settled, started

WRITER: dict[str, Any] = {
    "assistant_id": "writer",
    "input": {"count": 2},
    "stream_mode": ["custom", "values"],
}
ECHO: dict[str, Any] = {
    "assistant_id": "echo",
    "input": {"messages": [{"role": "user", "content": "hi", "id": "h1"}]},
}


def is_done(frame: Frame) -> bool:
    return frame.event == "metadata" and frame.data.get("status") == "run_done"


async def until_done(reader: Reader, runs: int = 1) -> list[Frame]:
    """Read up to and with the end of so many runs."""
    seen: list[Frame] = []
    async for frame in reader.frames():
        seen.append(frame)
        runs -= is_done(frame)
        if not runs:
            return seen
    raise AssertionError("the stream of a thread ended")


async def replayed(path: str, after: str, runs: int = 1) -> list[Frame]:
    async with reading("GET", path, headers={"last-event-id": after}) as reader:
        return await until_done(reader, runs)


async def test_every_event_of_every_run_comes_with_its_id(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("GET", f"/threads/{thread_id}/stream") as reader:
        first = await started(api, thread_id, **WRITER)
        seen = await until_done(reader)
        second = await started(api, thread_id, **WRITER)
        seen += await until_done(reader)

    names = ["metadata", "values", "custom", "custom", "values", "metadata"]
    assert [frame.event for frame in seen] == names * 2
    assert [frame.data for frame in seen if is_done(frame)] == [
        {"status": "run_done", "run_id": run_id} for run_id in (first, second)
    ]
    numbers = [number_of(frame.id or "") for frame in seen]
    assert numbers == sorted(set(numbers))


async def test_all_that_is_kept_is_told_again(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/stream"
    async with reading("GET", path) as reader:
        for _ in range(2):
            await started(api, thread_id, **WRITER)
            await settled(api, thread_id)
        seen = await until_done(reader, runs=2)

    assert await replayed(path, "-", runs=2) == seen
    assert await replayed(path, "-1", runs=2) == seen


async def test_a_client_goes_on_after_any_id(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/stream"
    async with reading("GET", path) as reader:
        for _ in range(2):
            await started(api, thread_id, **WRITER)
            await settled(api, thread_id)
        seen = await until_done(reader, runs=2)

    for position, frame in enumerate(seen[:-1]):
        runs = sum(map(is_done, seen[position + 1 :]))
        assert await replayed(path, str(frame.id), runs) == seen[position + 1 :]


async def test_lifecycle_tells_where_runs_begin_and_are_done(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("GET", f"/threads/{thread_id}/stream?stream_mode=lifecycle") as reader:
        run_id = await started(api, thread_id, **WRITER)
        seen = await until_done(reader)

    assert [frame.data for frame in seen] == [
        {"run_id": run_id, "attempt": 1},
        {"status": "run_done", "run_id": run_id},
    ]


async def test_a_write_of_the_state_is_told(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await started(api, thread_id, **ECHO)
    await settled(api, thread_id)
    path = f"/threads/{thread_id}"

    async with reading("GET", f'{path}/stream?stream_modes=["state_update"]') as reader:
        message = {"role": "user", "content": "more", "id": "h2"}
        written = await api.post(f"{path}/state", json={"values": {"messages": [message]}})
        assert written.status_code == 200
        (told,) = await reader.until("state_update")

    values = (await api.get(f"{path}/state")).json()["values"]
    assert told.data == {"state": values, "thread_id": thread_id}
    assert told.id


async def test_silence_is_filled_and_never_ends(thread: MakeThread, settings: Any) -> None:
    settings.STREAM_HEARTBEAT_SECONDS = 0.05
    async with reading("GET", f"/threads/{await thread()}/stream") as reader:
        assert [await reader.chunk() for _ in range(3)] == [b": heartbeat\r\n\r\n"] * 3


async def test_who_only_follows_gets_nothing_of_before(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await started(api, thread_id, **WRITER)
    await settled(api, thread_id)

    async with reading("GET", f"/threads/{thread_id}/stream") as reader:
        run_id = await started(api, thread_id, **WRITER)
        seen = await until_done(reader)

    assert seen[0].data == {"run_id": run_id, "attempt": 1}


@pytest.mark.parametrize("last", ["garbage", "", "1-", "--", "9" * 40 + "-1"])
async def test_an_id_that_is_none_is_422(
    api: httpx.AsyncClient, thread: MakeThread, last: str
) -> None:
    answer = await api.get(f"/threads/{await thread()}/stream", headers={"last-event-id": last})

    assert answer.status_code == 422
    assert "Last-Event-ID" in answer.json()["detail"]


async def test_a_mode_that_is_none_is_422(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.get(f"/threads/{await thread()}/stream?stream_mode=values")

    assert answer.status_code == 422
    assert "run_modes" in answer.json()["detail"]


async def test_no_thread_is_404(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"/threads/{uuid4()}/stream")).status_code == 404
    assert (await api.get("/threads/x/stream")).status_code == 422


async def test_old_events_are_forgotten_when_their_run_has_ended_for_long(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    from runs.events.forgetting import forget_old_events

    thread_id = await thread()
    run_id = await started(api, thread_id, **WRITER)
    await settled(api, thread_id)
    kept = "SELECT count(*) AS rows FROM run_event WHERE run_id = %s"
    rows = await db.fetch_one(kept, [run_id])
    assert rows is not None
    assert rows["rows"] > 0

    settings.EVENT_RETENTION_SECONDS = 60
    await forget_old_events()
    assert await db.fetch_one(kept, [run_id]) == rows

    settings.EVENT_RETENTION_SECONDS = 0
    await forget_old_events()
    assert await db.fetch_one(kept, [run_id]) == {"rows": 0}
