from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from common import db
from common.errors import ApiError
from crons.firing import fire_due_crons, fire_now
from crons.jobs import fire_crons
from crons.tests.asking import MakeCron, kept, make_due, runs_of
from runs.tests.webhook_projects import webhooks_section
from tests.receiving import receiving

pytestmark = pytest.mark.usefixtures("no_other_crons")

HI = {"messages": [{"role": "user", "content": "hi"}]}


def counted(outcome: str) -> float:
    """Return how many times of crons came to this."""
    return REGISTRY.get_sample_value("aegra_crons_fired_total", {"outcome": outcome}) or 0


async def settled(api: httpx.AsyncClient, run: dict[str, Any]) -> dict[str, Any]:
    await api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/join")
    answer = await api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}")
    found: dict[str, Any] = answer.json()
    return found


async def test_a_cron_that_is_late_makes_one_run_and_is_next_due_in_the_future(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(on_run_completed="keep", input=HI, metadata={"topic": "news"})
    await make_due(made)

    await fire_crons(timestamp=0)
    await fire_crons(timestamp=5)

    (run,) = await runs_of(api, made)
    assert run["metadata"]["topic"] == "news"
    assert run["kwargs"]["config"]["configurable"]["cron_id"] == made["cron_id"]
    assert (await settled(api, run))["status"] == "success"
    after = await kept(made)
    assert timedelta(0) < after["next_run_date"] - datetime.now(UTC) <= timedelta(minutes=1)
    assert after["last_run_date"] is not None
    assert after["last_error"] is None


async def test_the_end_of_a_crons_run_is_told(
    api: httpx.AsyncClient, cron: MakeCron, drain: Callable[[], Awaitable[None]]
) -> None:
    with receiving() as receiver, webhooks_section(url={"disable_loopback": False}):
        made = await cron(on_run_completed="keep", input=HI, webhook=receiver.url)
        await make_due(made)
        await fire_due_crons()
        (run,) = await runs_of(api, made)
        await settled(api, run)

        await drain()

    told = [sent.json() for sent in receiver.received]
    assert [(run["run_id"], "success")] == [(item["run_id"], item["status"]) for item in told]


async def test_a_crons_run_waits_for_its_turn_where_the_assistant_has_a_limit(
    api: httpx.AsyncClient,
    cron: MakeCron,
    assistant: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    limited = await assistant(graph_id="sleeper", metadata={"max_runs": 1})
    key, rest = limited["assistant_id"], {"seconds": 60}
    await api.post("/runs", json={"assistant_id": key, "input": rest})
    made = await cron(assistant_id=key, schedule="0 0 1 1 *", input=rest)

    run = await fire_now(made["cron_id"])

    found = await api.get(f"/threads/{run.thread_id}/runs/{run.run_id}")
    assert found.json()["status"] == "pending"
    await api.delete(f"/assistants/{key}")


async def test_what_is_not_due_is_left_alone(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await cron(schedule="0 0 1 1 *")

    await fire_due_crons()

    assert await runs_of(api, made) == []


@pytest.mark.parametrize(
    "changes", ["enabled = false", "end_time = now() - interval '1 second'", "next_run_date = NULL"]
)
async def test_what_is_disabled_or_over_makes_no_run(
    api: httpx.AsyncClient, cron: MakeCron, changes: str
) -> None:
    made = await cron()
    await make_due(made)
    await db.execute(f"UPDATE cron SET {changes} WHERE cron_id = %s", [made["cron_id"]])

    await fire_due_crons()

    assert await runs_of(api, made) == []
    assert (await kept(made))["last_run_date"] is None


async def test_when_many_fire_at_once_there_is_one_run_of_each(
    api: httpx.AsyncClient, cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    crons = [await cron(input=HI, on_run_completed="keep") for _ in range(3)]
    crons += [await cron(thread_id=await thread(), input=HI) for _ in range(3)]
    for each in crons:
        await make_due(each)

    await asyncio.gather(*(fire_due_crons() for _ in range(4)))
    # Who lost may have found a row locked that was then left as it was.
    await fire_due_crons()

    assert [len(await runs_of(api, each)) for each in crons] == [1] * 6


async def test_a_kept_thread_is_found_by_its_cron(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await cron(on_run_completed="keep", input=HI)

    for _ in range(2):
        await make_due(made)
        await fire_due_crons()

    answer = await api.post("/threads/search", json={"metadata": {"cron_id": made["cron_id"]}})
    runs = await runs_of(api, made)
    assert {found["thread_id"] for found in answer.json()} == {run["thread_id"] for run in runs}
    assert len(answer.json()) == 2


async def test_a_thread_that_is_not_kept_goes_with_its_run(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(input=HI)
    await make_due(made)

    await fire_due_crons()

    async with asyncio.timeout(8):
        while await runs_of(api, made):  # noqa: ASYNC110 -- the database says when
            await asyncio.sleep(0.02)
    answer = await api.post("/threads/search", json={"metadata": {"cron_id": made["cron_id"]}})
    assert answer.json() == []


async def test_a_cron_of_a_thread_goes_on_with_its_conversation(
    api: httpx.AsyncClient, cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()
    made = await cron(thread_id=thread_id, input=HI)

    for _ in range(2):
        await make_due(made)
        await fire_due_crons()

    runs = await runs_of(api, made)
    assert [(await settled(api, run))["status"] for run in runs] == ["success"] * 2
    assert {run["thread_id"] for run in runs} == {thread_id}
    state = (await api.get(f"/threads/{thread_id}/state")).json()
    assert [each["type"] for each in state["values"]["messages"]] == ["human", "ai"] * 2


async def test_a_cron_that_can_make_no_run_keeps_the_error_and_goes_on(
    api: httpx.AsyncClient, cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()
    busy = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    await api.post(f"/threads/{thread_id}/runs", json=busy)
    made = await cron(thread_id=thread_id, multitask_strategy="reject", input=HI)
    before = {outcome: counted(outcome) for outcome in ("run", "error")}
    other = await cron(input=HI, on_run_completed="keep")
    for each in (made, other):
        await make_due(each)

    await fire_due_crons()

    after = await kept(made)
    assert await runs_of(api, made) == []
    assert "already running" in after["last_error"]
    assert after["next_run_date"] > datetime.now(UTC)
    assert len(await runs_of(api, other)) == 1
    assert {outcome: counted(outcome) - before[outcome] for outcome in before} == {
        "run": 1,
        "error": 1,
    }
    await api.delete(f"/threads/{thread_id}")


async def test_the_next_run_that_is_made_takes_the_error_away(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(input=HI)
    await db.execute("UPDATE cron SET last_error = 'x' WHERE cron_id = %s", [made["cron_id"]])
    await make_due(made)

    await fire_due_crons()

    assert (await kept(made))["last_error"] is None


async def test_an_assistant_whose_graph_is_gone_is_told_of(
    api: httpx.AsyncClient, cron: MakeCron, assistant: Callable[..., Awaitable[dict[str, Any]]]
) -> None:
    assistant_id = (await assistant())["assistant_id"]
    made = await cron(assistant_id=assistant_id)
    await db.execute(
        "UPDATE assistant SET graph_id = 'gone' WHERE assistant_id = %s", [assistant_id]
    )
    await make_due(made)

    await fire_due_crons()

    assert assistant_id in (await kept(made))["last_error"]


async def test_a_payload_that_another_version_wrote_keeps_none_of_the_others(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made, strange, other = [await cron(input=HI, on_run_completed="keep") for _ in range(3)]
    await db.execute(
        "UPDATE cron SET payload = '{\"stream_mode\": 5}' WHERE cron_id = %s", [made["cron_id"]]
    )
    await db.execute("UPDATE cron SET payload = '[]' WHERE cron_id = %s", [strange["cron_id"]])
    for each in (made, strange, other):
        await make_due(each)

    await fire_due_crons()

    assert "stream_mode" in (await kept(made))["last_error"]
    assert (await kept(strange))["last_error"] is not None
    assert len(await runs_of(api, other)) == 1


async def test_a_zone_that_the_machine_no_longer_knows_is_no_end_of_it_all(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(input=HI, on_run_completed="keep")
    await db.execute("UPDATE cron SET timezone = 'Atlantis' WHERE cron_id = %s", [made["cron_id"]])
    await make_due(made)

    await fire_due_crons()

    assert (await kept(made))["next_run_date"] is None


async def test_a_run_out_of_turn_leaves_the_next_time_as_it_is(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(schedule="0 0 1 1 *", enabled=False, input=HI, on_run_completed="keep")
    before = await kept(made)

    run = await fire_now(before["cron_id"])

    assert [found["run_id"] for found in await runs_of(api, made)] == [str(run.run_id)]
    after = await kept(made)
    assert after["next_run_date"] == before["next_run_date"]
    assert after["last_run_date"] is not None


async def test_no_cron_makes_no_run_out_of_turn(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await kept(await cron())
    await db.execute("DELETE FROM cron")

    with pytest.raises(ApiError, match="not found"):
        await fire_now(made["cron_id"])
