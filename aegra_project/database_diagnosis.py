"""What is well and what is wrong with the database, the embedded one or another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
from django.conf import settings
from django.core.management import CommandError

from aegra_project.database import database_running
from aegra_project.finding import Finding, ok, problem, warning
from aegra_project.run_tables import span
from aegra_project.startup import (
    foreign_tables,
    missing_migrations,
    outdated_tables,
    unreachable,
)
from common import db
from common.config import ConfigError, project_config
from common.postgres_server import (
    MAJOR,
    UPGRADE,
    EmbeddedPostgresError,
    as_ordinary_user,
    major_of,
    program,
)
from runs.inspecting import QUEUE, QueueState
from store.backend import close_store
from store.options import IndexOptions, read_options
from store.vectors import IndexUnavailable, check_vectors

OLDEST_MAJOR = 15
VECTOR = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"


def embedded_server() -> Iterator[Finding]:
    """Look at what the embedded server is made of, without starting it."""
    if not settings.EMBEDDED_POSTGRES:
        return
    try:
        program("postgres")
        as_ordinary_user()
    except EmbeddedPostgresError as exc:
        yield problem("PostgreSQL", str(exc))
        return
    yield ok("PostgreSQL", f"The embedded PostgreSQL {MAJOR} can be run here.")


def database() -> Iterator[Finding]:
    """Look into the database; the embedded one is started for it, and is not made."""
    place = settings.AEGRA_DATA_DIR / "postgres"
    if any(told.startswith("DATABASE_URL") for told in settings.SETTINGS_PROBLEMS):
        yield problem("database", "DATABASE_URL cannot be read, see above.")
        return
    is_new = major_of(place / "cluster") is None and not (place / UPGRADE).exists()
    if settings.EMBEDDED_POSTGRES and is_new:
        yield ok("database", f"None yet: it is made in {place} at the first start.")
        return
    try:
        with database_running(), psycopg.connect(db.conninfo(), autocommit=True) as conn:
            yield from _reached(conn)
    except CommandError as exc:
        yield problem("database", str(exc))
    except psycopg.OperationalError as exc:
        yield problem("database", unreachable(exc))


def _reached(conn: psycopg.Connection) -> Iterator[Finding]:
    info = conn.info
    major = info.server_version // 10_000
    where = f"PostgreSQL {info.parameter_status('server_version')}, database {info.dbname}"
    if major < OLDEST_MAJOR:
        yield problem("database", f"{where}: {OLDEST_MAJOR} is the oldest that is supported.")
    elif (encoding := info.parameter_status("server_encoding")) != "UTF8":
        yield problem("database", f"{where} is encoded in {encoding}: make one with UTF8.")
    else:
        yield ok("database", f"{where}, at {info.host}.")
    found = list(_migrations())
    yield from found
    yield from _vectors(conn)
    if all(it.level == "ok" for it in found):
        yield from _queue(conn)


def _migrations() -> Iterator[Finding]:
    if told := foreign_tables():
        yield problem("migrations", told)
        return
    missing = [*missing_migrations(), *asyncio.run(_outdated())]
    if not missing:
        yield ok("migrations", "Every table is of this version.")
        return
    told = f"{len(missing)} are missing, such as {missing[0]}"
    if settings.AUTO_MIGRATE:
        yield warning("migrations", f"{told}: the next start applies them.")
    else:
        yield problem(
            "migrations",
            f"{told}, and AUTO_MIGRATE is false: run `AUTO_MIGRATE=true manage.py startup` once.",
        )


def _queue(conn: psycopg.Connection) -> Iterator[Finding]:
    row = conn.execute(QUEUE).fetchone()
    assert row is not None
    queue = QueueState(*row)
    waits = f", the oldest for {span(queue.oldest_pending_seconds)}" if queue.pending else ""
    yield ok("queue", f"{queue.running} runs are running, {queue.pending} pending{waits}.")
    if queue.lost:
        yield warning(
            "queue",
            f"{queue.lost} runs have lost their process: the next server that runs takes care of "
            "them. `manage.py runs list --status running` shows which.",
        )
    if queue.stuck_threads:
        yield warning(
            "queue",
            f"{queue.stuck_threads} threads are busy without a run: a server frees them, or "
            "`manage.py runs repair THREAD`.",
        )
    if queue.failed_jobs:
        yield warning(
            "queue",
            f"{queue.failed_jobs} background jobs have failed and are not tried again: the admin "
            "shows them below Procrastinate.",
        )


async def _outdated() -> list[str]:
    try:
        return await outdated_tables()
    finally:
        await close_store()
        await db.close_pool()


def _vectors(conn: psycopg.Connection) -> Iterator[Finding]:
    index = _index()
    if index is not None:
        try:
            asyncio.run(_checked(index))
        except IndexUnavailable as exc:
            yield problem("pgvector", str(exc))
            return
    found = conn.execute(VECTOR).fetchone()
    if found is not None:
        yield ok("pgvector", f"{found[0]} can be used.")
    else:
        yield warning("pgvector", "It is not installed: the store has no search by meaning.")


async def _checked(index: IndexOptions) -> None:
    try:
        await check_vectors(index)
    finally:
        await db.close_pool()


def _index() -> IndexOptions | None:
    try:
        return read_options(project_config()).index
    except ConfigError:
        return None  # told of by `project`
