"""The embedded cluster moved to the PostgreSQL that is in use: dumped, restored, compared, swapped.

Everything new is made in `upgrade/`, beside the cluster, which is only read until the new one is
known to hold the same. Then both are renamed. Killed before that, it is begun anew; killed between
the renames, they are ended: the mark `upgrade/verified` tells the two apart.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from common.embedded_postgres import socket_dir
from common.postgres_server import (
    MAJOR,
    PORT,
    UPGRADE,
    USER,
    EmbeddedPostgresError,
    PostgresServer,
    major_of,
    program,
)
from common.stopping import uninterrupted

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
SEQUENCES = "SELECT schemaname, sequencename, coalesce(last_value, 0) FROM pg_sequences"
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"

Contents = dict[tuple[str, str, str, str], int]
"""By database, kind, schema and name: the rows of a `table`, the last value of a `sequence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """A cluster that has been moved."""

    major: str
    """The PostgreSQL that made the old one."""

    kept: Path
    """Where the old cluster and the dump are, until somebody deletes them."""


def upgrade(data_dir: Path, tell: Callable[[str], None]) -> Upgraded | None:
    """Move the cluster in `data_dir` to the PostgreSQL in use; None when it is there already.

    `tell` is given a line for each step. Takes as long as a dump and a restore, and twice the
    space. Raises EmbeddedPostgresError; the old cluster then stands where it was.
    """
    data_dir = data_dir.resolve()
    cluster, work = data_dir / "cluster", data_dir / UPGRADE
    if not data_dir.is_dir():
        raise EmbeddedPostgresError(f"There is no database in {data_dir}: nothing to upgrade.")
    with _alone(data_dir):
        major = major_of(cluster)
        if major in (None, MAJOR) and (work / "verified").exists():
            tell("Ending the upgrade that was stopped.")
            return _put_in_place(data_dir)
        if major == MAJOR:
            shutil.rmtree(work, ignore_errors=True)
            return None
        _refuse_hopeless(data_dir, major)
        assert major is not None
        _make_successor(data_dir, major, tell)
        return _put_in_place(data_dir)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Keep every server away from the data directory, for the length of a block."""
    with (
        PostgresServer(data_dir, socket_dir(data_dir)).turn(),
        (data_dir / "users.lock").open("ab") as users,
    ):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise EmbeddedPostgresError(
                f"A server is running on {data_dir}: stop it, then upgrade. Nothing was changed."
            ) from exc
        yield


def _refuse_hopeless(data_dir: Path, major: str | None) -> None:
    if major is None:
        raise EmbeddedPostgresError(f"There is no database in {data_dir}: nothing to upgrade.")
    if not major.isdecimal() or int(major) > int(MAJOR):
        raise EmbeddedPostgresError(
            f"{data_dir} was made by PostgreSQL {major}, and this server brings {MAJOR}: there is "
            "no way back. Use the version of this server that made it."
        )
    for version in (major, MAJOR):
        program("postgres", version)
    kept = _kept(data_dir, major)
    if kept.exists() and any(kept.iterdir()):
        raise EmbeddedPostgresError(
            f"{kept} is there from an earlier upgrade: move it away or delete it, then upgrade. "
            "Nothing was changed."
        )
    needed = sum(file.lstat().st_size for file in (data_dir / "cluster").rglob("*"))
    free = shutil.disk_usage(data_dir).free
    if free < needed:
        raise EmbeddedPostgresError(
            f"The disk of {data_dir} has {free >> 20} MiB free, and an upgrade needs about "
            f"{needed >> 20} MiB. Nothing was changed."
        )


def _make_successor(data_dir: Path, major: str, tell: Callable[[str], None]) -> None:
    """Make the new cluster in `upgrade/`, and mark it when it holds what the old one holds."""
    work = data_dir / UPGRADE
    # Sockets of their own: nobody else finds a server while it is dumped.
    old_socket, new_socket = socket_dir(_kept(data_dir, major)), socket_dir(work)
    old, new = PostgresServer(data_dir, old_socket, major), PostgresServer(work, new_socket)
    # Servers whose owner was killed: the embedded one, or those of an upgrade.
    for left_over in (PostgresServer(data_dir, socket_dir(data_dir), major), old, new):
        left_over.stop()
    shutil.rmtree(work, ignore_errors=True)
    try:
        # As private as the cluster: the dump is all of it, readable.
        work.mkdir(mode=0o700)
        (work / "dump").mkdir(mode=0o700)
        with _running(old):
            tell(f"Dumping the databases of PostgreSQL {major} …")
            names = _dump(old_socket, work / "dump")
            held = _contents(old_socket)
        new.make()
        with _running(new):
            tell(f"Restoring them into PostgreSQL {MAJOR} …")
            _restore(new_socket, work / "dump", names)
            _compare(held, _contents(new_socket))
        _mark(work, major)
    except (OSError, psycopg.Error, EmbeddedPostgresError) as exc:
        raise EmbeddedPostgresError(
            f"The upgrade failed, and {data_dir} is PostgreSQL {major}'s as before: "
            f"{' '.join(str(exc).split())}"
        ) from exc
    finally:
        if not (work / "verified").exists():
            with uninterrupted():
                shutil.rmtree(work, ignore_errors=True)
    rows = sum(number for (_, kind, _, _), number in held.items() if kind == "table")
    tell(f"Compared: {len(held)} tables and sequences, {rows} rows, are the same.")


@contextmanager
def _running(server: PostgresServer) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        with uninterrupted():
            server.stop()


def _dump(socket: Path, dump: Path) -> list[str]:
    """Write roles and databases into the folder `dump`; return the names of the databases."""
    _run("pg_dumpall", socket, "--globals-only", f"--file={dump / 'globals.sql'}")
    with _connected(socket, "postgres") as conn:
        names = [str(name) for (name,) in conn.execute(DATABASES)]
    for number, name in enumerate(names):
        file = f"--file={dump / f'{number}.dump'}"
        _run("pg_dump", socket, "--format=custom", "--create", file, f"--dbname={_named(name)}")
    return names


def _restore(socket: Path, dump: Path, names: list[str]) -> None:
    made = f"CREATE ROLE {USER};\n"
    roles = (dump / "globals.sql").read_text().replace(made, "", 1)
    _run("psql", socket, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "postgres", given=roles)
    for number, name in enumerate(names):
        # The new cluster has these two databases already: each is made again as it was.
        arguments = ["--clean", "--if-exists", "--create", "--exit-on-error", "--dbname=template1"]
        _run("pg_restore", socket, *arguments, str(dump / f"{number}.dump"))
        with _connected(socket, name) as conn:
            conn.execute("ANALYZE")


def _run(name: str, socket: Path, *arguments: str, given: str = "") -> None:
    place = [f"--host={socket}", f"--port={PORT}", f"--username={USER}", "--no-password"]
    done = subprocess.run(  # noqa: S603
        [program(name), *place, *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"{name} ended with {done.returncode}: {done.stderr[-1000:]}")


def _contents(socket: Path) -> Contents:
    """Count what every database holds: reads each table once."""
    found: Contents = {}
    with _connected(socket, "postgres") as conn:
        names = [name for (name,) in conn.execute(DATABASES)]
    for name in names:
        with _connected(socket, name) as conn:
            for schema, table in conn.execute(TABLES).fetchall():
                rows = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
                [[found[name, "table", schema, table]]] = conn.execute(rows).fetchall()
            for schema, sequence, last in conn.execute(SEQUENCES):
                found[name, "sequence", schema, sequence] = last
    return found


def _compare(held: Contents, found: Contents) -> None:
    different = [key for key in held | found if held.get(key) != found.get(key)]
    if different:
        told = ", ".join(
            f"{kind} {schema}.{name} of {database}: {held.get(key)} → {found.get(key)}"
            for key in different[:3]
            for database, kind, schema, name in [key]
        )
        raise EmbeddedPostgresError(f"{len(different)} tables differ after the restore ({told}).")


def _connected(socket: Path, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(host=str(socket), port=PORT, user=USER, dbname=database, autocommit=True)


def _named(database: str) -> str:
    """Return a connection string: a name with `=` in it would be taken for one."""
    return make_conninfo(dbname=database)


def _mark(work: Path, major: str) -> None:
    with (work / "verified").open("w") as file:
        file.write(major)
        file.flush()
        os.fsync(file.fileno())
    _sync(work)


def _put_in_place(data_dir: Path) -> Upgraded:
    """Swap the clusters; begun again after a kill, it goes on where it was."""
    cluster, work = data_dir / "cluster", data_dir / UPGRADE
    major = (work / "verified").read_text()
    kept = _kept(data_dir, major)
    kept.mkdir(mode=0o700, exist_ok=True)
    if (work / "cluster").exists():
        if cluster.exists():
            _rename(cluster, kept / "cluster")
        _rename(work / "cluster", cluster)
    if (work / "dump").exists():
        _rename(work / "dump", kept / "dump")
    shutil.rmtree(work)
    return Upgraded(major=major, kept=kept)


def _kept(data_dir: Path, major: str) -> Path:
    return data_dir / f"postgresql-{major}"


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    _sync(target.parent)
    _sync(source.parent)


def _sync(directory: Path) -> None:
    """Have what was renamed in a directory outlive the loss of power."""
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
