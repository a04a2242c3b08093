"""Each time of a cron makes one run, by three processes of which one after the other is killed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from common.tests.processes import wait_until
from tests.faults.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CRONS = 20
ROUNDS = 4
HI = {"messages": [{"role": "user", "content": "hi"}]}
MAKE_DUE = "UPDATE cron SET next_run_date = now() WHERE schedule = '0 0 1 1 *'"
RUNS_OF = "SELECT metadata->>'cron_id', count(*) FROM run WHERE metadata ? 'cron_id' GROUP BY 1"


@pytest.fixture
def three(cluster: Cluster) -> Cluster:
    """Start three processes, each of which fires crons."""
    cluster.start("one", "serve")
    cluster.start("two", "serve")
    cluster.start("worker", "worker")
    cluster.wait_until_ready()
    return cluster


@pytest.fixture
def database(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        yield connection


def make_cron(api: httpx.Client, **fields: Any) -> str:
    body = {"assistant_id": "echo", "input": HI, "on_run_completed": "keep", **fields}
    answer = api.post("/runs/crons", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["cron_id"])


def test_each_time_makes_one_run_whoever_is_killed(
    three: Cluster, database: psycopg.Connection[Any]
) -> None:
    with three.client("one") as api:
        crons = [make_cron(api, schedule="0 0 1 1 *") for _ in range(CRONS)]

    for number in range(1, ROUNDS + 1):
        database.execute(MAKE_DUE)
        victim = random.choice(three.names())
        # Somewhere in the five seconds within which somebody looks for what is due.
        time.sleep(random.uniform(0, 5))
        three.kill(victim)
        wait_until(partial(have_made, database, crons, number), seconds=40)
        three.started(victim)

    # Whoever was late would have fired again by now.
    time.sleep(11)
    assert have_made(database, crons, ROUNDS)
    late = database.execute("SELECT count(*) FROM cron WHERE next_run_date <= now()").fetchone()
    assert late == (0,)


def test_a_cron_of_every_minute_makes_one_run_a_minute(
    three: Cluster, database: psycopg.Connection[Any]
) -> None:
    with three.client("two") as api:
        cron = make_cron(api, schedule="* * * * *")

        wait_until(lambda: have_made(database, [cron], 2), seconds=140)

        runs = api.post("/runs/search", json={"metadata": {"cron_id": cron}}).json()
    later, sooner = (datetime.fromisoformat(run["created_at"]) for run in runs)
    assert later.replace(second=0, microsecond=0) - sooner.replace(
        second=0, microsecond=0
    ) == timedelta(minutes=1)
    assert all(moment.second < 30 for moment in (later, sooner))
    assert datetime.now(UTC) - later < timedelta(minutes=1)


def have_made(database: psycopg.Connection[Any], crons: list[str], number: int) -> bool:
    """Say whether each cron has made so many runs."""
    return dict(database.execute(RUNS_OF).fetchall()) == dict.fromkeys(crons, number)
