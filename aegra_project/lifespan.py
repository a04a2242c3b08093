"""What lives as long as a process of the server does: `runserver`, `serve` and `worker`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

from django.conf import settings
from django.core.management import CommandError

from aegra_project import custom_app, loopback
from aegra_project.database import database_running
from aegra_project.listening import check_free
from aegra_project.startup import StartupError, prepare
from common import huge_pages, notices, telemetry, tracing
from common.background import BackgroundWorker
from common.config import ConfigError
from common.http_config import http_config
from common.importing import LoadError
from common.stopping import begin_to_stop, obey_lost_interrupt, uninterrupted
from graphs import loop as graph_loop
from runs.engine.current import current_engine, start_engine, stop_engine
from runs.events.current import start_log, stop_log
from runs.events.store import StoreLost
from runs.webhooks.config import webhook_config


class CannotLoad(CommandError):
    """The project's file or code is wrong: to be mended by a change of it."""


@contextmanager
def loading() -> Iterator[None]:
    """Raise CommandError, with one line, for what is wrong with the project or the database."""
    try:
        yield
    except (ConfigError, LoadError) as exc:
        raise CannotLoad(str(exc)) from exc
    except (StartupError, StoreLost) as exc:
        raise CommandError(str(exc)) from exc


def prepared() -> None:
    """Prepare database and graphs; raises CommandError with one line for what is wrong."""
    with loading():
        http_config()
        webhook_config()
        prepare()


@contextmanager
def server_running(*, executes: bool = True) -> Iterator[None]:
    """Hold what a server needs: database, graphs, the graph loop, the user's app, the engine.

    One that `executes` nothing has no engine and does no background work: other processes do.
    """
    # It reads the project to know what to serve.
    with loading():
        http_config()
    from aegra_project import asgi

    # Before the project's modules are imported: they may make clients.
    loopback.install(asgi.in_process)
    with database_running(), _stopped_at_the_end() as stops:
        # Before graphs are loaded, whose own instrumentation finds it.
        tracing.start()
        stops.callback(tracing.stop)
        prepared()
        graph_loop.start()
        stops.callback(graph_loop.stop)
        stops.callback(custom_app.stop)
        with loading():
            custom_app.start(asgi.api)
        notices.start()
        stops.callback(notices.stop)
        stops.callback(stop_log)
        with loading():
            start_log()
        if executes:
            _start_executing(stops)
        stops.enter_context(telemetry.kept())
        stops.enter_context(_metrics_served())
        obey_lost_interrupt()
        # What a start has loaded stays: a full collection that looks through it takes 0.1 s, in
        # which nothing else runs.
        gc.collect()
        gc.freeze()
        Thread(target=huge_pages.collapse, name="huge-pages", daemon=True).start()
        yield


@contextmanager
def _metrics_served() -> Iterator[None]:
    host, port = settings.AEGRA_HOST, settings.METRICS_PORT
    if port:
        check_free(host, port)
    with telemetry.served(host, port):
        yield


def _start_executing(stops: ExitStack) -> None:
    stops.callback(stop_engine)
    start_engine()
    background = BackgroundWorker()
    background.start()
    stops.callback(background.stop)
    # Before anything is waited for: other processes take what comes.
    stops.callback(lambda: current_engine().stop_claiming())


@contextmanager
def _stopped_at_the_end() -> Iterator[ExitStack]:
    """Stop what was started, the last first, whoever asks again meanwhile."""
    stops = ExitStack()
    try:
        yield stops
    finally:
        begin_to_stop()
        with uninterrupted():
            stops.close()
