"""How many database connections processes of the server may open, and how many there are."""

from __future__ import annotations

import logging

import psycopg
from django.conf import settings
from django.core.management import CommandError

from common import db
from common.postgres_server import MAX_CONNECTIONS

logger = logging.getLogger(__name__)

# For commands, and for people who look after it.
SPARE = 10
# One that listens, one of the event log, and one of Django's own.
OTHERS = 3
# One for leases, and one that hears of new jobs.
OTHERS_OF_AN_ENGINE = 2


def connections_of_a_process(*, executes: bool) -> int:
    """Return how many connections one process opens at most (pure)."""
    serving = settings.DB_HTTP_POOL_SIZE + settings.DB_GRAPH_POOL_SIZE + OTHERS
    # Jobs are fetched through one pool and do their work through another.
    executing = 2 * settings.DB_BACKGROUND_POOL_SIZE + OTHERS_OF_AN_ENGINE
    return serving + executing if executes else serving


def refuse_too_many(processes: int, *, executes: bool) -> None:
    """Raise CommandError when the embedded database cannot bear so many processes.

    Of another one it is said: a pooler may stand before it, and others may use it.
    """
    wanted = processes * connections_of_a_process(executes=executes)
    there_are = MAX_CONNECTIONS if settings.EMBEDDED_POSTGRES else _connections_of_the_server()
    if there_are is None or wanted <= there_are - SPARE:
        return
    told = (
        f"{processes} processes may open {wanted} database connections, and PostgreSQL takes "
        f"{there_are}: start fewer, or make DB_HTTP_POOL_SIZE and DB_GRAPH_POOL_SIZE smaller"
    )
    if settings.EMBEDDED_POSTGRES:
        raise CommandError(f"{told}, or set DATABASE_URL to a PostgreSQL of your own.")
    logger.warning("%s, or raise its max_connections.", told)


def _connections_of_the_server() -> int | None:
    """Return PostgreSQL's max_connections; None when it cannot be asked."""
    try:
        with psycopg.connect(db.direct_conninfo(), autocommit=True) as conn:
            row = conn.execute("SELECT current_setting('max_connections')::int").fetchone()
    except psycopg.Error:
        # The process that starts first tells what is wrong.
        return None
    return int(row[0]) if row else None
