"""What lives as long as a server does; the same for `runserver` and `serve`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import CommandError

from aegra_project.startup import StartupError, prepare
from common.config import ConfigError
from common.embedded_postgres import EmbeddedPostgresError, running
from common.importing import LoadError
from graphs import loop as graph_loop
from runs.engine.engine import start_engine, stop_engine


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


def prepared() -> None:
    """Prepare database and graphs; raises CommandError with one line for what is wrong."""
    try:
        prepare()
    except (StartupError, ConfigError, LoadError) as exc:
        raise CommandError(str(exc)) from exc


@contextmanager
def server_running() -> Iterator[None]:
    """Hold what a server needs: database, graphs, the graph loop, the engine."""
    with database_running():
        prepared()
        graph_loop.start()
        try:
            start_engine()
            yield
        finally:
            stop_engine()
            graph_loop.stop()
