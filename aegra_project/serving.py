"""One process that serves HTTP with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from aegra_project.lifespan import server_running
from common.stopping import begin_to_stop
from runs.engine.current import engine_here


def serve(listening: socket.socket, on_ready: Callable[[], None], *, executes: bool) -> None:
    """Serve on a bound socket until a signal; `on_ready` is called on the loop of HTTP."""
    with suppress(KeyboardInterrupt), server_running(executes=executes):
        _Server(_config(), on_ready=on_ready).run(sockets=[listening])


# At a stop, requests that are being answered get this long; streams hold it up for no longer.
ANSWER_SECONDS = 1.0
# Whatever does not end when its connection does is cancelled.
CANCEL_SECONDS = 3


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        begin_to_stop()
        if engine := engine_here():
            engine.stop_claiming()
        stopping = asyncio.ensure_future(super().shutdown(sockets))
        await asyncio.wait({stopping}, timeout=ANSWER_SECONDS)
        # Streams end with their connections, in the middle: their clients come back, and go on.
        for connection in tuple(self.server_state.connections):
            connection.transport.close()
        await stopping


def _config() -> uvicorn.Config:
    return uvicorn.Config(
        "aegra_project.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=CANCEL_SECONDS,
        timeout_keep_alive=75,
    )
