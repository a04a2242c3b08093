from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.tests.prepared import prepare
from common.tests.processes import processes_of, wait_until
from common.tests.servers import (
    LiveServer,
    free_port,
    manage,
    serving,
    starting,
    the_line_of,
    traceless,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(prepare(tmp_path)):
        yield tmp_path


@pytest.fixture
def two(place: Path) -> Iterator[LiveServer]:
    with serving(place, "serve", "--processes=2") as server:
        wait_until(lambda: len(children(place)) == 2)
        yield server


def children(place: Path) -> list[int]:
    """Return the processes that serve for another one."""
    found = []
    for pid in processes_of(place):
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"--lifeline=" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def test_several_processes_serve_one_address_and_stop_as_one(two: LiveServer, place: Path) -> None:
    with two.client() as api:
        assert {api.get("/ok").status_code for _ in range(20)} == {200}
        wait_until(lambda: "aegra_slots 200.0" in api.get("/metrics").text)

    assert two.stopped() == 0
    assert processes_of(place) == []
    assert "Traceback" not in two.said()
    assert two.said().count("  API ") == 1


def test_ctrl_c_stops_every_process(two: LiveServer) -> None:
    two.press_ctrl_c()

    assert two.process.wait(15) == 0
    assert "Traceback" not in two.said()


def test_a_process_that_died_is_started_again(two: LiveServer, place: Path) -> None:
    before = children(place)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    wait_until(lambda: len(set(children(place)) - set(before)) == 2)
    two.wait_until_up()


def test_no_process_outlives_a_killed_parent(two: LiveServer, place: Path) -> None:
    two.process.kill()

    wait_until(lambda: processes_of(place) == [], seconds=15)
    assert "Traceback" not in two.said()


def test_what_hinders_a_start_is_told_once(place: Path) -> None:
    config = place / "langgraph.json"
    config.write_text('{"graphs": {"lost": "./lost.py:graph"}}')

    refused = manage(
        place, "serve", "--processes=2", f"--port={free_port()}", AEGRA_CONFIG=str(config)
    )

    assert "lost.py" in the_line_of(refused)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["serve", "--processes=0"], "--processes must be 1 or more"),
        (["serve", "--processes=1000"], "database connections, and PostgreSQL takes 300"),
        (["serve", "--fd=0"], "--fd=0 is no socket"),
        (["serve", "--lifeline=0"], "--lifeline=0 is no socket"),
        (["worker", "--slots=0"], "--slots must be 1 or more"),
    ],
)
def test_impossible_options_are_told_in_a_line(place: Path, command: list[str], told: str) -> None:
    assert told in the_line_of(manage(place, *command, AEGRA_PORT=str(free_port())))


def test_a_worker_executes_what_a_process_without_engine_has_taken(place: Path) -> None:
    (place / "worker").mkdir()
    data = {"AEGRA_DATA_DIR": str(place / "data")}
    with (
        serving(place, "serve", "--no-engine") as server,
        starting(place / "worker", "worker", "--slots=3", **data) as worker,
        server.client() as api,
    ):
        wait_until(lambda: "executes runs of the embedded database" in worker.said())
        assert ": 3 slots, graphs " in worker.said()
        path = "/threads/" + api.post("/threads", json={}).json()["thread_id"]

        run_id = api.post(f"{path}/runs", json=ECHO).json()["run_id"]

        wait_until(lambda: api.get(f"{path}/runs/{run_id}").json()["status"] == "success")
        assert worker.stopped() == 0
        assert "Traceback" not in worker.said()


def test_without_a_worker_what_was_taken_waits(place: Path) -> None:
    with serving(place, "serve", "--no-engine") as server, server.client() as api:
        path = "/threads/" + api.post("/threads", json={}).json()["thread_id"]

        run = api.post(f"{path}/runs", json=ECHO).json()

        assert api.get(f"{path}/runs/{run['run_id']}").json()["status"] == "pending"
        assert api.post("/assistants/search", json={}).json()
        assert server.stopped() == 0
