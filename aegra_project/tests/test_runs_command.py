"""`manage.py runs`: beside servers that run, in a process without an engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.prepared import prepare
from common.tests.processes import wait_until
from common.tests.servers import LiveServer, manage, serving, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}
ABSENT = str(uuid4())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = prepare(tmp_path_factory.mktemp("server"))
    with traceless(place):
        yield place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[LiveServer]:
    with serving(place) as server:
        yield server


@pytest.fixture
def api(server: LiveServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def new_thread(api: httpx.Client) -> str:
    return str(api.post("/threads", json={}).json()["thread_id"])


def started(api: httpx.Client, body: dict[str, Any], thread_id: str = "") -> tuple[str, str]:
    thread_id = thread_id or new_thread(api)
    run = api.post(f"/threads/{thread_id}/runs", json=body)
    return thread_id, str(run.json()["run_id"])


def status(api: httpx.Client, thread_id: str, run_id: str) -> str:
    return str(api.get(f"/threads/{thread_id}/runs/{run_id}").json().get("status"))


def printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_runs_are_listed_shown_and_cancelled(place: Path, api: httpx.Client) -> None:
    thread_id, running = started(api, LONG)
    _, pending = started(api, LONG, thread_id)

    listed = manage(place, "runs", "list", "--thread", thread_id, "--status", "active")
    as_json = printed(manage(place, "runs", "list", "--thread", thread_id, "--json"))
    shown = manage(place, "runs", "show", running)
    done = manage(place, "runs", "cancel", running, pending, "--wait")

    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        [pending, "pending"],
        [running, "running"],
    ]
    assert [row["run_id"] for row in as_json] == [pending, running]
    assert '"seconds": 60' in shown.stdout
    assert (done.returncode, done.stdout.count("has ended")) == (0, 2)
    assert status(api, thread_id, running) == "interrupted"
    assert api.get(f"/threads/{thread_id}").json()["status"] == "interrupted"


def test_all_runs_of_a_status_are_rolled_back(place: Path, api: httpx.Client) -> None:
    made = [started(api, LONG) for _ in range(3)]

    asked = ("cancel", "--status", "all", "--action", "rollback", "--wait", "--json")
    done = printed(manage(place, "runs", *asked))

    assert {one["id"] for one in done} == {run_id for _, run_id in made}
    assert all(one["done"] for one in done)
    assert [status(api, *each) for each in made] == ["None"] * 3


def test_a_failed_run_is_tried_again(place: Path, api: httpx.Client) -> None:
    thread_id, run_id = started(api, {"assistant_id": "flaky", "input": {"key": uuid4().hex}})
    wait_until(lambda: status(api, thread_id, run_id) == "error")

    done = printed(manage(place, "runs", "retry", run_id, "--json"))

    assert done == [{"id": run_id, "done": True, "told": "is pending again"}]
    wait_until(lambda: status(api, thread_id, run_id) == "success")
    values = api.get(f"/threads/{thread_id}").json()["values"]
    assert values["done"] == ["begun", "ended"]


def test_a_thread_is_repaired(place: Path, api: httpx.Client) -> None:
    said = {"messages": [{"role": "user", "content": "slow"}]}
    thread_id, run_id = started(api, {"assistant_id": "react", "input": said})
    wait_until(lambda: api.get(f"/threads/{thread_id}/state").json()["next"] == ["tools"])
    assert manage(place, "runs", "cancel", run_id, "--wait").returncode == 0

    done = manage(place, "runs", "repair", thread_id)
    again = manage(place, "runs", "repair", thread_id)

    assert "answered as cancelled: slow" in done.stdout
    assert "nothing was changed" in again.stdout
    said = {"messages": [{"role": "user", "content": "hello"}]}
    body = {"assistant_id": "react", "input": said}
    values = api.post(f"/threads/{thread_id}/runs/wait", json=body).json()
    assert values["messages"][-1]["content"] == "you said hello"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", ABSENT), "not found"),
        (("cancel", ABSENT), "1 of 1 were not done"),
        (("retry", ABSENT), "1 of 1 were not done"),
        (("repair", ABSENT), "1 of 1 were not done"),
        (("cancel",), "give --status"),
        (("cancel", ABSENT, "--status", "all"), "not both"),
        (("list", "--limit", "0"), "1 or more"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    place: Path, server: LiveServer, arguments: tuple[str, ...], words: str
) -> None:
    assert words in the_line_of(manage(place, "runs", *arguments))


@pytest.mark.parametrize(
    "arguments",
    [("show", "nonsense"), ("list", "--status", "lost"), ("list", "--older-than", "soon"), ()],
)
def test_wrong_arguments_are_told_with_the_usage(place: Path, arguments: tuple[str, ...]) -> None:
    done = manage(place, "runs", *arguments)

    assert done.returncode == 2
    assert "usage" in done.stderr


def test_a_database_that_was_never_made_ready_is_told(tmp_path: Path) -> None:
    with traceless(tmp_path):
        line = the_line_of(manage(tmp_path, "runs", "list"))

    assert "manage.py startup" in line
