"""Databases in shape, for servers whose first start is not what a test is about."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import psycopg
from psycopg import sql

from common.tests.servers import manage


def prepare(place: Path) -> Path:
    """Give the server of `place` an embedded PostgreSQL as a first start leaves it.

    It is a copy of what `startup` has made once for all tests of this process.
    """
    shutil.copytree(_made() / "data", place / "data")
    return place


@cache
def _made() -> Path:
    place = Path(mkdtemp(prefix="prepared"))
    atexit.register(shutil.rmtree, place)
    _start_up(place)
    return place


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Make a database in shape on a PostgreSQL server, and drop it afterwards."""
    template = _template(server_url)
    name = f"tests_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        _make(connection, name, template)
        yield _url(server_url, name)
        _drop(connection, name)


@cache
def _template(server_url: str) -> str:
    name = f"tests_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        _make(connection, name, "template1")
    atexit.register(_forget, server_url, name)
    place = Path(mkdtemp(prefix="prepared"))
    _start_up(place, DATABASE_URL=_url(server_url, name))
    shutil.rmtree(place)
    return name


def _forget(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        _drop(connection, name)


def _make(connection: psycopg.Connection, name: str, template: str) -> None:
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    statement = sql.SQL("CREATE DATABASE {name} TEMPLATE {template}")
    connection.execute(statement.format(**names))


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(server_url: str, name: str) -> str:
    return f"{server_url.rpartition('/')[0]}/{name}"


def _start_up(place: Path, **env: str) -> None:
    done = manage(place, "startup", **env)
    assert done.returncode == 0, done.stderr
