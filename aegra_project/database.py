"""The embedded database, for as long as a server lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import CommandError

from common.embedded_postgres import EmbeddedPostgresError, running


@contextmanager
def database_running() -> Iterator[None]:
    """Hold the embedded database, when it is the one in use; raises CommandError."""
    if not settings.EMBEDDED_POSTGRES:
        yield
        return
    try:
        held = running(settings.AEGRA_DATA_DIR / "postgres")
        with held:
            yield
    except EmbeddedPostgresError as exc:
        raise CommandError(str(exc)) from exc
