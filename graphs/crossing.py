"""An ASGI application of the user's, called from a server's loop and run on the graph loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from graphs import loop as graph_loop

Scope: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Mapping[str, Any]]]"
Send: TypeAlias = "Callable[[Mapping[str, Any]], Awaitable[None]]"
App: TypeAlias = "Callable[[Scope, Receive, Send], Awaitable[None]]"


async def call_on_graph_loop(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Call `app` on the graph loop, from any loop; `receive` and `send` stay on the caller's.

    `app` waits for each message to be taken, so that a slow client slows it down.
    """
    home = asyncio.get_running_loop()
    if home is graph_loop.current().loop:
        await app(scope, receive, send)
        return

    async def received() -> Mapping[str, Any]:
        message: Mapping[str, Any] = await _on(home, receive())
        return message

    async def sent(message: Mapping[str, Any]) -> None:
        await _on(home, send(message))

    async def called() -> None:
        await app(scope, received, sent)

    await graph_loop.on_graph_loop(called())


async def _on(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    async def awaited() -> Any:
        return await work

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(), loop))
