from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from common.embedded_postgres import running, socket_dir
from common.tests.processes import ROOT, ordinary_python
from common.tests.projects import write_project
from common.tests.servers import environment, manage, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
# Nobody listens on port 1.
UNREACHABLE = "postgres://postgres@127.0.0.1:1/any"
COMMANDS = pytest.mark.parametrize(
    "command", [("startup",), ("serve", "--port=0"), ("runserver", "8999")]
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(tmp_path):
        yield tmp_path


@pytest.fixture
def database() -> Iterator[str]:
    """Make an empty database on the PostgreSQL of this machine, and return its URL."""
    name = f"aegra_startup_{os.getpid()}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL at {POSTGRES}")
    with server:
        server.execute(f"CREATE DATABASE {name}".encode())
        yield f"{POSTGRES.rpartition('/')[0]}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def all_at_once(place: Path, *, count: int, **env: str) -> list[tuple[int, str]]:
    """Run `startup` in many processes at once; return how each ended and what it told."""
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "startup"],
            cwd=ROOT,
            env=environment(place, **env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(count)
    ]
    told = [process.communicate(timeout=110)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


def test_startup_can_be_repeated(place: Path) -> None:
    for _ in range(2):
        done = manage(place, "startup")

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "The database is ready.\n"


def test_ten_processes_start_at_once_on_an_embedded_database(place: Path) -> None:
    assert all_at_once(place, count=10) == [(0, "The database is ready.\n")] * 10


def test_ten_processes_start_at_once_on_one_empty_database(place: Path, database: str) -> None:
    done = all_at_once(place, count=10, DATABASE_URL=database)

    assert done == [(0, "The database is ready.\n")] * 10


def test_an_ordinary_user_starts_it_too(place: Path) -> None:
    if not (python := ordinary_python()):
        pytest.skip("not root, or no Python that an ordinary user can run")
    place.chmod(0o777)
    for parent in place.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)

    done = subprocess.run(
        [*python, "manage.py", "startup"],
        cwd=ROOT,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@COMMANDS
def test_an_unreachable_database_is_told_in_one_line(place: Path, command: list[str]) -> None:
    line = the_line_of(manage(place, *command, DATABASE_URL=UNREACHABLE))

    assert "PostgreSQL cannot be reached" in line
    assert "port 1" in line
    assert "DATABASE_URL" in line


def test_a_wrong_password_is_told_in_one_line(place: Path) -> None:
    data = place / "asking" / "postgres"
    with running(data):
        with psycopg.connect(f"host={socket_dir(data)} user=aegra dbname=aegra") as server:
            server.execute("ALTER ROLE aegra PASSWORD 'right'")
            (data / "cluster" / "pg_hba.conf").write_text("local all all scram-sha-256\n")
            server.execute("SELECT pg_reload_conf()")
        url = f"postgres://aegra:{{}}@/aegra?host={socket_dir(data)}"

        line = the_line_of(manage(place, "startup", DATABASE_URL=url.format("wrong")))

        assert 'password authentication failed for user "aegra"' in line
        assert "wrong" not in line
        assert manage(place, "startup", DATABASE_URL=url.format("right")).returncode == 0


def test_a_server_without_tls_is_told_of_in_one_line(place: Path, database: str) -> None:
    line = the_line_of(manage(place, "startup", DATABASE_URL=f"{database}?sslmode=require"))

    assert "does not support SSL" in line


def test_an_unknown_option_of_the_url_is_told_in_one_line(place: Path, database: str) -> None:
    line = the_line_of(manage(place, "startup", DATABASE_URL=f"{database}?colour=blue"))

    assert "colour" in line


def test_a_role_that_may_not_make_tables_is_told_in_one_line(place: Path, database: str) -> None:
    role = f"reader_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as server:
        server.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        url = database.replace("postgres@", f"{role}@")

        line = the_line_of(manage(place, "startup", DATABASE_URL=url))

        assert "permission denied" in line
    finally:
        with psycopg.connect(database, autocommit=True) as server:
            server.execute(f"DROP ROLE {role}".encode())


@COMMANDS
def test_missing_migrations_are_told_in_one_line(place: Path, command: list[str]) -> None:
    line = the_line_of(manage(place, *command, AUTO_MIGRATE="false"))

    assert "migrations are missing" in line
    assert "AUTO_MIGRATE=true manage.py startup" in line


def test_missing_tables_of_langgraph_are_told_in_one_line(place: Path) -> None:
    assert manage(place, "migrate").returncode == 0

    line = the_line_of(manage(place, "startup", AUTO_MIGRATE="false"))

    assert "LangGraph's tables" in line
    assert "AUTO_MIGRATE=true manage.py startup" in line


def test_a_prepared_database_needs_no_migrations(place: Path) -> None:
    assert manage(place, "startup").returncode == 0

    assert manage(place, "startup", AUTO_MIGRATE="false").returncode == 0


@COMMANDS
def test_a_data_directory_of_another_major_is_told_of(place: Path, command: list[str]) -> None:
    cluster = place / "data" / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")

    line = the_line_of(manage(place, *command))

    assert "PostgreSQL 16" in line
    assert "manage.py upgradedb" in line


@pytest.mark.parametrize("command", ["startup", "serve"])
def test_a_broken_graph_is_told_with_file_symbol_and_cause(place: Path, command: str) -> None:
    config = write_project(
        place / "project", {"agent.py": "graph = 1 / 0\n"}, graphs={"agent": "./agent.py:graph"}
    )

    line = the_line_of(manage(place, command, AEGRA_CONFIG=str(config)))

    assert "./agent.py:graph" in line
    assert "ZeroDivisionError: division by zero" in line
    assert "agent.py:1)" in line


def test_a_graph_that_is_not_there_is_told_by_its_symbol(place: Path) -> None:
    config = write_project(
        place / "project", {"agent.py": "other = 1\n"}, graphs={"agent": "./agent.py:graph"}
    )

    line = the_line_of(manage(place, "startup", AEGRA_CONFIG=str(config)))

    assert "agent.py has no `graph`; it has other" in line


@COMMANDS
def test_a_missing_project_file_is_told_in_one_line(place: Path, command: list[str]) -> None:
    if command[0] == "runserver":
        command = [*command, "--noreload"]

    line = the_line_of(manage(place, *command, AEGRA_CONFIG=str(place / "none.json")))

    assert "none.json" in line
    assert "does not exist" in line


def test_unknown_keys_of_the_project_file_are_named(place: Path) -> None:
    config = write_project(
        place / "project", {}, graphs={"agent": f"{ROOT}/tests/graphs/chat.py:agent"}, grahps={}
    )

    done = manage(place, "startup", AEGRA_CONFIG=str(config))

    assert done.returncode == 0
    assert "unknown keys in langgraph.json are ignored: grahps" in done.stderr


def test_wrong_settings_are_told_a_line_each(place: Path) -> None:
    done = manage(place, "startup", ENGINE_SLOTS="abc", RUN_LEASE_SECONDS="0")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "CommandError: ENGINE_SLOTS='abc' is not a whole number. (aegra.E001)",
        "RUN_LEASE_SECONDS=0 must be more than 0. (aegra.E002)",
    ]


def test_an_unknown_variable_is_warned_of(place: Path) -> None:
    done = manage(place, "startup", AEGRA_PROT="8001")

    assert done.returncode == 0
    assert "AEGRA_PROT (did you mean AEGRA_PORT?)" in done.stderr


def test_commands_bring_their_database_along(place: Path) -> None:
    assert manage(place, "migrate").returncode == 0

    shown = manage(place, "showmigrations", "runs")

    assert "[X] 0001_initial" in shown.stdout


def test_a_command_without_its_database_says_so_in_one_line(place: Path) -> None:
    assert "port 1" in the_line_of(manage(place, "migrate", DATABASE_URL=UNREACHABLE))


@COMMANDS
def test_a_data_directory_that_cannot_be_written_is_told_of(
    place: Path, command: list[str]
) -> None:
    (place / "file").write_text("")

    line = the_line_of(manage(place, *command, AEGRA_DATA_DIR=str(place / "file" / "data")))

    assert f"AEGRA_DATA_DIR={place / 'file' / 'data'} cannot be written: Not a directory" in line
