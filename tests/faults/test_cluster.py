"""Processes of every kind on one database, and what becomes of one another's runs."""

from __future__ import annotations

import httpx
import pytest

from common.tests.processes import wait_until
from tests.faults.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}


def run_in_background(api: httpx.Client) -> str:
    """Return the path of a run on a thread of its own."""
    path = "/threads/" + api.post("/threads", json={}).json()["thread_id"]
    return f"{path}/runs/{api.post(f'{path}/runs', json=ECHO).json()['run_id']}"


def test_whoever_takes_a_run_all_of_them_know_what_became_of_it(cluster: Cluster) -> None:
    cluster.start("web", "serve", "--no-engine")
    cluster.start("worker", "worker")
    cluster.start("both", "serve")
    cluster.wait_until_ready()
    with cluster.client("web") as web, cluster.client("both") as both:
        run = run_in_background(web)

        wait_until(lambda: both.get(run).json()["status"] == "success")
        assert web.get(run).json() == both.get(run).json()


def test_what_was_killed_or_halted_works_when_it_is_back(cluster: Cluster) -> None:
    cluster.started("web", "serve", "--no-engine")
    cluster.started("worker", "worker")
    cluster.kill("worker")
    with cluster.client("web") as web:
        run = run_in_background(web)
        cluster.started("worker")
        wait_until(lambda: web.get(run).json()["status"] == "success")

        cluster.halt("worker")
        run = run_in_background(web)
        cluster.go_on("worker")
        wait_until(lambda: web.get(run).json()["status"] == "success")

    assert [cluster.stop(name) for name in cluster.names()] == [0, 0]
