#!/usr/bin/env python
"""Django's command line, with the embedded database running for commands that need one."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext

from common.stopping import INTERRUPTED, exit_on_interrupt

# These need no database, or hold it themselves.
WITHOUT_DATABASE = {
    "--help", "--version", "-h", "check", "checkgraphs", "collectstatic", "compilemessages",
    "diffsettings", "doctor", "findstatic", "help", "makemessages", "runserver", "serve",
    "spectacular", "startagent", "startapp", "startproject", "startup", "upgradedb",
    "version", "worker",
}  # fmt: skip


def main() -> None:
    exit_on_interrupt()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        execute(command)
    except ModuleNotFoundError as exc:
        if command != "doctor":
            raise
        # Without its packages, the doctor itself cannot be called.
        sys.exit(f"problem  packages: {exc}: run `pip install -r requirements.txt` here.")


def execute(command: str) -> None:
    from django.core.management import execute_from_command_line

    if command in WITHOUT_DATABASE or {"-h", "--help"} & set(sys.argv):
        execute_from_command_line(sys.argv)
    else:
        with_database(lambda: execute_from_command_line(sys.argv))


def with_database(execute: Callable[[], None]) -> None:
    from django.conf import settings
    from django.db import OperationalError

    from common.embedded_postgres import EmbeddedPostgresError, running
    from common.stopping import stop_on_signals

    stop_on_signals()
    embedded = running(settings.AEGRA_DATA_DIR / "postgres")
    try:
        with embedded if settings.EMBEDDED_POSTGRES else nullcontext():
            execute()
    except (EmbeddedPostgresError, OperationalError) as exc:
        sys.exit(" ".join(str(exc).split()))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
