from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from aegra_project.checks import refuse_wrong_settings
from aegra_project.connection_budget import refuse_too_many
from aegra_project.database import database_running
from aegra_project.lifeline import Lifeline
from aegra_project.listening import bound_socket, given_socket, refuse_public
from aegra_project.supervision import Supervisor
from common.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Serve the API and the admin with uvicorn, for production."
    # Its own are checked in `handle`, and told in a line each.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.AEGRA_HOST)
        parser.add_argument("--port", type=int, default=settings.AEGRA_PORT)
        parser.add_argument("--fd", type=int, help="Listen on a socket that is bound already.")
        parser.add_argument("--processes", type=int, default=1, help="Serve by so many processes.")
        parser.add_argument(
            "--no-engine", action="store_true", help="HTTP alone: `worker` processes execute runs."
        )
        parser.add_argument("--quiet", action="store_true", help="Do not say what is served.")
        parser.add_argument(
            "--lifeline", type=int, help="What ties a process to the one that supervises it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_wrong_settings()
        if options["processes"] < 1:
            raise CommandError("--processes must be 1 or more.")
        stop_on_signals()
        lifeline = None if options["lifeline"] is None else Lifeline(options["lifeline"])
        with _listening(options) as listening:
            if lifeline is None:
                refuse_public(_address(listening, options)[0])
            if options["processes"] == 1:
                self._serve(listening, lifeline, options)
            else:
                _supervise(listening, options)

    def _serve(
        self, listening: socket.socket, lifeline: Lifeline | None, options: dict[str, Any]
    ) -> None:
        # A parent imports nothing of what serves.
        from aegra_project.serving import serve
        from aegra_project.welcome import welcome

        def tell() -> None:
            if lifeline is not None:
                lifeline.beat()
            if not options["quiet"]:
                self.stdout.write(welcome(*_address(listening, options)))
                self.stdout.flush()

        serve(listening, tell, executes=not options["no_engine"])


def _listening(options: dict[str, Any]) -> socket.socket:
    if options["fd"] is not None:
        return given_socket(options["fd"])
    return bound_socket(options["host"], options["port"])


def _address(listening: socket.socket, options: dict[str, Any]) -> tuple[str, int]:
    """Return where it is served, in the words of whoever named it."""
    if options["fd"] is None:
        return options["host"], options["port"]
    host, port = listening.getsockname()[:2]
    return host, port


def _supervise(listening: socket.socket, options: dict[str, Any]) -> None:
    executes = not options["no_engine"]
    refuse_too_many(options["processes"], executes=executes)
    arguments = [
        *(["--no-engine"] if not executes else []),
        *(["--quiet"] if options["quiet"] else []),
    ]
    with database_running():
        status = Supervisor(listening, arguments, options["processes"]).run()
    if status:
        sys.exit(status)
