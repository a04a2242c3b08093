"""What `kill -9` leaves whole, of the server, of its PostgreSQL, and of both."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.tests.prepared import prepare
from common.tests.processes import processes_of, wait_until
from common.tests.servers import serving, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

BODY = {"assistant_id": "ask", "input": {"messages": [{"role": "user", "content": "hi"}]}}
ITEM = {"namespace": ["notes", "ada"], "key": "colour", "value": {"is": "blue"}}
LONG_RUNS: list[dict[str, Any]] = [
    {"assistant_id": "sleeper", "input": {"seconds": 60}},
    # Asked for its tokens, the model gives them one by one; otherwise all at once.
    {
        "assistant_id": "tokens",
        "input": {"count": 9999, "delay_seconds": 0.02},
        "stream_mode": "messages-tuple",
    },
    {"assistant_id": "blocker", "input": {"seconds": 60}},
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(prepare(tmp_path)):
        yield tmp_path


def kill_everything(place: Path) -> None:
    for pid in processes_of(place):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(place))


def kill_postgres(place: Path) -> None:
    pid = int((place / "data/postgres/cluster/postmaster.pid").read_text().split()[0])
    os.killpg(pid, signal.SIGKILL)


def kill_server(place: Path) -> None:
    """Kill all but PostgreSQL."""
    postgres = str(place / "data/postgres/cluster").encode()
    for pid in processes_of(place):
        with suppress(FileNotFoundError, ProcessLookupError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if postgres not in command and not command.startswith(b"postgres:"):
                os.kill(pid, signal.SIGKILL)


def new_thread(api: httpx.Client) -> str:
    return str(api.post("/threads", json={}).json()["thread_id"])


def run_to_its_end(api: httpx.Client, graph: str = "echo") -> str:
    """Return a thread on which a run has ended, in success or asking."""
    thread_id = new_thread(api)
    answer = api.post(f"/threads/{thread_id}/runs/wait", json={**BODY, "assistant_id": graph})
    assert answer.status_code == 200
    return thread_id


def begin(api: httpx.Client, body: dict[str, Any]) -> tuple[str, str]:
    """Return thread and run, once it is executing."""
    thread_id = new_thread(api)
    run_id = api.post(f"/threads/{thread_id}/runs", json=body).json()["run_id"]
    wait_until(lambda: status_of(api, thread_id, run_id) == "running")
    return thread_id, run_id


def status_of(api: httpx.Client, thread_id: str, run_id: str) -> str:
    return str(api.get(f"/threads/{thread_id}/runs/{run_id}").json()["status"])


def values_of(api: httpx.Client, thread_id: str) -> list[str]:
    state = api.get(f"/threads/{thread_id}/state").json()
    return [message["content"] for message in state["values"]["messages"]]


def busy_threads(api: httpx.Client) -> list[Any]:
    found: list[Any] = api.post("/threads/search", json={"status": "busy"}).json()
    return found


@dataclass(frozen=True, kw_only=True)
class Survivor:
    """A server started again after a kill, and what its predecessor had written."""

    api: httpx.Client
    ended: str
    asking: str
    killed: list[tuple[str, str]]
    busy_seconds: float
    """How long it was up with a thread that was busy."""


@pytest.fixture(
    scope="module",
    params=[("serve", kill_everything), ("serve", kill_server), ("runserver", kill_everything)],
    ids=["serve, both", "serve alone", "runserver, both"],
)
def survivor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Survivor]:
    command, kill = request.param
    with traceless(prepare(tmp_path_factory.mktemp("kill"))) as place:
        with serving(place, command) as server, server.client() as api:
            ended, asking = run_to_its_end(api), run_to_its_end(api, "ask")
            assert api.put("/store/items", json=ITEM).status_code == 204
            killed = [begin(api, body) for body in LONG_RUNS]
            kill(place)
        with serving(place, command, RUN_MAX_ATTEMPTS="1") as server, server.client() as api:
            began = time.monotonic()
            wait_until(lambda: not busy_threads(api))
            busy_seconds = time.monotonic() - began
            yield Survivor(
                api=api, ended=ended, asking=asking, killed=killed, busy_seconds=busy_seconds
            )


def test_no_thread_is_busy_within_five_seconds(survivor: Survivor) -> None:
    assert survivor.busy_seconds < 5
    assert busy_threads(survivor.api) == []


def test_a_killed_run_says_what_became_of_it(survivor: Survivor) -> None:
    for thread_id, run_id in survivor.killed:
        assert status_of(survivor.api, thread_id, run_id) == "error"
        told = survivor.api.get(f"/threads/{thread_id}/runs/{run_id}/join").json()["__error__"]

        assert told["error"] == "ServerStopped"
        assert "a run with `input: null` goes on from there" in told["message"]
        assert survivor.api.get(f"/threads/{thread_id}").json()["status"] == "error"


def test_threads_and_checkpoints_are_there(survivor: Survivor) -> None:
    assert values_of(survivor.api, survivor.ended) == ["hi", "hi"]
    assert len(survivor.api.get(f"/threads/{survivor.ended}/history").json()) == 3


def test_store_items_are_there(survivor: Survivor) -> None:
    asked = {"namespace": "notes.ada", "key": "colour"}

    assert survivor.api.get("/store/items", params=asked).json()["value"] == {"is": "blue"}


def test_a_thread_that_asked_still_asks_and_can_be_answered(survivor: Survivor) -> None:
    path = f"/threads/{survivor.asking}"
    assert survivor.api.get(path).json()["status"] == "interrupted"

    resumed = {"assistant_id": "ask", "command": {"resume": "yes"}}
    survivor.api.post(f"{path}/runs/wait", json=resumed)

    assert values_of(survivor.api, survivor.asking) == ["hi", "got yes"]


def test_the_run_behind_a_killed_one_is_executed(place: Path) -> None:
    with serving(place) as server, server.client() as api:
        thread_id, _ = begin(api, LONG_RUNS[0])
        body = {
            "assistant_id": "sleeper",
            "input": {"seconds": 0},
            "multitask_strategy": "enqueue",
        }
        run_id = api.post(f"/threads/{thread_id}/runs", json=body).json()["run_id"]
        assert status_of(api, thread_id, run_id) == "pending"

        kill_everything(place)

    with serving(place, RUN_MAX_ATTEMPTS="1") as server, server.client() as api:
        wait_until(lambda: status_of(api, thread_id, run_id) == "success", seconds=5)
        assert api.get(f"/threads/{thread_id}").json()["status"] == "idle"


def test_a_server_outlives_its_postgres(place: Path) -> None:
    with serving(place) as server, server.client() as api:
        ended = run_to_its_end(api)

        kill_postgres(place)

        # It is started again, and the connections of old are not lent any more.
        wait_until(lambda: "lease connection regained" in server.said())
        assert values_of(api, ended) == ["hi", "hi"]
        assert values_of(api, run_to_its_end(api)) == ["hi", "hi"]
        assert server.process.poll() is None


def test_runs_that_execute_while_postgres_dies_are_settled(place: Path) -> None:
    with serving(place) as server, server.client() as api:
        thread_id, run_id = begin(api, {"assistant_id": "sleeper", "input": {"seconds": 3}})

        kill_postgres(place)

        wait_until(lambda: status_after(api, thread_id, run_id) in ("success", "error"))
        wait_until(lambda: not busy_threads(api), seconds=5)


def status_after(api: httpx.Client, thread_id: str, run_id: str) -> str:
    """Return a run's status; empty while the database is away."""
    answer = api.get(f"/threads/{thread_id}/runs/{run_id}")
    return str(answer.json()["status"]) if answer.status_code == 200 else ""
