"""An HTTP client that costs next to nothing: what is measured is the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

HEAD = (
    b"%s %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\n"
    b"%scontent-length: %d\r\n\r\n%s"
)
FROM_THE_BEGINNING = b"last-event-id: -1\r\n"


class Client:
    """One connection to a server, kept open; one request at a time."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> Any:
        return await self._answered("GET", path, None)

    async def post(self, path: str, body: object) -> Any:
        return await self._answered("POST", path, body)

    async def text(self, path: str, body: object = None) -> bytes:
        """Return an answer unread, where that takes as long as to make it; a GET without a body."""
        return await self._answer("GET" if body is None else "POST", path, body)

    async def stream(self, path: str, body: object) -> AsyncIterator[bytes]:
        """Yield the chunks of a streamed answer as they arrive.

        Without a body it is that of a run which another request has started, from its beginning.
        """
        if body is None:
            reader = await self._asked("GET", path, None, FROM_THE_BEGINNING)
        else:
            reader = await self._asked("POST", path, body)
        head = await _head(reader)
        if not head.startswith(b"http/1.1 200") or b"chunked" not in head:
            raise RuntimeError(f"{path}: {head.decode()}")
        async for chunk in _chunks(reader):
            yield chunk

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None

    async def _answered(self, method: str, path: str, body: object) -> Any:
        text = await self._answer(method, path, body)
        return json.loads(text) if text.strip() else None

    async def _answer(self, method: str, path: str, body: object) -> bytes:
        reader = await self._asked(method, path, body)
        head = await _head(reader)
        if b"transfer-encoding: chunked" in head:
            text = b"".join([chunk async for chunk in _chunks(reader)])
        else:
            length = head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
            text = await reader.readexactly(int(length))
        if not head.startswith(b"http/1.1 20"):
            raise RuntimeError(f"{method} {path}: {text.decode()}")
        return text

    async def _asked(
        self, method: str, path: str, body: object, header: bytes = b""
    ) -> asyncio.StreamReader:
        # A server closes what was idle for long.
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            opened = await asyncio.open_connection(self._host, self._port, limit=2**22)
            self._reader, self._writer = opened
        text = b"" if body is None else json.dumps(body).encode()
        words = method.encode(), path.encode(), self._host.encode(), header, len(text), text
        self._writer.write(HEAD % words)
        return self._reader


async def _head(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\r\n\r\n")).lower()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
