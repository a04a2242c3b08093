#!/usr/bin/env python
"""Django's command line, with the embedded database running for commands that need one."""

import os
import sys
from contextlib import nullcontext

# These need no database, or hold it themselves.
WITHOUT_DATABASE = {
    "--help", "--version", "-h", "check", "collectstatic", "compilemessages", "diffsettings",
    "findstatic", "help", "makemessages", "makemigrations", "runserver", "serve", "spectacular",
    "startapp", "startproject", "startup", "version",
}  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in WITHOUT_DATABASE or {"-h", "--help"} & set(sys.argv):
        execute_from_command_line(sys.argv)
        return
    from django.conf import settings

    from common.embedded_postgres import EmbeddedPostgresError, running

    embedded = running(settings.AEGRA_DATA_DIR / "postgres")
    try:
        with embedded if settings.EMBEDDED_POSTGRES else nullcontext():
            execute_from_command_line(sys.argv)
    except EmbeddedPostgresError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
