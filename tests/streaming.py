"""A run's stream as tests read it: frame by frame, from a client that leaves when it likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx

MakeThread: TypeAlias = "Callable[..., Awaitable[str]]"
"""The fixture `thread` of the root conftest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One server-sent event, its data parsed."""

    event: str
    data: Any
    id: str | None = None


def parsed(text: str) -> list[Frame]:
    """Parse a whole stream, strictly: CRLF, one data line, nothing but frames and comments."""
    *blocks, rest = text.split("\r\n\r\n")
    assert rest == "", f"the last frame is not closed: {rest!r}"
    return [_frame(block) for block in blocks if not block.startswith(":")]


def _frame(block: str) -> Frame:
    fields = dict(line.split(": ", 1) for line in block.split("\r\n"))
    assert list(fields) in (["event", "data"], ["event", "data", "id"]), block
    return Frame(event=fields["event"], data=json.loads(fields["data"]), id=fields.get("id"))


async def streamed(api: httpx.AsyncClient, path: str, **body: Any) -> list[Frame]:
    """Create a run and return its whole stream."""
    answer = await api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


class Reader:
    """A client in the middle of reading an answer."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.begun = asyncio.Event()
        self.left = asyncio.Event()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.begun.set()
            return
        if message.get("body"):
            self.chunks.put_nowait(message["body"])
        if not message.get("more_body"):
            self.chunks.put_nowait(None)

    async def chunk(self) -> bytes | None:
        """Return what comes next; None at the end of the answer."""
        async with asyncio.timeout(5):
            return await self.chunks.get()

    async def frames(self) -> AsyncIterator[Frame]:
        while (chunk := await self.chunk()) is not None:
            for frame in parsed(chunk.decode()):
                yield frame

    async def until(self, event: str) -> list[Frame]:
        """Read up to and with the first frame of a name."""
        seen = []
        async for frame in self.frames():
            seen.append(frame)
            if frame.event == event:
                return seen
        raise AssertionError(f"no {event} in {[frame.event for frame in seen]}")


@asynccontextmanager
async def reading(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Reader]:
    """Send a request and read its answer as it comes; the client leaves when the block ends."""
    from aegra_project.asgi import application

    reader, parts = Reader(), urlsplit(url)
    requests = iter([{"type": "http.request", "body": json.dumps(body or {}).encode()}])

    async def receive() -> Any:
        for request in requests:
            return request
        await reader.left.wait()
        return {"type": "http.disconnect"}

    given = {"host": "localhost", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
    }
    app: Any = application
    answered = asyncio.ensure_future(app(scope, receive, reader.send))
    try:
        async with asyncio.timeout(5):
            await reader.begun.wait()
        yield reader
    finally:
        reader.left.set()
        await answered


async def settled(api: httpx.AsyncClient, thread_id: str) -> Any:
    """Return a thread once no run is active on it."""
    async with asyncio.timeout(8):
        while True:
            thread = (await api.get(f"/threads/{thread_id}")).json()
            if thread["status"] != "busy":
                return thread
            await asyncio.sleep(0.01)


async def started(api: httpx.AsyncClient, thread_id: str, **body: Any) -> str:
    """Create a run in the background and return its id."""
    answer = await api.post(f"/threads/{thread_id}/runs", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])
