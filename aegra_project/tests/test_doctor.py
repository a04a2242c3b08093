from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.jsoncodec import Json
from common.tests.processes import ROOT
from common.tests.projects import write_project
from common.tests.servers import environment, free_port, manage, serving, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")

GOOD = """
    from langgraph.graph import START, StateGraph

    def step(state: dict) -> dict:
        return state

    graph = StateGraph(dict).add_node("step", step).add_edge(START, "step")
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(tmp_path):
        yield tmp_path


@pytest.fixture
def project(tmp_path: Path) -> str:
    graphs: dict[str, Json] = {"good": "./agent.py:graph"}
    return str(write_project(tmp_path / "project", {"agent.py": GOOD}, graphs=graphs))


def doctor(place: Path, **env: str) -> tuple[int, list[str]]:
    """Return the exit status of `doctor` and its lines; it never ends with a traceback."""
    env.setdefault("AEGRA_PORT", str(free_port()))
    done = manage(place, "doctor", **env)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def told(lines: list[str], level: str, subject: str) -> str:
    """Return the one line of a level about a subject."""
    [line] = [line for line in lines if line.startswith(f"{level:8} {subject}: ")]
    return line


def levels(lines: list[str]) -> set[str]:
    return {line.split()[0] for line in lines[: lines.index("")]}


def test_before_the_first_start_nothing_is_wrong_and_no_database_is_made(
    place: Path, project: str
) -> None:
    status, lines = doctor(place, AEGRA_CONFIG=project)

    assert (status, levels(lines)) == (0, {"ok"})
    assert "None yet" in told(lines, "ok", "database")
    assert "good: ./agent.py:graph" in told(lines, "ok", "graph")
    assert not (place / "data" / "postgres").exists()


def test_after_a_start_the_database_is_looked_into(place: Path, project: str) -> None:
    assert manage(place, "startup", AEGRA_CONFIG=project).returncode == 0

    status, lines = doctor(place, AEGRA_CONFIG=project)

    assert (status, levels(lines)) == (0, {"ok"})
    assert "PostgreSQL 18" in told(lines, "ok", "database")
    assert "of this version" in told(lines, "ok", "migrations")
    assert told(lines, "ok", "pgvector")


def test_a_running_server_is_known_and_not_disturbed(place: Path, project: str) -> None:
    port = str(free_port())
    with serving(place, AEGRA_CONFIG=project, AEGRA_PORT=port) as server:
        status, lines = doctor(place, AEGRA_CONFIG=project, AEGRA_PORT=port)

        assert (status, levels(lines)) == (0, {"ok"})
        assert "A server of version" in told(lines, "ok", "address")
        assert server.is_up()


def test_when_everything_is_broken_each_thing_has_a_line(place: Path) -> None:
    (place / "file").write_text("")

    status, lines = doctor(
        place,
        AEGRA_DATA_DIR=str(place / "file" / "data"),
        AEGRA_CONFIG=str(place / "none.json"),
        AEGRA_HOST="0.0.0.0",
        AEGRA_PROT="1",
        DATABASE_URL="nonsense",
        LOG_LEVEL="LOUD",
    )

    assert status == 1
    broken = {line[9:].partition(":")[0] for line in lines if line.startswith("problem")}
    assert broken == {"settings", "data directory", "database", "project", "access"}
    assert "did you mean AEGRA_PORT" in told(lines, "warning", "settings")
    assert lines[-1].endswith("problems.")


def test_a_broken_graph_and_useless_keys_are_told(place: Path) -> None:
    graphs: dict[str, Json] = {"good": "./agent.py:graph", "bad": "./agent.py:none"}
    config = write_project(place / "p", {"agent.py": GOOD}, graphs=graphs, colour=1)

    status, lines = doctor(place, AEGRA_CONFIG=str(config))

    assert status == 1
    assert "Graph `bad`: ./agent.py:none: " in told(lines, "problem", "graph")
    assert told(lines, "ok", "graph")
    assert "colour" in told(lines, "warning", "project")


def test_an_unreachable_database_is_told(place: Path, project: str) -> None:
    url = f"postgres://me@127.0.0.1:{free_port()}/agents"

    status, lines = doctor(place, AEGRA_CONFIG=project, DATABASE_URL=url)

    assert status == 1
    assert "Check DATABASE_URL" in told(lines, "problem", "database")


@pytest.mark.parametrize(("auto", "level"), [("true", "warning"), ("false", "problem")])
def test_missing_tables_are_told(place: Path, project: str, auto: str, level: str) -> None:
    assert manage(place, "migrate", "threads", "zero").returncode == 0

    status, lines = doctor(place, AEGRA_CONFIG=project, AUTO_MIGRATE=auto)

    assert "are missing, such as " in told(lines, level, "migrations")
    assert status == (level == "problem")


def test_a_cluster_of_another_major_is_told_with_the_way_out(place: Path, project: str) -> None:
    cluster = place / "data" / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")

    status, lines = doctor(place, AEGRA_CONFIG=project)

    assert status == 1
    assert "manage.py upgradedb" in told(lines, "problem", "database")


def test_a_cluster_that_does_not_start_is_told(place: Path, project: str) -> None:
    cluster = place / "data" / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("18\n")

    status, lines = doctor(place, AEGRA_CONFIG=project)

    assert status == 1
    assert "does not start" in told(lines, "problem", "database")


@as_root
def test_a_machine_that_refuses_user_namespaces_is_told_of(place: Path, project: str) -> None:
    status, lines = doctor(place, AEGRA_CONFIG=project, PATH=str(place))

    assert status == 1
    assert "refuses a user namespace" in told(lines, "problem", "PostgreSQL")


def test_a_port_that_somebody_else_has_is_told(place: Path, project: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        status, lines = doctor(place, AEGRA_CONFIG=project, AEGRA_PORT=port)

    assert status == 1
    assert f"Port {port} on 127.0.0.1 is taken" in told(lines, "problem", "address")


def test_an_auth_that_is_not_served_is_no_silence(place: Path) -> None:
    graphs: dict[str, Json] = {"good": "./agent.py:graph"}
    auth: Json = {"path": "./auth.py:auth"}
    config = write_project(place / "p", {"agent.py": GOOD}, graphs=graphs, auth=auth)

    status, lines = doctor(place, AEGRA_CONFIG=str(config))

    assert status == 1
    assert "keeps nobody out" in told(lines, "problem", "access")


def test_a_missing_package_of_its_own_is_told_in_one_line(place: Path) -> None:
    without = "import sys; sys.modules['unfold'] = None; import manage; manage.main()"

    done = subprocess.run(
        [sys.executable, "-c", without, "doctor"],
        cwd=ROOT,
        env=environment(place),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("problem  packages: ")
    assert done.stderr.count("\n") == 1
