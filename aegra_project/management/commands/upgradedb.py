from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from common.postgres_server import MAJOR, EmbeddedPostgresError
from common.postgres_upgrade import upgrade
from common.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Move the embedded database to the PostgreSQL in use; the old one and a dump are kept."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED_POSTGRES:
            raise CommandError(
                "DATABASE_URL names a PostgreSQL of your own: this upgrades the embedded one only."
            )
        stop_on_signals()
        try:
            done = upgrade(settings.AEGRA_DATA_DIR / "postgres", self._tell)
        except (EmbeddedPostgresError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        if done is None:
            self.stdout.write(f"The database is PostgreSQL {MAJOR}'s already: nothing to do.")
            return
        self.stdout.write(
            f"The database is PostgreSQL {MAJOR}'s now. What was PostgreSQL {done.major}'s, and a "
            f"dump of it, are kept in {done.kept}: delete that when you are content."
        )

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
