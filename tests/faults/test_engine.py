"""Runs on several processes: of one that is halted, killed, stopped, or lacks a graph."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from common.tests.processes import ROOT, wait_until
from tests.faults.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RUN = "SELECT status, attempt, lost_attempts FROM run WHERE run_id = %s"
LOST = "SELECT count(*) AS lost FROM run WHERE lost_attempts > 0"
ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}
STEPS = 12
# Every step writes down its number: one that is kept twice is seen.
JOURNAL = {"assistant_id": "journal", "input": {"name": "a", "pages": STEPS, "seconds": 0.4}}


def start(cluster: Cluster, **processes: tuple[str, ...]) -> None:
    for name, command in processes.items():
        cluster.start(name, *command)
    cluster.wait_until_ready()


def queried(cluster: Cluster, query: str, *parameters: object) -> dict[str, Any]:
    with psycopg.connect(cluster.database_url, autocommit=True, row_factory=dict_row) as conn:
        found = conn.execute(query.encode(), parameters).fetchone()
    assert found is not None
    return found


def run_of(cluster: Cluster, run_id: str) -> dict[str, Any]:
    return queried(cluster, RUN, run_id)


def new_thread(api: httpx.Client) -> str:
    return str(api.post("/threads", json={}).json()["thread_id"])


def begun(cluster: Cluster, api: httpx.Client, body: dict[str, Any]) -> tuple[str, str]:
    """Return thread and run, once the run has written something."""
    thread_id = new_thread(api)
    run_id = api.post(f"/threads/{thread_id}/runs", json=body).json()["run_id"]
    wait_until(lambda: len(api.get(f"/threads/{thread_id}/history").json()) >= 4, seconds=30)
    return thread_id, run_id


def steps_of(api: httpx.Client, thread_id: str) -> list[int]:
    """Return the steps of a thread's checkpoints, the oldest first."""
    history = api.get(f"/threads/{thread_id}/history", params={"limit": 100}).json()
    return [state["metadata"]["step"] for state in reversed(history)]


def assert_whole(api: httpx.Client, thread_id: str) -> None:
    """Each step was kept once, and the checkpoints are in order."""
    thread = api.get(f"/threads/{thread_id}").json()
    assert thread["status"] == "idle", thread
    assert thread["values"]["entries"] == [f"a/{step}" for step in range(STEPS)]
    assert steps_of(api, thread_id) == list(range(-1, STEPS + 1))


def test_what_a_halted_engine_writes_afterwards_is_refused(cluster: Cluster) -> None:
    start(cluster, http=("serve", "--no-engine"), first=("worker",))
    with cluster.client("http") as api:
        thread_id, run_id = begun(cluster, api, JOURNAL)

        cluster.halt("first")
        cluster.started("second", "worker")
        wait_until(lambda: run_of(cluster, run_id)["attempt"] == 2, seconds=30)
        wait_until(lambda: run_of(cluster, run_id)["status"] == "running", seconds=30)
        cluster.go_on("first")

        wait_until(lambda: run_of(cluster, run_id)["status"] == "success", seconds=30)
        assert_whole(api, thread_id)
        assert run_of(cluster, run_id) == {"status": "success", "attempt": 2, "lost_attempts": 1}
        wait_until(lambda: "left to another attempt" in cluster.said("first"), seconds=10)


def test_a_killed_run_goes_on_in_another_process(cluster: Cluster) -> None:
    start(cluster, http=("serve", "--no-engine"), first=("worker",))
    with cluster.client("http") as api:
        thread_id, run_id = begun(cluster, api, JOURNAL)

        cluster.kill("first")
        cluster.started("second", "worker")

        wait_until(lambda: run_of(cluster, run_id)["status"] == "success", seconds=40)
        assert_whole(api, thread_id)
        assert run_of(cluster, run_id)["attempt"] == 2


@pytest.mark.alone
def test_a_cancel_reaches_another_process_at_once(cluster: Cluster) -> None:
    web = ("serve", "--no-engine")
    start(cluster, http=web, other=web, worker=("worker",))
    took = []
    with cluster.client("http") as api, cluster.client("other") as other:
        for _ in range(5):
            thread_id, run_id = begun(cluster, api, JOURNAL)
            began = time.monotonic()
            answer = other.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")
            took.append(time.monotonic() - began)
            assert answer.status_code == 200
            assert run_of(cluster, run_id)["status"] == "interrupted"
            assert api.get(f"/threads/{thread_id}").json()["status"] == "interrupted"

    assert sorted(took)[2] < 0.5, took


@pytest.mark.parametrize(("action", "status"), [("interrupt", "interrupted"), ("rollback", None)])
def test_a_cancelled_run_whose_process_dies_is_not_tried_again(
    cluster: Cluster, action: str, status: str | None
) -> None:
    start(cluster, http=("serve", "--no-engine"), first=("worker",))
    with cluster.client("http") as api:
        thread_id = new_thread(api)
        # It blocks its loop, and so cannot obey.
        body = {"assistant_id": "blocker", "input": {"seconds": 60}}
        path = f"/threads/{thread_id}/runs"
        run_id = api.post(path, json=body).json()["run_id"]
        wait_until(lambda: run_of(cluster, run_id)["status"] == "running", seconds=20)

        assert api.post(f"{path}/{run_id}/cancel", params={"action": action}).status_code == 202
        cluster.kill("first")
        cluster.started("second", "worker")

        wait_until(lambda: api.get(f"/threads/{thread_id}").json()["status"] != "busy", seconds=20)
        shown = api.get(f"{path}/{run_id}")
        assert shown.json().get("status") == status
        assert shown.status_code == (200 if status else 404)
        if status:
            assert run_of(cluster, run_id)["lost_attempts"] == 0


def test_a_stop_of_one_process_fails_nothing_and_costs_no_attempt(cluster: Cluster) -> None:
    cluster.environment["DRAIN_SECONDS"] = "0.5"
    start(cluster, first=("serve",), second=("serve",))
    with cluster.client("first") as first, cluster.client("second") as second:
        long = [begun(cluster, first, JOURNAL) for _ in range(3)]
        statuses: list[int] = []

        def load(_: int) -> None:
            with cluster.client("second") as api:
                answers = (api.post("/runs/wait", json=ECHO) for _ in range(15))
                statuses.extend(answer.status_code for answer in answers)

        with ThreadPoolExecutor(4) as clients:
            loading = [clients.submit(load, number) for number in range(4)]
            assert cluster.stop("first") == 0
            for one in loading:
                one.result()

        assert statuses == [200] * 60
        for thread_id, run_id in long:
            wait_until(
                lambda run_id=run_id: run_of(cluster, run_id)["status"] == "success",  # type: ignore[misc]
                seconds=40,
            )
            assert_whole(second, thread_id)
            assert run_of(cluster, run_id)["attempt"] == 2
    assert queried(cluster, LOST) == {"lost": 0}


def test_runs_that_a_worker_cannot_execute_fail_by_themselves(
    cluster: Cluster, tmp_path: Path
) -> None:
    project = ROOT / "tests" / "graphs"
    graphs = json.loads((project / "langgraph.json").read_text())["graphs"]
    kept = {name: graphs[name] for name in ("echo", "broken")}
    fewer = tmp_path / "langgraph.json"
    fewer.write_text(
        json.dumps({"graphs": {name: _absolute(kept[name], project) for name in kept}})
    )
    cluster.started("http", "serve", "--no-engine")
    cluster.started("worker", "worker", AEGRA_CONFIG=str(fewer))
    with cluster.client("http") as api:
        gone, broken = (
            api.post(f"/threads/{new_thread(api)}/runs/wait", json={"assistant_id": graph})
            for graph in ("sleeper", "broken")
        )
        deleted = new_thread(api)
        api.post(f"/threads/{deleted}/runs", json={**ECHO, "after_seconds": 0.5})
        assert api.delete(f"/threads/{deleted}").status_code == 204
        fine = api.post(f"/threads/{new_thread(api)}/runs/wait", json=ECHO)

        assert "Graph 'sleeper' not found" in gone.json()["__error__"]["message"]
        assert "Graph `broken`" in broken.json()["__error__"]["message"]
        assert fine.json()["messages"][-1]["content"] == "hi"


def _absolute(entry: Any, project: Path) -> str:
    path = entry["path"] if isinstance(entry, dict) else entry
    return str(project / path.removeprefix("./"))
