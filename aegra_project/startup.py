"""What every process does before it serves: a database in shape, and system assistants in step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from assistants.sync import sync_system_assistants
from common import db
from common.config import project_config
from graphs import checkpointer
from graphs.registry import load_graphs
from store import backend as store
from store.vectors import IndexUnavailable

# Any number, the same in every version: "aegra" in ASCII.
STARTUP_LOCK = 0x6165677261
POLL_SECONDS = 0.1
POOLED = (
    "A pooler stands between this server and PostgreSQL, where locks and notices get lost: "
    "name what leads past it in DATABASE_DIRECT_URL."
)
BY_HAND = "AUTO_MIGRATE is false: run `AUTO_MIGRATE=true manage.py startup` once."


class StartupError(Exception):
    """The server cannot start; the message is one line that says what to do."""


def prepare() -> None:
    """Load the graphs, bring the database up to this version, and sync system assistants.

    Safe when several processes call it at once: one works, the others wait and find it done.
    Raises StartupError, ConfigError and LoadError.
    """
    load_graphs()
    store.load_store(project_config())
    with _alone():
        try:
            _prepare_database()
        except (DatabaseError, psycopg.Error) as exc:
            raise StartupError(f"The database cannot be prepared: {_line(exc)}.") from exc
        except IndexUnavailable as exc:
            raise StartupError(str(exc)) from exc
    connections.close_all()


def _prepare_database() -> None:
    if told := foreign_tables():
        raise StartupError(told)
    if settings.AUTO_MIGRATE:
        call_command("migrate", verbosity=0, interactive=False)
    else:
        _check_migrated()
    asyncio.run(_prepare_langgraph())


async def _prepare_langgraph() -> None:
    try:
        if settings.AUTO_MIGRATE:
            await checkpointer.setup()
            await store.setup()
        else:
            await _check_langgraph()
            await store.check_index()
        await sync_system_assistants()
    finally:
        await store.close_store()
        await db.close_pool()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the startup lock.

    It is tried again and again in autocommit: waiting for it inside PostgreSQL would keep a
    snapshot open, on which the other process's CREATE INDEX CONCURRENTLY waits in turn.
    """
    try:
        conn = psycopg.connect(db.direct_conninfo(), autocommit=True)
    except psycopg.Error as exc:
        raise StartupError(unreachable(exc)) from exc
    with conn:
        if not settings.DATABASE_DIRECT_URL and db.is_pooled(conn):
            raise StartupError(POOLED)
        deadline = time.monotonic() + settings.STARTUP_LOCK_SECONDS
        while not _try_lock(conn):
            if time.monotonic() > deadline:
                raise StartupError(
                    "Another process has been starting for "
                    f"{settings.STARTUP_LOCK_SECONDS:g} s (STARTUP_LOCK_SECONDS)."
                )
            time.sleep(POLL_SECONDS)
        yield


def _try_lock(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT pg_try_advisory_lock(%s)", [STARTUP_LOCK]).fetchone()
    assert row is not None
    return bool(row[0])


def unreachable(exc: psycopg.Error) -> str:
    hint = "Check DATABASE_URL." if settings.DATABASE_URL else "See postgres.log in AEGRA_DATA_DIR."
    return f"PostgreSQL cannot be reached: {_line(exc)}. {hint}"


def _line(exc: Exception) -> str:
    return " ".join(str(exc).split()).rstrip("?.")


def foreign_tables() -> str | None:
    """Tell of tables that have our names, in a database that none of our migrations has seen.

    Aegra's have, for one. Django would make its own tables beside them before it fails.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if MigrationRecorder(connection).has_table():
        return None
    ours = {model._meta.db_table for model in apps.get_models() if model._meta.managed}
    found = sorted(ours.intersection(connection.introspection.table_names()))
    if not found:
        return None
    return (
        f"The database has tables that another program has made ({', '.join(found)}): give this "
        "server one of its own. Nothing was changed."
    )


def _check_migrated() -> None:
    missing = missing_migrations()
    if missing:
        names = ", ".join(missing[:3])
        raise StartupError(f"{len(missing)} migrations are missing ({names}, …) and {BY_HAND}")


def missing_migrations() -> list[str]:
    """Return the migrations that the database lacks, as `app.name`, in their order."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


async def _check_langgraph() -> None:
    for table in await outdated_tables():
        raise StartupError(f"LangGraph's tables are not of this version ({table}) and {BY_HAND}")


async def outdated_tables() -> list[str]:
    """Return which of LangGraph's tables of migrations lack some that this version has."""
    saver, items = await checkpointer.open_saver(), await store.open_store()
    known: dict[str, Sequence[object]] = {
        "checkpoint_migrations": saver.MIGRATIONS,
        "store_migrations": items.MIGRATIONS,
    }
    if items.embedder is not None:
        known["vector_migrations"] = items.VECTOR_MIGRATIONS
    return [table for table, all_ in known.items() if await _version(table) < len(all_) - 1]


async def _version(table: str) -> int:
    """Return the last migration of LangGraph's that was applied, counted from 0; else -1."""
    found = await db.fetch_one("SELECT to_regclass(%s) IS NOT NULL AS is_there", [table])
    assert found is not None
    query = sql.SQL("SELECT coalesce(max(v), -1) AS version FROM {}").format(sql.Identifier(table))
    applied = await db.fetch_one(query) if found["is_there"] else None
    return int(applied["version"]) if applied is not None else -1
