"""One psycopg pool for each event loop, opened at its first use there and closed by its owner."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import AsyncConnection, DataError, OperationalError
from psycopg.abc import QueryNoTemplate as Query
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import make_conninfo
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from common import jsoncodec
from common.columns import Column, ColumnDumper
from common.jsoncodec import RawJson

Row: TypeAlias = DictRow
Connection: TypeAlias = "AsyncConnection[DictRow]"
Pool: TypeAlias = "_Pool"
Params: TypeAlias = "Mapping[str, object] | Sequence[object]"

UNREACHABLE = (OperationalError, PoolTimeout)
# Some of these are operational errors too, so that they are caught first.
UNSTORABLE = (DataError, ProgramLimitExceeded)

# A statement is prepared when it is executed for the third time.
PREPARE_AT = 2

# To compile a statement takes longer than any statement here takes to run.
# A process that is stopped in the middle of a transaction must not hold its locks for ever.
SESSION = """
SELECT set_config('timezone', 'UTC', false), set_config('jit', 'off', false),
       set_config('idle_in_transaction_session_timeout', '60s', false)
"""

SEND_BUFFER_BYTES = 2**23

# Of a pool that was used just now, nobody asks whether its connections are there: that is a call of
# the system each time. After one of them broke, it is asked for so long.
QUIET_SECONDS = 0.5
DOUBT_SECONDS = 60.0

# What tells that the other end has closed, with what it sent still to be read: on Linux.
CLOSED = getattr(select, "POLLRDHUP", 0)


def widen(conn: psycopg.Connection[Any] | AsyncConnection[Any]) -> None:
    """Have a socket of this machine take much at once, as far as the system allows.

    libpq moves all that is left to send whenever the socket has taken a part: with the usual
    0.2 MB at a time, that is more work than anything else from 10 MB on. TCP sees to it by itself.
    """
    with socket.socket(fileno=os.dup(conn.fileno())) as own:
        if own.family == socket.AF_UNIX:
            # Linux gives as much as it may, others refuse what is too much.
            with suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def is_connected(conn: psycopg.Connection[Any] | AsyncConnection[Any]) -> bool:
    """Tell, from any thread, whether the server is there for all that is known.

    One that has crashed has closed its end, which is seen before anything is sent.
    """
    try:
        fd = conn.fileno()
    except psycopg.Error:
        return False
    watch = select.poll()
    watch.register(fd, CLOSED)
    return not watch.poll(0)


class Busy(PoolTimeout):
    """The database answers, but no connection was free for DB_CONNECT_SECONDS."""


class _Pool(AsyncConnectionPool[AsyncConnection[DictRow]]):
    """A pool that lends no connection whose server has gone.

    It tells one of whose connections all are in use from one that has none.
    """

    _lent = 0
    _lent_at = 0.0
    _used_at = 0.0
    _doubted_until = 0.0

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[DictRow]:
        began = time.monotonic()
        deadline = began + (self.timeout if timeout is None else timeout)
        try:
            while True:
                conn = await super().getconn(deadline - time.monotonic())
                if not self._is_doubtful(began) or is_connected(conn):
                    break
                await conn.close()
                # The pool opens another in its place. What it would `check` by itself, it does a
                # second apart, and longer, from the second one that fails.
                await super().putconn(conn)
        except PoolTimeout as exc:
            if self._lent >= self.max_size or self._lent_at > began:
                raise Busy(f"all {self.max_size} connections of {self.name} are in use") from exc
            raise
        self._lent += 1
        self._lent_at = time.monotonic()
        return conn

    async def putconn(self, conn: AsyncConnection[DictRow]) -> None:
        self._lent -= 1
        self._used_at = time.monotonic()
        if conn.closed:
            self._doubted_until = self._used_at + DOUBT_SECONDS
        await super().putconn(conn)

    def _is_doubtful(self, now: float) -> bool:
        return now > self._used_at + QUIET_SECONDS or now < self._doubted_until


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


class _RawJsonLoader(Loader):
    """Hand JSONB through as text: a response writes it again as it stands."""

    def load(self, data: Buffer) -> RawJson:
        return RawJson(bytes(data))


def conninfo() -> str:
    """Return the connection string of Django's default database, the test one under tests."""
    database = connections["default"].settings_dict
    options: dict[str, Any] = {
        key: value
        for key, value in database.get("OPTIONS", {}).items()
        if isinstance(value, str | int)
    }
    named: dict[str, Any] = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return make_conninfo(
        **{
            **{key: value for key, value in named.items() if value},
            "connect_timeout": int(settings.DB_CONNECT_SECONDS),
            **options,
        }
    )


def direct_conninfo() -> str:
    """Return what leads to PostgreSQL itself, where a pooler stands before it.

    Listening, and locks that last as long as a session, do not go through a pooler.
    """
    return settings.DATABASE_DIRECT_URL or conninfo()


def is_pooled(conn: psycopg.Connection) -> bool:
    """Tell whether another program stands between a connection and PostgreSQL."""
    row = conn.execute("SELECT pg_backend_pid()").fetchone()
    # A pooler makes up the process that it names.
    return row is not None and row[0] != conn.info.backend_pid


async def pool(max_size: int | None = None) -> Pool:
    """Return the running loop's pool; the first call opens it with at most `max_size`."""
    loop = asyncio.get_running_loop()
    found = _pools.get(loop)
    if found is None:
        found = _pools[loop] = _Pool(
            conninfo(),
            min_size=1,
            max_size=max_size or settings.DB_HTTP_POOL_SIZE,
            timeout=settings.DB_CONNECT_SECONDS,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "prepare_threshold": PREPARE_AT if settings.DB_PREPARED_STATEMENTS else None,
            },
            # A longer outage is tried anew by the next request, without the waits grown so far.
            reconnect_timeout=settings.DB_CONNECT_SECONDS,
            configure=_configure,
            name=threading.current_thread().name,
            open=False,
        )
        await found.open()
    return found


async def close_pool() -> None:
    """Close the running loop's pool, if it has one."""
    found = _pools.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


def check_pools() -> None:
    """Have every loop's pool replace what a restart of the database has ended; from any thread."""
    for loop, found in list(_pools.items()):
        if loop.is_running():
            asyncio.run_coroutine_threadsafe(found.check(), loop)


def open_pools() -> list[Pool]:
    """Return the pools of this process, each named for the thread of its loop."""
    return [found for found in list(_pools.values()) if not found.closed]


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """Lend a connection in autocommit mode."""
    async with (await pool()).connection() as conn:
        yield conn


@asynccontextmanager
async def transaction() -> AsyncIterator[Connection]:
    """Lend a connection inside a transaction, committed when the block ends well."""
    async with (await pool()).connection() as conn, conn.transaction():
        yield conn


async def fetch_one(query: Query, params: Params = ()) -> Row | None:
    async with connection() as conn:
        return await (await conn.execute(query, params)).fetchone()


async def fetch_all(query: Query, params: Params = ()) -> list[Row]:
    async with connection() as conn:
        return await (await conn.execute(query, params)).fetchall()


async def execute(query: Query, params: Params = ()) -> int:
    """Run one statement and return how many rows it touched."""
    async with connection() as conn:
        return (await conn.execute(query, params)).rowcount


def jsonb(value: object) -> Jsonb | None:
    """Wrap a value for a JSONB parameter; None is SQL's NULL."""
    return None if value is None else Jsonb(value, dumps=jsoncodec.dumps)


async def _configure(conn: AsyncConnection[Any]) -> None:
    widen(conn)
    # Text results pass JSONB through; the savers and stores of LangGraph ask for binary
    # results, where JSONB arrives parsed.
    set_json_dumps(jsoncodec.dumps, conn)
    set_json_loads(jsoncodec.loads_stored, conn)
    conn.adapters.register_loader("jsonb", _RawJsonLoader)
    conn.adapters.register_dumper(Column, ColumnDumper)
    await conn.execute(SESSION)
