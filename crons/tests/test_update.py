from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from crons.tests.asking import MakeCron, make_due


async def changed(
    api: httpx.AsyncClient, cron: dict[str, Any], **changes: Any
) -> tuple[int, dict[str, Any]]:
    answer = await api.patch(f"/runs/crons/{cron['cron_id']}", json=changes)
    return answer.status_code, answer.json()


async def test_another_schedule_counts_from_now(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await cron()
    await make_due(made)

    status, found = await changed(api, made, schedule="30 4 1 1 *", timezone="Asia/Kolkata")

    assert status == 200
    assert (found["schedule"], found["timezone"]) == ("30 4 1 1 *", "Asia/Kolkata")
    assert found["next_run_date"].endswith("-12-31T23:00:00+00:00")
    assert found["updated_at"] > made["updated_at"]


async def test_another_zone_alone_counts_anew_and_none_is_utc(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(schedule="0 9 * * *", timezone="Asia/Kolkata")

    _, found = await changed(api, made, timezone=None)

    assert found["timezone"] is None
    assert found["next_run_date"].endswith("T09:00:00+00:00")


async def test_what_was_missed_while_disabled_is_not_made_up_for(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(enabled=False)
    await make_due(made)

    _, found = await changed(api, made, enabled=True)

    assert found["enabled"]
    assert found["next_run_date"] > found["updated_at"]


async def test_disabling_leaves_the_next_time_as_it_is(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron()

    _, found = await changed(api, made, enabled=False)

    assert (found["enabled"], found["next_run_date"]) == (False, made["next_run_date"])


async def test_an_end_is_set_and_cleared(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await cron()

    _, ending = await changed(api, made, end_time="2099-01-01T00:00:00Z")
    _, untouched = await changed(api, made, enabled=True)
    _, endless = await changed(api, made, end_time=None)

    assert ending["end_time"] == untouched["end_time"] == "2099-01-01T00:00:00+00:00"
    assert endless["end_time"] is None


async def test_metadata_and_payload_are_merged_key_by_key(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    made = await cron(
        metadata={"a": 1, "b": 1}, input={"n": 1}, durability="exit", config={"tags": ["x"]}
    )

    _, found = await changed(
        api,
        made,
        metadata={"b": 2},
        input={"n": 2},
        config={"configurable": {"tone": "dry"}},
        stream_mode=["values", "updates"],
    )

    assert found["metadata"] == {"a": 1, "b": 2}
    assert found["payload"] == {
        "assistant_id": made["assistant_id"],
        "input": {"n": 2},
        "durability": "exit",
        "config": {"configurable": {"tone": "dry", "cron_id": made["cron_id"]}},
        "stream_mode": ["values", "updates"],
    }


async def test_what_becomes_of_its_threads_may_change(
    api: httpx.AsyncClient, cron: MakeCron
) -> None:
    _, found = await changed(api, await cron(), on_run_completed="keep")

    assert found["on_run_completed"] == "keep"


async def test_the_thread_of_a_cron_is_kept_whatever_is_asked(
    api: httpx.AsyncClient, cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    made = await cron(thread_id=await thread())

    status, refused = await changed(api, made, on_run_completed="delete")
    kept_status, found = await changed(api, made, on_run_completed="keep", enabled=False)
    same_status, _ = await changed(api, made, on_run_completed="keep")

    assert (status, kept_status, same_status) == (422, 200, 200)
    assert "on_run_completed" in refused["detail"]
    assert (found["on_run_completed"], found["enabled"]) == (None, False)


@pytest.mark.parametrize("changes", [{}, {"schedule": None, "input": None}, {"colour": "blue"}])
async def test_no_change_is_no_request(
    api: httpx.AsyncClient, cron: MakeCron, changes: dict[str, Any]
) -> None:
    status, found = await changed(api, await cron(), **changes)

    assert status == 400
    assert "change" in found["detail"]


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"schedule": "never"}, 422, "schedule"),
        ({"timezone": "Mars/Olympus"}, 422, "timezone"),
        ({"end_time": "2001-01-01T00:00:00Z"}, 422, "end_time"),
        ({"end_time": "2099-01-01"}, 422, "end_time"),
        ({"enabled": "perhaps"}, 422, "enabled"),
        ({"on_run_completed": "frame"}, 422, "on_run_completed"),
        ({"stream_mode": ["smoke"]}, 422, "stream_mode"),
        # Each is right by itself: the other one is there already.
        ({"context": {"a": 1}}, 400, "context"),
    ],
)
async def test_what_is_wrong_changes_nothing(
    api: httpx.AsyncClient, cron: MakeCron, changes: dict[str, Any], status: int, named: str
) -> None:
    made = await cron(config={"configurable": {"a": 2}})

    got, found = await changed(api, made, **changes, metadata={"changed": True})

    assert got == status
    assert named in found["detail"]
    answer = await api.get(f"/runs/crons/{made['cron_id']}")
    assert answer.json() == made
