"""Runs whose process is gone: tried again, or settled in its stead."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from runs.engine.claim_queries import free_stuck_threads
from runs.engine.current import current_engine
from tests.streaming import MakeThread, settled

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}
# As a process leaves a run when it dies: no such process holds a lock.
DIE = """
UPDATE run SET status = 'running', attempt = 1, claimed_by = 7, started_at = now(),
       created_at = now(), lease_until = now() + make_interval(secs => %(left)s),
       lost_attempts = %(lost)s, cancel_action = %(cancel)s
 WHERE run_id = %(run)s
"""
RUN = "SELECT status, attempt, lost_attempts FROM run WHERE run_id = %s"


async def lost(
    api: httpx.AsyncClient,
    thread_id: str,
    *,
    lost: int = 0,
    cancel: str | None = None,
    left: float = -1,
    **body: Any,
) -> UUID:
    """Write a run that a dead process has."""
    asked = {**ECHO, "after_seconds": 3600, **body}
    run = (await api.post(f"/threads/{thread_id}/runs", json=asked)).json()
    parameters = {"run": run["run_id"], "lost": lost, "cancel": cancel, "left": left}
    await db.execute(DIE, parameters)
    return UUID(run["run_id"])


async def sweep() -> None:
    from graphs.loop import on_graph_loop

    await on_graph_loop(current_engine()._sweep())


async def test_a_lost_run_is_tried_again(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    run_id = await lost(api, thread_id)

    await sweep()

    shown = await settled(api, thread_id)
    assert shown["status"] == "idle"
    assert [message["content"] for message in shown["values"]["messages"]] == ["hi", "hi"]
    assert await db.fetch_one(RUN, [run_id]) == {
        "status": "success",
        "attempt": 2,
        "lost_attempts": 1,
    }


async def test_a_run_that_is_lost_too_often_fails(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.RUN_MAX_ATTEMPTS = 2
    thread_id = await thread()
    run_id = await lost(api, thread_id, lost=1)

    await sweep()

    answer = await api.get(f"/threads/{thread_id}/runs/{run_id}/join")
    told = answer.json()["__error__"]
    assert told["error"] == "ServerStopped"
    assert "2 times (RUN_MAX_ATTEMPTS)" in told["message"]
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "error"


@pytest.mark.parametrize("lost_before", [0, 2])
async def test_a_lost_run_that_was_cancelled_is_not_tried_again(
    api: httpx.AsyncClient, thread: MakeThread, lost_before: int
) -> None:
    thread_id = await thread()
    run_id = await lost(api, thread_id, cancel="interrupt", lost=lost_before)

    await sweep()

    place = f"/threads/{thread_id}/runs/{run_id}"
    assert (await api.get(place)).json()["status"] == "interrupted"
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


async def test_a_lost_run_that_was_to_be_rolled_back_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await lost(api, thread_id, cancel="rollback")

    await sweep()

    assert (await api.get(f"/threads/{thread_id}/runs/{run_id}")).status_code == 404
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


async def test_a_process_that_is_not_connected_is_given_a_moment_to_come_back(
    api: httpx.AsyncClient, thread: MakeThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = await thread()
    run_id = await lost(api, thread_id, left=3600)

    await sweep()
    assert (await db.fetch_one(RUN, [run_id]) or {})["status"] == "running"
    monkeypatch.setattr("runs.engine.sweeping.RELOCK_SECONDS", 0)
    await sweep()

    assert (await settled(api, thread_id))["status"] == "idle"


async def test_a_thread_that_is_busy_without_a_run_is_freed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await db.execute("UPDATE thread SET status = 'busy' WHERE thread_id = %s", [thread_id])

    assert UUID(thread_id) in await free_stuck_threads()

    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"


# As a process leaves it that dies between the graph's last write and the record of its run.
UNSETTLE = """
WITH back AS (
  UPDATE run SET status = 'running', claimed_by = 7, lease_until = now() - interval '1 s',
         ended_at = NULL WHERE run_id = %(run)s)
UPDATE thread SET status = 'busy', values = %(values)s, interrupts = %(interrupts)s
 WHERE thread_id = %(thread)s
"""


async def unsettle(thread: dict[str, Any], run_id: str) -> None:
    """Undo the record of a run; `thread` is as it was before the run."""
    parameters = {
        "run": run_id,
        "thread": thread["thread_id"],
        "values": db.jsonb(thread["values"]),
        "interrupts": db.jsonb(thread["interrupts"]),
    }
    await db.execute(UNSETTLE, parameters)


async def last_run(api: httpx.AsyncClient, thread_id: str) -> str:
    return str((await api.get(f"/threads/{thread_id}/runs")).json()[0]["run_id"])


async def test_a_graph_that_had_ended_is_settled_and_not_executed_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    place = f"/threads/{thread_id}"
    before = (await api.get(place)).json()
    await api.post(f"{place}/runs/wait", json=ECHO)
    history = (await api.get(f"{place}/history")).json()
    run_id = await last_run(api, thread_id)

    await unsettle(before, run_id)
    await sweep()

    shown = await settled(api, thread_id)
    assert [message["content"] for message in shown["values"]["messages"]] == ["hi", "hi"]
    assert (await api.get(f"{place}/history")).json() == history
    assert (await db.fetch_one(RUN, [run_id]) or {})["attempt"] == 2


async def test_an_answer_that_was_taken_answers_no_other_question(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    place = f"/threads/{thread_id}"
    await api.post(f"{place}/runs/wait", json={"assistant_id": "asktwice", "input": {}})
    before = (await api.get(place)).json()
    resumed: dict[str, Any] = {"assistant_id": "asktwice", "command": {"resume": "yes"}}
    await api.post(f"{place}/runs/wait", json=resumed)

    await unsettle(before, await last_run(api, thread_id))
    await sweep()

    shown = await settled(api, thread_id)
    assert shown["status"] == "interrupted"
    ((asked,),) = shown["interrupts"].values()
    assert asked["value"] == {"q": "second?"}


async def test_an_answer_that_was_not_taken_is_given_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    place = f"/threads/{thread_id}"
    await api.post(f"{place}/runs/wait", json={"assistant_id": "asktwice", "input": {}})
    resumed: dict[str, Any] = {"assistant_id": "asktwice", "command": {"resume": "yes"}}

    await lost(api, thread_id, **resumed)
    await sweep()

    shown = await settled(api, thread_id)
    ((asked,),) = shown["interrupts"].values()
    assert asked["value"] == {"q": "second?"}


async def test_a_fork_that_was_lost_goes_on_from_what_it_has_written(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    place = f"/threads/{thread_id}"
    await api.post(f"{place}/runs/wait", json=ECHO)
    before = (await api.get(place)).json()
    head = (await api.get(f"{place}/state")).json()["checkpoint"]["checkpoint_id"]
    await api.post(f"{place}/runs/wait", json={**ECHO, "checkpoint_id": head})

    await unsettle(before, await last_run(api, thread_id))
    await sweep()

    shown = await settled(api, thread_id)
    assert [message["content"] for message in shown["values"]["messages"]] == ["hi"] * 4
