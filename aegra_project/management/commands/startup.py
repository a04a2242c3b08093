from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from aegra_project.lifespan import database_running, prepared


class Command(BaseCommand):
    help = "Bring the database up to this version and system assistants in step, then exit."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with database_running():
            prepared()
        self.stdout.write("The database is ready.")
