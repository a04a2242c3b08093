from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import environ
import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import PoolTimeout

from common import db
from common.jsoncodec import RawJson


async def test_a_loop_has_one_pool(api: httpx.AsyncClient) -> None:
    first, second = await asyncio.gather(db.pool(), db.pool())

    assert first is second
    assert not first.closed


def test_each_loop_has_its_own_and_closes_it(served: None) -> None:
    async def open_and_close() -> tuple[db.Pool, bool]:
        found = await db.pool(2)
        await db.fetch_one("SELECT 1 AS one")
        await db.close_pool()
        await db.close_pool()
        return found, found.closed

    first, second = asyncio.run(open_and_close()), asyncio.run(open_and_close())

    assert first[0] is not second[0]
    assert first[1]
    assert second[1]


async def test_queries_go_to_the_test_database(api: httpx.AsyncClient) -> None:
    row = await db.fetch_one("SELECT current_database() AS name")

    assert row == {"name": connections["default"].settings_dict["NAME"]}
    assert row["name"].startswith("test_")


async def test_what_is_large_is_sent_in_large_pieces(api: httpx.AsyncClient) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        usual = other.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    async with db.connection() as conn:
        with socket.socket(fileno=os.dup(conn.fileno())) as own:
            assert own.family == socket.AF_UNIX
            assert own.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > usual
        row = await (await conn.execute("SELECT length(%b::bytea)", [b"x" * 10**7])).fetchone()
    assert row == {"length": 10**7}


async def _ended() -> set[int]:
    """Have the server end all connections that the pool can have, and return their processes."""
    size = (await db.pool()).max_size
    async with AsyncExitStack() as held:
        conns = [await held.enter_async_context(db.connection()) for _ in range(size)]
        pids = [conn.info.backend_pid for conn in conns]
    async with await psycopg.AsyncConnection.connect(db.conninfo(), autocommit=True) as killer:
        # All are told, before one is waited for.
        for end in ("pg_terminate_backend(pid)", "pg_terminate_backend(pid, 1000)"):
            await killer.execute(f"SELECT {end} FROM unnest(%s) AS pid", [pids])
    return set(pids)


async def _used_now() -> set[int]:
    """Use as many connections as the pool can have, at once, and return their processes."""
    size = (await db.pool()).max_size
    asked = "SELECT pg_backend_pid() AS pid, pg_sleep(0.2)"
    rows = await asyncio.gather(*(db.fetch_one(asked) for _ in range(size)))
    return {row["pid"] for row in rows if row}


async def _lent_after_the_end(*, breaks: bool) -> set[int]:
    """Return which of the connections that the server has ended are lent by a pool of its own."""
    try:
        gone = await _ended()
        if breaks:
            with pytest.raises(psycopg.OperationalError):
                await db.fetch_one("SELECT 1 AS one")
        else:
            await asyncio.sleep(db.QUIET_SECONDS * 1.1)
        return await _used_now() & gone
    finally:
        await db.close_pool()


@pytest.mark.parametrize("breaks", [False, True], ids=["after a quiet time", "after one broke"])
def test_a_connection_that_the_server_has_ended_is_not_lent(served: None, *, breaks: bool) -> None:
    assert not asyncio.run(_lent_after_the_end(breaks=breaks))


async def test_jsonb_passes_through_as_text(api: httpx.AsyncClient) -> None:
    value = db.jsonb({"a": [1, "☃"], "nul": "\0"})

    row = await db.fetch_one("SELECT %s::jsonb AS value", [value])

    assert row is not None
    assert isinstance(row["value"], RawJson)
    assert row["value"].parse() == {"a": [1, "☃"], "nul": ""}
    assert db.jsonb(None) is None


async def test_a_failed_transaction_leaves_nothing(api: httpx.AsyncClient) -> None:
    async def fail_half_way() -> None:
        async with db.transaction() as tx:
            await tx.execute("CREATE TABLE left_behind (n int)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()

    assert await db.fetch_one("SELECT to_regclass('left_behind')::text AS name") == {"name": None}


async def test_times_are_in_utc(api: httpx.AsyncClient) -> None:
    assert await db.fetch_one("SHOW timezone") == {"TimeZone": "UTC"}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (
            "postgres://ada:p%40ss%2F@db.example:5433/agents",
            {"user": "ada", "password": "p@ss/", "host": "db.example", "port": "5433"},
        ),
        (
            "postgresql://ada@db.example/agents?sslmode=require&application_name=aegra",
            {"sslmode": "require", "application_name": "aegra", "dbname": "agents"},
        ),
        ("postgres://db.example/agents?connect_timeout=3", {"connect_timeout": "3"}),
        ("postgres:////var/run/postgresql/agents", {"host": "/var/run/postgresql"}),
        ("postgres:///agents?host=/tmp/sock", {"host": "/tmp/sock", "dbname": "agents"}),
    ],
)
def test_the_options_of_a_database_url_reach_the_pool(
    monkeypatch: pytest.MonkeyPatch, url: str, parts: dict[str, str]
) -> None:
    named: dict[str, Any] = environ.Env.db_url_config(url)
    blank = {"NAME": "", "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": {}}
    monkeypatch.setattr(connections["default"], "settings_dict", {**blank, **named})

    found = conninfo_to_dict(db.conninfo())

    assert parts.items() <= found.items()
    assert int(found["connect_timeout"] or 0) in (3, settings.DB_CONNECT_SECONDS)


async def _used(seconds: float) -> None:
    async with db.connection():
        await asyncio.sleep(seconds)


async def _waited(held: Sequence[float]) -> BaseException | None:
    await db.pool(max_size=1)
    try:
        *_, last = await asyncio.gather(*map(_used, held), return_exceptions=True)
        return last
    finally:
        await db.close_pool()


@pytest.mark.parametrize("held", [[1.0, 0], [0.15] * 6], ids=["by one", "by many in turn"])
def test_a_pool_that_is_busy_says_so(
    served: None, monkeypatch: pytest.MonkeyPatch, held: list[float]
) -> None:
    monkeypatch.setattr(settings, "DB_CONNECT_SECONDS", 0.4)

    failure = asyncio.run(_waited(held))

    assert isinstance(failure, db.Busy)
    assert "1 connections" in str(failure)


def test_a_database_that_is_away_is_not_busy(served: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DB_CONNECT_SECONDS", 0.4)
    monkeypatch.setattr(db, "conninfo", lambda: "host=127.0.0.1 port=1 connect_timeout=1")

    failure = asyncio.run(_waited([0]))

    assert isinstance(failure, PoolTimeout)
    assert not isinstance(failure, db.Busy)


async def test_a_request_to_a_busy_pool_is_told_what_to_do(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await db.pool()
    monkeypatch.setattr(pool, "timeout", 0.3)

    async with AsyncExitStack() as held:
        for _ in range(pool.max_size):
            await held.enter_async_context(db.connection())
        answers = [await api.get(path) for path in (f"/threads/{uuid4()}", "/ok?check_db=1")]

    for answer in answers:
        assert answer.status_code == 503
        assert "DB_HTTP_POOL_SIZE" in answer.json()["detail"]
    assert (await api.get("/ok?check_db=1")).status_code == 200
