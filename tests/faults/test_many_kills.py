"""Runs that are asked for while processes are killed one after the other, and come to their end."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.workload import (
    PAGES,
    STRATEGIES,
    Clients,
    Made,
    cancel,
    make_run,
    settled,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

THREADS = 40
RUNS_EACH = 5
KILLING_SECONDS = 45.0
KILL_EVERY_SECONDS = 3.0
# Leases run out, and some runs stand behind four others.
SETTLING_SECONDS = 120.0
CANCELLED_SHARE = 0.05
PROCESSES = {
    "web-1": ("serve",),
    "web-2": ("serve",),
    "worker-1": ("worker",),
    "worker-2": ("worker",),
}


@dataclass(kw_only=True)
class Conversation:
    """A thread, and the runs upon it in the order in which they were asked for."""

    thread_id: str
    runs: list[Made] = field(default_factory=list)

    def may_be_hit(self, run: Made, action: str) -> bool:
        """Tell whether something that was asked for stops a run by `interrupt` or `rollback`."""
        later = self.runs[self.runs.index(run) + 1 :]
        return run.cancelled == action or any(other.strategy == action for other in later)


async def test_what_nobody_stopped_succeeds_whatever_is_killed(cluster: Cluster) -> None:
    seed = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
    print(f"FAULTS_SEED={seed}")  # noqa: T201 -- by which a failure is repeated
    chance = random.Random(seed)
    cluster.environment |= {"RUN_MAX_ATTEMPTS": "10", "EVENT_RETENTION_SECONDS": "900"}
    for name, command in PROCESSES.items():
        cluster.start(name, *command)
    cluster.wait_until_ready()
    clients = Clients(cluster.urls(), chance)
    try:
        conversations = await under_fire(cluster, clients)
        problems = [
            problem
            for conversation in conversations
            for problem in await wrong_with(clients, conversation)
        ]
        busy = await clients.ask("POST", "/threads/search", json={"status": "busy"})
    finally:
        await clients.close()

    made = [run for conversation in conversations for run in conversation.runs]
    print(Counter(run.status for run in made))  # noqa: T201
    assert problems == []
    assert busy.json() == []
    assert len(made) == THREADS * RUNS_EACH
    assert all(cluster.said(name).count("Traceback") == 0 for name in PROCESSES)


async def under_fire(cluster: Cluster, clients: Clients) -> list[Conversation]:
    """Hold all conversations while processes are killed, and wait until every run has settled."""
    conversations = []
    for _ in range(THREADS):
        thread = await clients.ask("POST", "/threads", json={})
        conversations.append(Conversation(thread_id=thread.json()["thread_id"]))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kill_now_and_then(cluster, clients.chance))
        following = [tasks.create_task(hold(clients, one)) for one in conversations]
    runs = [run for conversation in conversations for run in conversation.runs]
    deadline = time.monotonic() + SETTLING_SECONDS
    await asyncio.gather(*(settled(clients, run, deadline) for run in runs))
    followed = [task for held in following for task in held.result()]
    done, late = await asyncio.wait(followed, timeout=20)
    for task in done:
        await task
    assert not late, f"{len(late)} streams have no end"
    return conversations


async def kill_now_and_then(cluster: Cluster, chance: random.Random) -> None:
    ends_at = time.monotonic() + KILLING_SECONDS
    while time.monotonic() < ends_at:
        await asyncio.sleep(KILL_EVERY_SECONDS)
        name = chance.choice(list(PROCESSES))
        await asyncio.to_thread(cluster.kill, name)
        cluster.start(name)


async def hold(clients: Clients, conversation: Conversation) -> list[asyncio.Task[None]]:
    """Ask for runs upon a thread over the whole time; return the tasks that follow them."""
    following = []
    for number in range(RUNS_EACH):
        await asyncio.sleep(clients.chance.uniform(0, 2 * KILLING_SECONDS / RUNS_EACH))
        name = f"{conversation.thread_id[-8:]}-{number}"
        run = await make_run(
            clients, conversation.thread_id, name, clients.chance.choice(STRATEGIES)
        )
        run = run or await make_run(clients, conversation.thread_id, name, "enqueue")
        assert run is not None
        conversation.runs.append(run)
        following.append(asyncio.create_task(clients.follow(run)))
        if clients.chance.random() < CANCELLED_SHARE:
            await asyncio.sleep(clients.chance.uniform(0, 1))
            await cancel(clients, run, clients.chance.choice(["interrupt", "rollback"]))
    return following


async def wrong_with(clients: Clients, conversation: Conversation) -> list[str]:
    """Return what is not as it has to be, a line each."""
    path = f"/threads/{conversation.thread_id}"
    state = (await clients.ask("GET", f"{path}/state")).json()
    history = (await clients.ask("GET", f"{path}/history", params={"limit": 1000})).json()
    entries: list[str] = state["values"].get("entries", [])
    problems = [*wrong_order(history)]
    for run in conversation.runs:
        await clients.replay(run)
        problems += [*wrong_end(conversation, run), *wrong_entries(run, entries), *wrong_ids(run)]
    return [f"thread {conversation.thread_id}: {problem}" for problem in problems]


def wrong_end(conversation: Conversation, run: Made) -> list[str]:
    allowed = {"success"}
    if conversation.may_be_hit(run, "interrupt"):
        allowed.add("interrupted")
    if conversation.may_be_hit(run, "rollback"):
        allowed.add("gone")
    return [] if run.status in allowed else [f"run {run.name} ({run.run_id}) is {run.status}"]


def wrong_entries(run: Made, entries: list[str]) -> list[str]:
    """Tell what a run has written twice, left out, or left behind."""
    wanted = [run.name, *(f"{run.name}/{page}" for page in range(PAGES))]
    found = [entry for entry in entries if entry == run.name or entry.startswith(f"{run.name}/")]
    # What was stopped half-way has written the first of its pages.
    is_right = {
        "success": found == wanted,
        "interrupted": found == wanted[: len(found)],
        "gone": found == [],
    }.get(run.status, True)
    where = entries.index(run.name) if run.name in entries else 0
    is_together = entries[where : where + len(found)] == found
    return [] if is_right and is_together else [f"{run.status} run has written {found}"]


def wrong_ids(run: Made) -> list[str]:
    """Tell what was said twice, or cannot be read any more."""
    if run.status == "success" and not run.replayed_ids:
        return [f"run {run.name} ({run.run_id}) has no events"]
    return [
        f"run {run.name} ({run.run_id}) has said twice: {twice}"
        for ids in (run.event_ids, run.replayed_ids)
        if (twice := [one for one, times in Counter(ids).items() if times > 1])
    ]


def wrong_order(history: list[dict[str, Any]]) -> list[str]:
    """Tell which checkpoint is not the child of the one before it, or not one step on."""
    problems = []
    for child, parent in pairwise(history):
        checkpoint_id = child["checkpoint"]["checkpoint_id"]
        named = child["parent_checkpoint"] or {}
        if named.get("checkpoint_id") != parent["checkpoint"]["checkpoint_id"]:
            problems.append(f"checkpoint {checkpoint_id} is no child of the one before")
        elif child["metadata"]["step"] != parent["metadata"]["step"] + 1:
            problems.append(f"checkpoint {checkpoint_id} is not one step on")
    return problems
