"""GET …/runs/{r}/stream: a run followed by who did not create it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.streaming import Frame, MakeThread, parsed, reading, started, streamed

WRITER = {"assistant_id": "writer", "input": {"count": 5}, "stream_resumable": True}
SLOW = {
    "assistant_id": "tokens",
    "input": {"messages": [], "count": 10, "delay_seconds": 0.03},
    "stream_mode": ["messages-tuple", "values", "updates"],
    "stream_resumable": True,
}


@pytest.fixture
async def told(api: httpx.AsyncClient, thread: MakeThread) -> tuple[str, list[Frame]]:
    """The path of a run that is over, and what it streamed."""
    path = f"/threads/{await thread()}/runs"
    modes = ["custom", "values", "updates"]
    frames = await streamed(api, f"{path}/stream", **WRITER, stream_mode=modes)
    return f"{path}/{frames[0].data['run_id']}/stream", frames


async def joined(api: httpx.AsyncClient, path: str, last: str | None = None) -> list[Frame]:
    headers = {} if last is None else {"last-event-id": last}
    answer = await api.get(path, headers=headers)
    assert answer.status_code == 200
    return parsed(answer.text)


async def test_a_run_that_is_over_has_nothing_more_to_tell(
    api: httpx.AsyncClient, told: tuple[str, list[Frame]]
) -> None:
    path, _ = told

    answer = await api.get(path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["location"] == path
    assert answer.headers["content-location"] == path.removesuffix("/stream")


async def test_all_is_told_again_from_minus_one(
    api: httpx.AsyncClient, told: tuple[str, list[Frame]]
) -> None:
    path, frames = told

    assert await joined(api, path, "-1") == frames


async def test_what_comes_after_an_id_is_told_again(
    api: httpx.AsyncClient, told: tuple[str, list[Frame]]
) -> None:
    path, frames = told

    for position, frame in enumerate(frames):
        assert await joined(api, path, frame.id) == frames[position + 1 :]


@pytest.mark.parametrize("last", ["garbage", "", "1-", "-", "9" * 40 + "-1", "0-0"])
async def test_an_id_that_never_was_tells_all(
    api: httpx.AsyncClient, told: tuple[str, list[Frame]], last: str
) -> None:
    path, frames = told

    assert await joined(api, path, last) == frames


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("stream_mode=custom", {"custom"}),
        ("stream_mode=custom&stream_mode=updates", {"custom", "updates"}),
        ('stream_mode=["custom","updates"]', {"custom", "updates"}),
        ("stream_mode[]=updates", {"updates"}),
        ("stream_mode=debug", set()),
        ("stream_mode=", {"custom", "values", "updates"}),
    ],
)
async def test_modes_narrow_what_a_joiner_gets(
    api: httpx.AsyncClient, told: tuple[str, list[Frame]], query: str, kept: set[str]
) -> None:
    path, frames = told

    assert await joined(api, f"{path}?{query}", "-1") == [
        frame for frame in frames if frame.event in {"metadata", *kept}
    ]


async def test_a_mode_takes_its_family_and_its_subgraphs(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"
    frames = await streamed(
        api,
        f"{path}/stream",
        assistant_id="parent",
        input={"messages": ["hi"]},
        stream_mode=["messages", "messages-tuple", "updates"],
        stream_subgraphs=True,
        stream_resumable=True,
    )
    path = f"{path}/{frames[0].data['run_id']}/stream"

    for mode in ("messages", "updates"):
        got = await joined(api, f"{path}?stream_mode={mode}", "-1")
        assert got[1:] == [frame for frame in frames if frame.event.startswith(mode)]
        assert len(got) > 2


async def test_without_an_id_a_joiner_gets_what_comes_from_now_on(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", SLOW) as first:
        seen = await first.until("messages")
        path = f"{first.headers['content-location']}/stream"

        async with reading("GET", path) as late:
            got = [frame async for frame in late.frames()]
        seen += [frame async for frame in first.frames()]

    assert got
    assert got == seen[-len(got) :]
    assert "metadata" not in [frame.event for frame in got]


async def test_every_joiner_sees_all_in_order(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, **SLOW)
    path = f"/threads/{thread_id}/runs/{run_id}/stream"

    streams = await asyncio.gather(*(joined(api, path, "-1") for _ in range(6)))

    assert all(stream == streams[0] for stream in streams)
    tokens = [frame.data[0]["content"] for frame in streams[0] if frame.event == "messages"]
    assert tokens == [f"t{number} " for number in range(10)]


async def test_a_reader_that_comes_back_misses_nothing(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", SLOW) as reader:
        seen = await reader.until("messages")
        path = f"{reader.headers['content-location']}/stream"

    rest = await joined(api, path, seen[-1].id)

    assert seen + rest == await joined(api, path, "-1")


async def test_a_pending_run_is_joined_before_it_begins(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await started(api, thread_id, assistant_id="sleeper", input={"seconds": 0.2})
    run_id = await started(api, thread_id, **WRITER, stream_mode="custom")

    frames = await joined(api, f"/threads/{thread_id}/runs/{run_id}/stream")

    assert [frame.event for frame in frames] == ["metadata", *["custom"] * 5]


async def test_a_stateless_run_is_joined_by_its_id_alone(api: httpx.AsyncClient) -> None:
    async with reading("POST", "/runs/stream", SLOW) as reader:
        await reader.until("messages")
        location = reader.headers["location"]

        again: Any = await joined(api, location, "-1")

    tokens = [frame for frame in again if frame.event == "messages"]
    assert len(tokens) == 10
    assert (await api.get(f"/runs/{uuid4()}/stream")).status_code == 404
    assert (await api.get("/runs/x/stream")).status_code == 422
