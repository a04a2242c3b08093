from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from common.tests.prepared import prepare
from common.tests.processes import ROOT, wait_until
from common.tests.servers import LiveServer, manage, serving, starting, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

BOTH = pytest.mark.parametrize("command", ["serve", "runserver"])
STOPS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])


@pytest.fixture
def new_place(tmp_path: Path) -> Iterator[Path]:
    with traceless(tmp_path):
        yield tmp_path


@pytest.fixture
def place(new_place: Path) -> Path:
    return prepare(new_place)


def begin_run(api: httpx.Client, graph: str = "sleeper", **given: object) -> dict[str, str]:
    """Start a run that lasts, and return it once it is executing."""
    thread_id = api.post("/threads", json={}).json()["thread_id"]
    run = api.post(
        f"/threads/{thread_id}/runs",
        json={"assistant_id": graph, "input": {"seconds": 60, **given}},
    ).json()
    path = f"/threads/{thread_id}/runs/{run['run_id']}"
    wait_until(lambda: api.get(path).json()["status"] == "running")
    return {"path": path, "thread_id": thread_id}


def read_token(stream: httpx.Response) -> None:
    lines = stream.iter_lines()
    while not next(lines).startswith("event: messages"):
        pass


@BOTH
@STOPS
def test_a_signal_leaves_nothing(place: Path, command: str, number: signal.Signals) -> None:
    with serving(place, command) as server:
        if number == signal.SIGINT:
            server.press_ctrl_c()
            assert server.process.wait(15) == 0
        else:
            assert server.stopped(number) == 0

        assert "Traceback" not in server.said()


@BOTH
def test_ctrl_c_leaves_nothing_while_streams_are_open_and_runs_execute(
    place: Path, command: str
) -> None:
    with serving(place, command, DRAIN_SECONDS="0.5") as server, server.client() as api:
        begin_run(api)
        body = {
            "assistant_id": "tokens",
            "input": {"count": 9999, "delay_seconds": 0.05},
            "stream_mode": "messages-tuple",
        }
        with api.stream("POST", "/runs/stream", json=body) as stream:
            read_token(stream)

            server.press_ctrl_c()

            assert server.process.wait(15) == 0
            assert "Traceback" not in server.said()


@BOTH
def test_a_stream_that_never_ends_holds_up_no_stop(place: Path, command: str) -> None:
    with serving(place, command) as server, server.client() as api:
        thread_id = api.post("/threads", json={}).json()["thread_id"]
        with api.stream("GET", f"/threads/{thread_id}/stream"):
            server.process.terminate()

            assert server.process.wait(15) == 0
            assert "ERROR" not in server.said()


@BOTH
def test_ctrl_c_pressed_again_and_again_breaks_nothing(place: Path, command: str) -> None:
    with serving(place, command) as server, server.client() as api:
        begin_run(api)
        for _ in range(4):
            server.press_ctrl_c()
            time.sleep(0.2)

        assert server.process.wait(15) == 0
        assert "Traceback" not in server.said()


@pytest.mark.alone
@BOTH
@pytest.mark.parametrize("seconds", [0.4, 1.2, 2.0])
def test_ctrl_c_while_it_starts_leaves_nothing(
    new_place: Path, command: str, seconds: float
) -> None:
    with starting(new_place, command) as server:
        time.sleep(seconds)
        server.press_ctrl_c()

        assert server.process.wait(15) in (0, 130)
        assert "Traceback" not in server.said()


def test_the_watched_child_goes_when_its_parent_is_killed(place: Path) -> None:
    with serving(place, "runserver") as server:
        server.process.kill()

        wait_until(lambda: not server.is_up())


@BOTH
def test_a_run_is_handed_back_and_goes_on_after_the_restart(place: Path, command: str) -> None:
    with serving(place, command, DRAIN_SECONDS="0") as server, server.client() as api:
        run = begin_run(api, seconds=2)
        assert server.stopped() == 0

    with serving(place, command) as server, server.client() as api:
        wait_until(lambda: api.get(run["path"]).json()["status"] == "success")


@pytest.mark.alone
@BOTH
def test_a_start_takes_no_more_than_six_times_what_loading_the_agent_takes(
    place: Path, command: str
) -> None:
    # The best of three each: something else may have the processor meanwhile.
    loading = min(seconds_to_load() for _ in range(3))

    assert min(seconds_to_start(place, command) for _ in range(3)) < 6 * loading


def seconds_to_load() -> float:
    """Return how long a plain program takes until it has an agent."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import tests.graphs.chat"], cwd=ROOT, check=True)
    return time.monotonic() - began


def seconds_to_start(place: Path, command: str) -> float:
    began = time.monotonic()
    with serving(place, command):
        return time.monotonic() - began


@pytest.mark.parametrize("command", [["serve"], ["runserver"], ["runserver", "--noreload"]])
def test_a_taken_port_is_told_in_one_line(place: Path, command: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        line = the_line_of(manage(place, *command, AEGRA_PORT=port))

    assert f"Port {port} on 127.0.0.1 is taken" in line


@pytest.mark.parametrize("command", [["serve", "--host=0.0.0.0"], ["runserver", "0.0.0.0:8999"]])
def test_a_public_address_is_refused_without_consent(place: Path, command: list[str]) -> None:
    line = the_line_of(manage(place, *command))

    assert "everybody who can reach it" in line
    assert "ALLOW_ANONYMOUS=true" in line


def test_a_public_address_is_served_with_consent_and_a_warning(place: Path) -> None:
    with serving(place, "serve", "--host=0.0.0.0", ALLOW_ANONYMOUS="true") as server:
        assert "WARNING" in server.said()
        assert "everybody who can reach it" in server.said()


def test_what_is_said_at_start_is_the_welcome_alone(place: Path) -> None:
    with serving(place, "serve") as server:
        httpx.get(f"{server.url}/info")
        lines = server.said().splitlines()

    assert [line for line in lines if line and not line.startswith("  ")] == []
    assert f"  API     {server.url}" in lines


def test_the_log_in_link_of_the_development_server_logs_in(place: Path) -> None:
    with serving(place, "runserver", DEBUG="true") as server:
        link = login_link(server)

        page = httpx.get(link, follow_redirects=True)

        assert page.status_code == 200
        assert "/admin/logout/" in page.text


def login_link(server: LiveServer) -> str:
    (line,) = [line for line in server.said().splitlines() if "Log in" in line]
    return line.split()[-1]
