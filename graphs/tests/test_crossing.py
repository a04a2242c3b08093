from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from graphs import loop as graph_loop
from graphs.crossing import Receive, Scope, Send, call_on_graph_loop

pytestmark = pytest.mark.usefixtures("served")


class Client:
    """A client of an application, on the loop of the test."""

    def __init__(self, *messages: Mapping[str, Any]) -> None:
        self.loop = asyncio.get_running_loop()
        self.given = list(messages)
        self.taken: list[Any] = []
        self.may_take = asyncio.Event()
        self.may_take.set()

    async def receive(self) -> Mapping[str, Any]:
        assert asyncio.get_running_loop() is self.loop
        return self.given.pop(0)

    async def send(self, message: Mapping[str, Any]) -> None:
        assert asyncio.get_running_loop() is self.loop
        await self.may_take.wait()
        self.taken.append(message)


async def test_an_application_runs_on_the_graph_loop_and_its_client_where_it_was() -> None:
    loops = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loops.append(asyncio.get_running_loop())
        await send({"echo": await receive(), "path": scope["path"]})

    client = Client({"type": "hello"})
    await call_on_graph_loop(app, {"path": "/x"}, client.receive, client.send)

    assert loops == [graph_loop.current().loop]
    assert client.taken == [{"echo": {"type": "hello"}, "path": "/x"}]


async def test_an_application_waits_for_a_slow_client() -> None:
    sent = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for number in range(3):
            await send({"n": number})
            sent.append(number)

    client = Client()
    client.may_take.clear()
    call = asyncio.ensure_future(call_on_graph_loop(app, {}, client.receive, client.send))
    await asyncio.sleep(0.02)
    assert sent == []

    client.may_take.set()
    await call

    assert sent == [0, 1, 2]


async def test_what_an_application_raises_reaches_its_caller() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("kaput")

    client = Client()
    with pytest.raises(ValueError, match="kaput"):
        await call_on_graph_loop(app, {}, client.receive, client.send)


async def test_a_caller_that_is_cancelled_cancels_the_application() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        here.call_soon_threadsafe(begun.set)
        try:
            await asyncio.sleep(30)
        finally:
            here.call_soon_threadsafe(ended.set)

    client = Client()
    call = asyncio.ensure_future(call_on_graph_loop(app, {}, client.receive, client.send))
    await begun.wait()
    call.cancel()

    async with asyncio.timeout(5):
        await ended.wait()
    assert call.cancelled() or call.cancelling()
