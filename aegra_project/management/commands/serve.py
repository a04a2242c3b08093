from __future__ import annotations

import signal
import socket
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from aegra_project.lifespan import server_running
from aegra_project.listening import bound_socket, is_loopback
from aegra_project.welcome import welcome
from runs.engine.engine import current_engine


class Command(BaseCommand):
    help = "Serve the API and the admin with uvicorn, for production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.AEGRA_HOST)
        parser.add_argument("--port", type=int, default=settings.AEGRA_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not settings.ALLOW_ANONYMOUS and not is_loopback(host):
            raise CommandError(
                f"Without authentication, {host} would serve everybody who can reach it. "
                "Set ALLOW_ANONYMOUS=true if that is meant, or serve on 127.0.0.1."
            )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with bound_socket(host, port) as listening, suppress(KeyboardInterrupt), server_running():
            self.stdout.write(welcome(host, port))
            self.stdout.flush()
            _Server(_config()).run(sockets=[listening])


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # From here on a stream that ends is not a client that left.
        current_engine().stop_claiming()
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
