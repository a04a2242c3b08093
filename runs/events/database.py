"""The database as the thread of a log uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from common import db
from runs.events.store import StoreLost


class Database:
    """One connection, opened when it is needed; used on one thread."""

    def __init__(self) -> None:
        self._conn: psycopg.Connection[tuple[Any, ...]] | None = None

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Lend the connection; raises StoreLost, and begins with another the next time."""
        try:
            if self._conn is None:
                self._conn = psycopg.connect(
                    db.direct_conninfo(), autocommit=True, prepare_threshold=2
                )
                db.widen(self._conn)
                # What a crash of the server takes is written again from memory; all that is
                # written before a run settles is as durable as that is.
                self._conn.execute("SET synchronous_commit = off")
                self._conn.execute("SET jit = off")
            yield self._conn
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            self.close()
            raise StoreLost(str(exc)) from exc

    def is_connected(self) -> bool:
        """Tell, from any thread, whether the server is there for all that is known."""
        conn = self._conn
        return conn is not None and db.is_connected(conn)

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None
