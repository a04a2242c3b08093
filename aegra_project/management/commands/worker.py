from __future__ import annotations

import signal
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from aegra_project.checks import refuse_wrong_settings
from aegra_project.lifespan import server_running
from aegra_project.welcome import greeting_of_a_worker
from common.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Execute runs and background jobs that other processes have written; serves no HTTP."
    # Its own are checked in `handle`, and told in a line each.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--slots",
            type=int,
            default=settings.ENGINE_SLOTS,
            help="Runs executed at once, instead of ENGINE_SLOTS.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_wrong_settings()
        if options["slots"] < 1:
            raise CommandError("--slots must be 1 or more.")
        settings.ENGINE_SLOTS = options["slots"]
        stop_on_signals()
        with suppress(KeyboardInterrupt), server_running():
            self.stdout.write(greeting_of_a_worker())
            self.stdout.flush()
            while True:
                signal.pause()
