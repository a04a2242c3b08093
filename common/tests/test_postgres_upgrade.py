from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from common.embedded_postgres import EmbeddedPostgresError, acquire, running, socket_dir
from common.postgres_server import MAJOR, PostgresServer, major_of, program
from common.postgres_upgrade import upgrade
from common.tests.old_clusters import OLD_MAJOR, asked, make_old_cluster, old_server
from common.tests.processes import nothing_left, spawned, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
UPGRADE = """
import resource, sys
from pathlib import Path
from common.postgres_upgrade import EmbeddedPostgresError, upgrade
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    upgrade(Path(sys.argv[1]), print)
except EmbeddedPostgresError as exc:
    sys.exit(str(exc))
"""
ODD = 'odd = "name"'
CONTENTS = (
    "CREATE TABLE note (id serial PRIMARY KEY, body jsonb)",
    """INSERT INTO note (body) SELECT '{"ä": "€"}' FROM generate_series(1, 1000)""",
    "DELETE FROM note WHERE id % 10 = 0",
    "CREATE TABLE part (id int REFERENCES note ON DELETE CASCADE) PARTITION BY RANGE (id)",
    "CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (1000)",
    "INSERT INTO part VALUES (1), (2)",
    "CREATE EXTENSION vector",
    "CREATE TABLE meaning (embedding vector(3))",
    "INSERT INTO meaning VALUES ('[1,2,3]')",
    "SELECT lo_from_bytea(4711, 'large')",
    "CREATE ROLE reader LOGIN PASSWORD 'secret'",
    "GRANT SELECT ON note TO reader",
    "ALTER DATABASE aegra SET work_mem = '9MB'",
    f"""CREATE DATABASE "{ODD.replace('"', '""')}" """,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a cluster of the older PostgreSQL with something of each kind in it."""
    place = tmp_path_factory.mktemp("old") / "postgres"
    make_old_cluster(place)
    with old_server(place) as socket:
        asked(socket, *CONTENTS)
        asked(socket, "CREATE TABLE here AS SELECT 1 AS one", database=ODD)
    return place


@pytest.fixture(scope="module")
def moved(made: Path) -> Path:
    """Give what that cluster has become."""
    place = made.with_name("moved")
    shutil.copytree(made, place)
    upgrade(place, nobody)
    return place


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a data directory with that cluster, and fail when something of it keeps running."""
    place = tmp_path / "postgres"
    shutil.copytree(made, place)
    with nothing_left(place):
        yield place


def nobody(_line: str) -> None:
    """Hear nothing."""


def upgrading(
    data_dir: Path, largest_file: int = resource.RLIM_INFINITY
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Upgrade in a process of its own, which may be forbidden to write files beyond a size."""
    return spawned(["-c", UPGRADE, str(data_dir), str(largest_file)], env=os.environ)


def check_old(data_dir: Path) -> None:
    """Fail unless the old cluster is whole, and in its place alone."""
    assert {entry.name for entry in data_dir.iterdir() if entry.is_dir()} == {"cluster"}
    with old_server(data_dir) as socket:
        assert asked(socket, "SELECT count(*), max(id) FROM note") == [(900, 999)]


def check_new(data_dir: Path) -> None:
    """Fail unless the new cluster holds all that the old one held, and the old one is kept."""
    assert major_of(data_dir / "cluster") == MAJOR
    assert major_of(data_dir / f"postgresql-{OLD_MAJOR}" / "cluster") == OLD_MAJOR
    assert (data_dir / f"postgresql-{OLD_MAJOR}" / "dump" / "0.dump").stat().st_size > 0
    assert not (data_dir / "upgrade").exists()
    with running(data_dir):
        assert asked(socket_dir(data_dir), "SELECT count(*), max(id) FROM note") == [(900, 999)]


def test_everything_is_moved(data_dir: Path) -> None:
    done = upgrade(data_dir, nobody)

    assert done is not None
    assert done.major == OLD_MAJOR
    check_new(data_dir)
    with running(data_dir):
        ask = partial(asked, socket_dir(data_dir))
        assert ask("SELECT body ->> 'ä' FROM note LIMIT 1") == [("€",)]
        assert ask("INSERT INTO note (body) VALUES ('1') RETURNING id") == [(1001,)]
        assert ask("DELETE FROM note WHERE id = 1", "SELECT id FROM part_low") == [(2,)]
        assert ask("SELECT embedding <-> '[1,2,4]' FROM meaning") == [(1.0,)]
        assert ask("SELECT convert_from(lo_get(4711), 'UTF8')") == [("large",)]
        assert ask("SHOW work_mem") == [("9MB",)]
        assert ask("SET ROLE reader", "SELECT count(*) FROM note") == [(900,)]
        assert ask("SELECT one FROM here", database=ODD) == [(1,)]


def test_nobody_else_can_read_what_is_kept(data_dir: Path) -> None:
    upgrade(data_dir, nobody)

    kept = data_dir / f"postgresql-{OLD_MAJOR}"
    assert [place.stat().st_mode & 0o077 for place in (kept, kept / "dump")] == [0, 0]


def test_what_was_moved_is_not_moved_again(data_dir: Path) -> None:
    upgrade(data_dir, nobody)

    assert upgrade(data_dir, nobody) is None

    check_new(data_dir)


@pytest.mark.parametrize("place", ["upgrade/dump/0.dump", "upgrade/cluster/PG_VERSION"])
def test_killed_while_the_new_cluster_is_made_it_is_begun_anew(data_dir: Path, place: str) -> None:
    with upgrading(data_dir) as process:
        wait_until((data_dir / place).exists, seconds=60)
        os.killpg(process.pid, signal.SIGKILL)
    assert major_of(data_dir / "cluster") == OLD_MAJOR

    upgrade(data_dir, nobody)

    check_new(data_dir)


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_killed_between_the_renames_it_is_ended(data_dir: Path, moved: Path, renames: int) -> None:
    stop_after(renames, moved, data_dir)

    upgrade(data_dir, nobody)

    check_new(data_dir)


def test_killed_between_the_renames_no_server_makes_an_empty_database(
    data_dir: Path, moved: Path
) -> None:
    stop_after(1, moved, data_dir)

    with pytest.raises(EmbeddedPostgresError, match=r"nothing is lost.*manage\.py upgradedb"):
        acquire(data_dir)

    upgrade(data_dir, nobody)
    check_new(data_dir)


def test_a_server_that_was_left_running_is_stopped_first(data_dir: Path) -> None:
    left = PostgresServer(data_dir, socket_dir(data_dir), OLD_MAJOR)
    left.start()
    asked(
        socket_dir(data_dir),
        "INSERT INTO note (body) VALUES ('0')",
        "DELETE FROM note WHERE id = 1001",
    )

    upgrade(data_dir, nobody)

    assert left.pid() is None
    check_new(data_dir)


def test_ctrl_c_leaves_the_old_cluster_and_nothing_else(data_dir: Path) -> None:
    with upgrading(data_dir) as process:
        wait_until((data_dir / "upgrade" / "cluster").exists, seconds=60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    check_old(data_dir)


@pytest.mark.parametrize(
    ("rows", "failing"), [("random", "pg_dump ended"), ("zeros", "pg_restore ended")]
)
def test_a_full_disk_leaves_the_old_cluster(data_dir: Path, rows: str, failing: str) -> None:
    fill(data_dir, rows)

    with upgrading(data_dir, largest_file=20 << 20) as process:
        _, told = process.communicate(timeout=90)

    assert process.returncode == 1
    assert failing in told
    assert f"is PostgreSQL {OLD_MAJOR}'s as before" in told
    check_old(data_dir)


def test_a_restore_that_lost_rows_is_not_put_into_place(data_dir: Path) -> None:
    # In place of the dump of everything is put one of the tables without their rows.
    def swap(line: str) -> None:
        dumped = data_dir / "upgrade" / "dump"
        if line.startswith("Restoring"):
            shutil.copy(empty, dumped / "0.dump")

    empty = data_dir / "empty.dump"
    with old_server(data_dir) as socket:
        dump_definitions(socket, empty)

    with pytest.raises(EmbeddedPostgresError, match=r"table public\.note of aegra: 900 → 0"):
        upgrade(data_dir, swap)

    check_old(data_dir)


def stop_after(renames: int, moved: Path, data_dir: Path) -> None:
    """Leave what an upgrade leaves that is killed after so many renames."""
    shutil.rmtree(data_dir)
    shutil.copytree(moved, data_dir)
    kept, work = data_dir / f"postgresql-{OLD_MAJOR}", data_dir / "upgrade"
    work.mkdir()
    (work / "verified").write_text(OLD_MAJOR)
    undo = [
        (kept / "dump", work / "dump"),
        (data_dir / "cluster", work / "cluster"),
        (kept / "cluster", data_dir / "cluster"),
    ]
    for source, target in undo[: 3 - renames]:
        source.rename(target)


def fill(data_dir: Path, rows: str) -> None:
    """Add four tables of 6 MB that a dump cannot shorten, or one of 30 MB that it can."""
    random = "string_agg(uuid_send(gen_random_uuid()), '') FROM generate_series(1, 400000) n"
    zeros = "repeat('0', 1500) FROM generate_series(1, 20000) n"
    with old_server(data_dir) as socket:
        for number in range(4 if rows == "random" else 1):
            body = f"{random} GROUP BY n / 100" if rows == "random" else zeros
            asked(socket, f"CREATE TABLE filler_{number} AS SELECT {body}")
        # Then nothing is left for the next server to write into those tables.
        asked(socket, "VACUUM FREEZE", "CHECKPOINT")


def dump_definitions(socket: Path, file: Path) -> None:
    """Dump the database `aegra` without its rows."""
    place = [f"--host={socket}", "--username=aegra", "--dbname=aegra"]
    options = ["--schema-only", "--create", "--format=custom", f"--file={file}"]
    subprocess.run([program("pg_dump"), *place, *options], check=True)
