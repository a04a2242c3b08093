from __future__ import annotations

import socket
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management import BaseCommand

from aegra_project.checks import refuse_wrong_settings
from aegra_project.lifespan import server_running
from aegra_project.listening import bound_socket, refuse_public
from aegra_project.welcome import welcome
from common.stopping import stop_on_signals
from runs.engine.current import engine_here


class Command(BaseCommand):
    help = "Serve the API and the admin with uvicorn, for production."
    # Its own are checked in `handle`, and told in a line each.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.AEGRA_HOST)
        parser.add_argument("--port", type=int, default=settings.AEGRA_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        refuse_wrong_settings()
        refuse_public(host)
        stop_on_signals()

        def tell() -> None:
            self.stdout.write(welcome(host, port))
            self.stdout.flush()

        with suppress(KeyboardInterrupt), bound_socket(host, port) as listening, server_running():
            _Server(_config(), on_ready=tell).run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # From here on a stream that ends is not a client that left.
        if engine := engine_here():
            engine.stop_claiming()
        await super().shutdown(sockets)


def _config() -> uvicorn.Config:
    """Return uvicorn's configuration; open streams hold up a stop for a second at most."""
    return uvicorn.Config(
        "aegra_project.asgi:application",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
