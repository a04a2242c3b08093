"""A line to a server that breaks once, as a proxy's timeout or a train's tunnel would break it."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx


class Line:
    """Passes bytes on, until the first answer has said a word so many times."""

    def __init__(self, url: str, word: bytes, times: int) -> None:
        self._server = httpx.URL(url)
        self._word, self._left = word, times
        self._open: set[asyncio.Task[None]] = set()
        self._is_over = False
        self.is_broken = False

    async def carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection, in a task that `hang_up` ends."""
        if self._is_over:
            writer.close()
            return
        task = asyncio.create_task(self._carry(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def hang_up(self) -> None:
        self._is_over = True
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._server.host, self._server.port)
        asking = asyncio.create_task(_pass_on(reader, back))
        try:
            await self._answer(there, writer)
        finally:
            asking.cancel()
            back.close()
            writer.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        while said := await reader.read(65536):
            end = None if self.is_broken else self._end(said)
            writer.write(said[:end])
            await writer.drain()
            if end is not None:
                self.is_broken = True
                return

    def _end(self, said: bytes) -> int | None:
        """Return how much still goes through, when it is here that the line breaks."""
        pieces = said.split(self._word)
        if len(pieces) <= self._left:
            self._left -= len(pieces) - 1
            return None
        return len(self._word.join(pieces[: self._left])) + len(self._word)


async def _pass_on(reader: StreamReader, writer: StreamWriter) -> None:
    while said := await reader.read(65536):
        writer.write(said)
        await writer.drain()


@asynccontextmanager
async def breaking(url: str, *, after: bytes, times: int = 1) -> AsyncIterator[tuple[str, Line]]:
    """Listen for a server; return the address, and the line that breaks."""
    line = Line(url, after, times)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", line
        await line.hang_up()
