"""The SDK's `get_client()` without a URL: requests to this server without a socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextvars import Context
from importlib import import_module
from typing import Any

import httpx
from langgraph_sdk.client import configure_loopback_transports

from common import tracing
from common.in_process import marked
from graphs.crossing import App, call_on_graph_loop
from runs.engine import slots
from runs.webhooks import own_server

# What a client may be behind before the server waits for it.
MESSAGES = 64
_answering: set[asyncio.Task[None]] = set()


def install(app: App) -> None:
    """Have the SDK's clients without a URL call `app`, whenever they were or are made."""
    # The SDK would look for another server's package at each client otherwise.
    os.environ["__LANGGRAPH_DEFER_LOOPBACK_TRANSPORT"] = "true"
    sdk: Any = import_module("langgraph_sdk._async.client")

    class Loopback(LoopbackTransport):
        def __init__(self, app: App | None = None, **kwargs: Any) -> None:  # noqa: ARG002
            super().__init__(served, **kwargs)
            # The SDK keeps every transport until an application is there for it; here one is.
            sdk._registered_transports.clear()

    served: Any = app
    own_server.answer_by(StrangersTransport(served))
    configure_loopback_transports(app)
    sdk.get_asgi_transport = lambda: Loopback


class LoopbackTransport(httpx.ASGITransport):
    """Calls the application on the graph loop, from any loop, and hands on parts as they come."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        answer = _Answer(body)
        # Of the caller's context nothing is taken along but the slot of its run and the span: a run
        # that it starts would take itself for a part of the caller's graph.
        context = Context()
        context.run(slots.held.set, slots.held.get())
        context.run(tracing.carried())
        app: Any = self.app
        call = call_on_graph_loop(app, self._scope(request), answer.receive, answer.send)
        task = asyncio.get_running_loop().create_task(answer.of(call), context=context)
        _answering.add(task)
        task.add_done_callback(_answering.discard)
        start = await answer.start()
        return httpx.Response(start["status"], headers=start["headers"], stream=answer)

    def _scope(self, request: httpx.Request) -> Any:
        return marked(_scope(request))


class StrangersTransport(LoopbackTransport):
    """Calls the application as nobody that it trusts: a client has chosen the path."""

    def _scope(self, request: httpx.Request) -> Any:
        return _scope(request)


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        # From 2.4 on an application would wait for `send` to tell it that the client left.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port or 80),
    }


class _Answer(httpx.AsyncByteStream):
    """One answer on its way: the application's messages, for a client that may leave."""

    def __init__(self, body: bytes) -> None:
        self._request: list[Mapping[str, Any]] = [{"type": "http.request", "body": body}]
        self._messages: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MESSAGES)
        self._left = asyncio.Event()
        self._failure: BaseException | None = None

    async def of(self, call: Any) -> None:
        try:
            await call
        # Handed to whoever waits for the answer.
        except Exception as exc:  # noqa: BLE001
            self._failure = exc
        if not self._left.is_set():
            await self._messages.put({"type": "end"})

    async def receive(self) -> Mapping[str, Any]:
        if self._request:
            return self._request.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if not self._left.is_set():
            await self._messages.put(message)

    async def start(self) -> Mapping[str, Any]:
        try:
            message = await self._messages.get()
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if message["type"] == "end":
            raise self._failure or httpx.RemoteProtocolError("The server sent no answer.")
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._messages.get()
            if message["type"] == "end":
                raise self._failure or httpx.RemoteProtocolError("The server's answer was cut off.")
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def aclose(self) -> None:
        """Leave: the server is told, and what it still sends is thrown away."""
        self._left.set()
        while not self._messages.empty():
            self._messages.get_nowait()
