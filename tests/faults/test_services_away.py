"""PostgreSQL and Redis restarted, crashed and emptied while runs are made and followed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import redis

from common.embedded_postgres import socket_dir
from common.postgres_server import PostgresServer
from common.tests.servers import free_port
from tests.faults.cluster import Cluster, own_cluster
from tests.faults.redis_server import redis_server
from tests.faults.workload import PAGES, Clients, Event, Made, make_run, settled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

THREADS = 20
RUNS_EACH = 3
LOAD_SECONDS = 12.0
TIMES = 3
AWAY_SECONDS = 1.0
SETTLING_SECONDS = 40.0
PROCESSES = {"web-1": ("serve",), "web-2": ("serve",), "worker": ("worker",)}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster on a PostgreSQL of its own, whatever the other tests have."""
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    with own_cluster(tmp_path) as cluster:
        yield cluster


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_runs_and_streams_outlast_restarts_of_postgresql(
    cluster: Cluster, tmp_path: Path, how: signal.Signals
) -> None:
    place = tmp_path / "postgres"
    server = PostgresServer(place, socket_dir(place))

    async def restart() -> None:
        pid = server.pid()
        assert pid is not None
        # Whoever holds the server starts it again.
        os.kill(pid, how)

    await hold(cluster, restart)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server")
@pytest.mark.parametrize("how", ["stopped", "emptied"])
async def test_runs_and_streams_outlast_a_redis_that_is(
    cluster: Cluster, tmp_path: Path, how: str
) -> None:
    port = free_port()
    cluster.environment["EVENT_BUS_URL"] = f"redis://127.0.0.1:{port}/0"
    with ExitStack() as servers:
        server = servers.enter_context(redis_server(tmp_path, port))

        async def stop_for_a_while() -> None:
            nonlocal server
            server.kill()
            server.wait()
            await asyncio.sleep(AWAY_SECONDS)
            server = await asyncio.to_thread(servers.enter_context, redis_server(tmp_path, port))

        async def empty() -> None:
            redis.Redis(port=port).flushall()

        await hold(cluster, stop_for_a_while if how == "stopped" else empty)


async def hold(cluster: Cluster, disturb: Callable[[], Awaitable[None]]) -> None:
    """Have runs made and followed while something is disturbed; all of them end well."""
    seed = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"FAULTS_SEED={seed}")  # noqa: T201 -- by which a failure is repeated
    for name, command in PROCESSES.items():
        cluster.start(name, *command)
    cluster.wait_until_ready()
    clients = Clients(cluster.urls(), random.Random(seed))
    try:
        runs = await under_load(clients, disturb)
        problems = [problem for run in runs for problem in await wrong_with(clients, run)]
        busy = await clients.ask("POST", "/threads/search", json={"status": "busy"})
    finally:
        await clients.close()

    assert problems == [], "\n".join(problems)
    assert busy.json() == []
    assert len(runs) == THREADS * RUNS_EACH
    assert [line for name in PROCESSES for line in told_with_traceback(cluster.said(name))] == []


async def under_load(clients: Clients, disturb: Callable[[], Awaitable[None]]) -> list[Made]:
    """Make runs and follow each to its end; something is disturbed meanwhile."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(now_and_then(disturb))
        conversations = [tasks.create_task(converse(clients, str(n))) for n in range(THREADS)]
    made = [pair for conversation in conversations for pair in conversation.result()]
    deadline = time.monotonic() + SETTLING_SECONDS
    await asyncio.gather(*(settled(clients, run, deadline) for run, _ in made))
    _, late = await asyncio.wait([following for _, following in made], timeout=20)
    assert not late, f"{len(late)} streams have no end"
    for _, following in made:
        await following
    return [run for run, _ in made]


async def now_and_then(disturb: Callable[[], Awaitable[None]]) -> None:
    for _ in range(TIMES):
        await asyncio.sleep(LOAD_SECONDS / (TIMES + 1))
        await disturb()


async def converse(clients: Clients, name: str) -> list[tuple[Made, asyncio.Task[None]]]:
    """Ask for runs upon a thread over the whole time, and follow each."""
    thread = await clients.ask("POST", "/threads", json={})
    made = []
    for number in range(RUNS_EACH):
        await asyncio.sleep(clients.chance.uniform(0, 2 * LOAD_SECONDS / RUNS_EACH))
        run = await make_run(clients, thread.json()["thread_id"], f"{name}-{number}", "enqueue")
        assert run is not None
        made.append((run, asyncio.create_task(clients.follow(run))))
    return made


def told_with_traceback(said: str) -> list[str]:
    """Return the lines of a log below which a traceback begins: an outage is told in one line."""
    return [line for line, below in pairwise(said.splitlines()) if below.startswith("Traceback")]


async def wrong_with(clients: Clients, run: Made) -> list[str]:
    """Return what is not as it has to be, a line each."""
    state = (await clients.ask("GET", f"/threads/{run.thread_id}/state")).json()
    entries: list[str] = state["values"].get("entries", [])
    found = [entry for entry in entries if entry == run.name or entry.startswith(f"{run.name}/")]
    await clients.replay(run)
    problems = [] if run.status == "success" else [f"is {run.status}"]
    if found != [run.name, *(f"{run.name}/{page}" for page in range(PAGES))]:
        problems.append(f"has written {found}")
    return [f"run {run.run_id} {problem}" for problem in problems + wrong_replay(run)]


def wrong_replay(run: Made) -> list[str]:
    """Tell how what a client saw differs from what can be read again.

    Only what an attempt said that was given up may be missing there.
    """
    seen, again = attempts(run.events), attempts(run.replayed)
    if not again:
        return ["has no events"]
    last = max(again)
    problems = [] if seen.get(last) == again[last] else [_differing(last, seen, again)]
    for attempt, events in again.items():
        kept = [event for event in seen.get(attempt, []) if event in events]
        if kept != events:
            problems.append(_differing(attempt, seen, again))
    return problems


def attempts(events: list[Event]) -> dict[int, list[Event]]:
    """Return the events of each attempt, which begins with its own `metadata`."""
    found: dict[int, list[Event]] = {}
    attempt = 0
    for event in events:
        if event.name == "metadata":
            attempt = json.loads(event.data)["attempt"]
        found.setdefault(attempt, []).append(event)
    return found


def _differing(attempt: int, seen: dict[int, list[Event]], again: dict[int, list[Event]]) -> str:
    first, second = ({event.id: event for event in part.get(attempt, [])} for part in (seen, again))
    told = {
        "were not there again": [event.name for key, event in first.items() if key not in second],
        "were not seen": [event.name for key, event in second.items() if key not in first],
    }
    wrong = [f"{names} {what}" for what, names in told.items() if names]
    return f"attempt {attempt} of {list(again)}: {wrong or 'another order'} of {len(first)}"
