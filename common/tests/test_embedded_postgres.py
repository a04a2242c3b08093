from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from common.embedded_postgres import (
    EmbeddedPostgresError,
    acquire,
    connection_settings,
    running,
)
from common.tests.holding import answers, ask, held, holder, let_go
from common.tests.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "cluster" / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that has ended may wait for its parent to notice."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_data_outlives_the_server(data_dir: Path) -> None:
    with running(data_dir):
        ask(data_dir, "CREATE TABLE kept AS SELECT 7 AS number")

    with running(data_dir):
        assert ask(data_dir, "SELECT number FROM kept") == 7


def test_semantic_search_is_on_board(data_dir: Path) -> None:
    with running(data_dir):
        ask(data_dir, "CREATE EXTENSION vector")

        assert ask(data_dir, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1


def test_the_last_one_out_stops_the_server(data_dir: Path) -> None:
    with holder(data_dir) as first, holder(data_dir) as second:
        held(first)
        held(second)
        pid = postmaster(data_dir)

        let_go(first)
        assert ask(data_dir, "SELECT 1") == 1

        let_go(second)
        assert not is_running(pid)


def test_a_release_is_counted_once(data_dir: Path) -> None:
    first, second = acquire(data_dir), acquire(data_dir)

    first.release()
    first.release()

    assert ask(data_dir, "SELECT 1") == 1
    second.release()


def test_ten_processes_start_one_server(data_dir: Path) -> None:
    with ExitStack() as stack:
        holders = [stack.enter_context(holder(data_dir)) for _ in range(10)]
        for process in holders:
            held(process)

        log = (data_dir / "postgres.log").read_text()
        assert log.count("ready to accept connections") == 1

        for process in holders:
            let_go(process)


def test_the_server_of_a_killed_owner_is_adopted(data_dir: Path) -> None:
    with holder(data_dir) as owner:
        held(owner)
        pid = postmaster(data_dir)
        owner.kill()

    with running(data_dir):
        assert postmaster(data_dir) == pid

    assert not is_running(pid)


def test_a_killed_server_starts_again_with_its_data(data_dir: Path) -> None:
    with holder(data_dir) as owner:
        held(owner)
        ask(data_dir, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(postmaster(data_dir), signal.SIGKILL)

        with running(data_dir):
            assert ask(data_dir, "SELECT number FROM kept") == 7

        # The owner still counts: it is the last one out.
        assert ask(data_dir, "SELECT 1") == 1
        let_go(owner)


def test_a_killed_server_is_started_again_by_those_who_use_it(data_dir: Path) -> None:
    with running(data_dir):
        pid = postmaster(data_dir)
        os.kill(pid, signal.SIGKILL)

        wait_until(lambda: answers(data_dir))

        assert postmaster(data_dir) != pid


def test_after_everything_was_killed_the_data_is_there(data_dir: Path) -> None:
    with holder(data_dir) as owner:
        held(owner)
        ask(data_dir, "CREATE TABLE kept AS SELECT 7 AS number")
        for pid in (owner.pid, postmaster(data_dir)):
            os.kill(pid, signal.SIGKILL)

    with running(data_dir):
        assert ask(data_dir, "SELECT number FROM kept") == 7


def test_a_number_of_another_process_is_not_taken_for_the_server(data_dir: Path) -> None:
    with running(data_dir):
        pass
    (data_dir / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    with running(data_dir):
        assert postmaster(data_dir) != os.getpid()


def test_sessions_do_not_hold_up_a_stop(data_dir: Path) -> None:
    with running(data_dir):
        place = connection_settings(data_dir)
        left_open = psycopg.connect(
            dbname=place["NAME"], user=place["USER"], host=place["HOST"], port=place["PORT"]
        )

    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()


def test_a_half_made_cluster_is_made_again(data_dir: Path) -> None:
    with holder(data_dir) as owner:
        wait_until(lambda: any(data_dir.glob("cluster.*/base")))
        os.killpg(owner.pid, signal.SIGKILL)

    with running(data_dir):
        assert ask(data_dir, "SELECT 1") == 1

    assert not list(data_dir.glob("cluster.*"))


def test_a_cluster_of_another_major_is_refused_and_left_alone(data_dir: Path) -> None:
    cluster = data_dir / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 16.*upgradedb.*DATABASE_URL"):
        acquire(data_dir)

    assert [file.name for file in cluster.iterdir()] == ["PG_VERSION"]
