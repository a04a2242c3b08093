from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from langgraph_sdk.errors import APIStatusError

from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow

# What a cron's runs are given, under the SDK's names.
GIVEN: dict[str, Any] = {
    "input": {"messages": [{"role": "user", "content": "hi"}]},
    "config": {"tags": ["nightly"]},
    "context": {"tone": "dry"},
    "interrupt_before": ["a"],
    "interrupt_after": ["b"],
    "multitask_strategy": "enqueue",
    "stream_mode": ["values", "updates"],
    "stream_subgraphs": True,
    "stream_resumable": True,
    "durability": "sync",
}


@pytest.fixture
def metadata() -> dict[str, str]:
    return {"mark": str(uuid4())}


async def test_a_cron_is_created_with_all_it_can_be_given(
    client: Client, metadata: dict[str, str]
) -> None:
    end = datetime.now(UTC) + timedelta(days=400)

    cron = await client.crons.create(
        "echo",
        schedule="0 9 * * MON-FRI",
        timezone=ZoneInfo("Asia/Kolkata"),
        end_time=end,
        enabled=False,
        on_run_completed="keep",
        metadata=metadata,
        **GIVEN,
    )

    assert (cron["schedule"], cron["timezone"]) == ("0 9 * * MON-FRI", "Asia/Kolkata")
    assert (cron["enabled"], cron["on_run_completed"]) == (False, "keep")
    assert datetime.fromisoformat(cron["end_time"]) == end
    assert cron["next_run_date"].endswith("T03:30:00+00:00")
    assert cron["metadata"] == metadata
    assert cron["payload"]["config"].pop("configurable") == {"cron_id": cron["cron_id"]}
    assert {name: cron["payload"][name] for name in GIVEN} == GIVEN


@pytest.mark.filterwarnings("ignore:`checkpoint_during` is deprecated")
async def test_a_cron_of_a_thread_takes_the_older_spelling_of_durability(
    client: Client, thread_id: str
) -> None:
    cron = await client.crons.create_for_thread(
        thread_id, "echo", schedule="0 9 * * *", checkpoint_during=False
    )

    assert (cron["thread_id"], cron["on_run_completed"]) == (thread_id, None)
    assert cron["payload"]["checkpoint_during"] is False
    await client.crons.delete(cron["cron_id"])


async def test_a_cron_is_changed(client: Client, metadata: dict[str, str]) -> None:
    end = datetime.now(UTC) + timedelta(days=400)
    made = await client.crons.create("echo", schedule="0 9 * * *", end_time=end, metadata=metadata)
    changes = {name: value for name, value in GIVEN.items() if name != "multitask_strategy"}

    cron = await client.crons.update(
        made["cron_id"],
        schedule="30 7 * * *",
        timezone="Asia/Kolkata",
        end_time=None,
        enabled=False,
        on_run_completed="keep",
        metadata={"more": "1"},
        **changes,
    )

    assert (cron["schedule"], cron["timezone"], cron["end_time"]) == (
        *("30 7 * * *", "Asia/Kolkata"),
        None,
    )
    assert (cron["enabled"], cron["on_run_completed"]) == (False, "keep")
    assert cron["next_run_date"].endswith("T02:00:00+00:00")
    assert cron["metadata"] == {**metadata, "more": "1"}
    assert cron["payload"]["input"] == GIVEN["input"]
    untouched = await client.crons.update(made["cron_id"], enabled=False)
    assert untouched["schedule"] == "30 7 * * *"


async def test_crons_are_searched_and_counted(
    client: Client, thread_id: str, metadata: dict[str, str]
) -> None:
    first = await client.crons.create("echo", schedule="0 9 * * *", metadata=metadata)
    second = await client.crons.create_for_thread(
        thread_id, "ask", schedule="0 8 * * *", metadata=metadata, enabled=False
    )

    async def found(**asked: Any) -> list[str]:
        crons = await client.crons.search(metadata=metadata, **asked)
        return [cron["cron_id"] for cron in crons]

    assert await found() == [second["cron_id"], first["cron_id"]]
    assert await found(assistant_id="echo") == [first["cron_id"]]
    assert await found(thread_id=thread_id) == [second["cron_id"]]
    assert await found(enabled=True) == [first["cron_id"]]
    assert await found(limit=1, offset=1) == [first["cron_id"]]
    assert await found(sort_by="created_at", sort_order="asc", select=["cron_id"]) == [
        first["cron_id"],
        second["cron_id"],
    ]
    assert await client.crons.count(metadata=metadata) == 2
    assert await client.crons.count(metadata=metadata, assistant_id=first["assistant_id"]) == 1
    assert await client.crons.count(metadata=metadata, thread_id=thread_id) == 1


async def test_a_deleted_cron_is_gone(client: Client) -> None:
    cron = await client.crons.create("echo", schedule="0 9 * * *")

    await client.crons.delete(cron["cron_id"])

    with pytest.raises(APIStatusError) as refused:
        await client.crons.delete(cron["cron_id"])
    assert refused.value.response.status_code == 404


async def test_what_is_wrong_with_a_cron_is_told(client: Client) -> None:
    with pytest.raises(APIStatusError, match="schedule"):
        await client.crons.create("echo", schedule="every day")
    with pytest.raises(APIStatusError, match="timezone"):
        await client.crons.create("echo", schedule="0 9 * * *", timezone="Mars/Olympus")


@pytest.mark.timeout(150)
async def test_a_cron_of_every_minute_runs_when_the_minute_is_over(
    client: Client, thread_id: str
) -> None:
    cron = await client.crons.create_for_thread(
        thread_id, "echo", schedule="* * * * *", input=GIVEN["input"]
    )
    due = datetime.fromisoformat(cron["next_run_date"])

    async with asyncio.timeout(100):
        while not (runs := await client.runs.list(thread_id)):  # noqa: ASYNC110 -- a client polls
            await asyncio.sleep(0.5)

    (run,) = runs
    late = datetime.fromisoformat(run["created_at"]) - due
    assert timedelta(0) <= late < timedelta(seconds=15)
    assert run["metadata"]["cron_id"] == cron["cron_id"]
    await client.runs.join(thread_id, run["run_id"])
    await client.crons.delete(cron["cron_id"])
