from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from aegra_project.checks import refuse_wrong_settings
from aegra_project.database import database_running
from aegra_project.lifespan import prepared
from common.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Bring the database up to this version and system assistants in step, then exit."
    # Its own are checked in `handle`, and told in a line each.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_wrong_settings()
        stop_on_signals()
        with database_running():
            prepared()
        self.stdout.write("The database is ready.")
