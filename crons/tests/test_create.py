from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from assistants.system import system_assistant_id
from crons.tests.asking import NOBODY, MakeCron

BODY = {"assistant_id": "echo", "schedule": "0 9 * * *"}
KEYS = {
    *("cron_id", "assistant_id", "thread_id", "user_id", "end_time", "schedule", "timezone"),
    *("payload", "next_run_date", "metadata", "on_run_completed", "enabled"),
    *("created_at", "updated_at"),
}
PAYLOAD: dict[str, Any] = {
    "input": {"messages": []},
    "context": {"tone": "dry"},
    "interrupt_before": ["a"],
    "interrupt_after": "*",
    "multitask_strategy": "interrupt",
    "stream_mode": ["values", "updates"],
    "stream_subgraphs": True,
    "stream_resumable": True,
    "durability": "exit",
    "checkpoint_during": False,
    "webhook": "https://example.com/hook",
}


async def test_a_cron_of_a_graph_alone_has_the_defaults(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs/crons", json={"assistant_id": "echo", "schedule": "* * * * *"})

    assert answer.status_code == 200
    cron = answer.json()
    assert cron.keys() == KEYS
    assert cron["assistant_id"] == str(system_assistant_id("echo"))
    assert (cron["thread_id"], cron["user_id"], cron["end_time"]) == (None, None, None)
    assert (cron["schedule"], cron["timezone"]) == ("* * * * *", None)
    assert (cron["on_run_completed"], cron["enabled"]) == ("delete", True)
    assert cron["metadata"] == {}
    assert cron["payload"] == {
        "assistant_id": cron["assistant_id"],
        "config": {"configurable": {"cron_id": cron["cron_id"]}},
    }
    wait = datetime.fromisoformat(cron["next_run_date"]) - datetime.fromisoformat(
        cron["created_at"]
    )
    assert timedelta(0) < wait <= timedelta(minutes=1)


async def test_what_its_runs_are_given_is_kept(api: httpx.AsyncClient) -> None:
    asked = {"timezone": "Asia/Kolkata", "end_time": "2099-01-01T01:00:00+01:00", "enabled": False}
    body = {**BODY, **PAYLOAD, **asked, "metadata": {"a": 1}, "on_run_completed": "keep"}

    answer = await api.post("/runs/crons", json=body)

    assert answer.status_code == 200, answer.text
    cron = answer.json()

    assert {name: cron["payload"][name] for name in PAYLOAD} == PAYLOAD
    assert cron["metadata"] == {"a": 1}
    assert cron["on_run_completed"] == "keep"
    assert (cron["timezone"], cron["enabled"]) == ("Asia/Kolkata", False)
    assert cron["end_time"] == "2099-01-01T00:00:00+00:00"
    assert cron["next_run_date"].endswith("T03:30:00+00:00")


async def test_a_cron_of_a_thread_keeps_it(
    cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()

    made = await cron(thread_id=thread_id, on_run_completed="keep")

    assert (made["thread_id"], made["on_run_completed"]) == (thread_id, None)


async def test_an_assistant_may_be_named_by_its_id(
    cron: MakeCron, assistant: Callable[..., Awaitable[dict[str, Any]]]
) -> None:
    assistant_id = (await assistant())["assistant_id"]

    assert (await cron(assistant_id=assistant_id))["assistant_id"] == assistant_id


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"schedule": None}, "schedule"),
        ({"schedule": ""}, "schedule"),
        ({"schedule": 5}, "schedule"),
        ({"schedule": "every day"}, "schedule"),
        ({"schedule": "* * * * * *"}, "schedule"),
        ({"schedule": "0 0 30 2 *"}, "schedule"),
        ({"schedule": "* " * 400}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": ["UTC"]}, "timezone"),
        ({"end_time": "2001-01-01T00:00:00+00:00"}, "end_time"),
        ({"end_time": "2099-01-01T00:00:00"}, "end_time"),
        ({"end_time": "9999-12-31T23:59:59-10:00"}, "end_time"),
        ({"end_time": "tomorrow"}, "end_time"),
        ({"end_time": 4070908800}, "end_time"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"on_run_completed": "frame"}, "on_run_completed"),
        ({"multitask_strategy": "fight"}, "multitask_strategy"),
        ({"stream_mode": "smoke"}, "stream_mode"),
        ({"metadata": []}, "metadata"),
        ({"config": {"configurable": 1}}, "config"),
        ({"assistant_id": None}, "assistant_id"),
        ({"assistant_id": "nobody"}, "assistant"),
    ],
)
async def test_what_is_wrong_is_named(
    api: httpx.AsyncClient, given: dict[str, Any], named: str
) -> None:
    answer = await api.post("/runs/crons", json={**BODY, **given})

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.parametrize("name", ["assistant_id", "schedule"])
async def test_what_is_missing_is_named(api: httpx.AsyncClient, name: str) -> None:
    body = {key: value for key, value in BODY.items() if key != name}

    answer = await api.post("/runs/crons", json=body)

    assert answer.status_code == 422
    assert name in answer.json()["detail"]


async def test_a_thread_that_was_there_is_not_deleted_by_its_cron(
    api: httpx.AsyncClient, thread: Callable[..., Awaitable[str]]
) -> None:
    body = {**BODY, "on_run_completed": "delete"}

    answer = await api.post(f"/threads/{await thread()}/runs/crons", json=body)

    assert answer.status_code == 422
    assert "on_run_completed" in answer.json()["detail"]


async def test_a_context_and_a_configurable_contradict_each_other(api: httpx.AsyncClient) -> None:
    body = {**BODY, "context": {"a": 1}, "config": {"configurable": {"a": 2}}}

    assert (await api.post("/runs/crons", json=body)).status_code == 400


async def test_a_webhook_is_refused_like_a_runs(api: httpx.AsyncClient) -> None:
    webhook = {"webhook": "http://127.0.0.1/hook"}

    answer = await api.post("/runs/crons", json={**BODY, **webhook})
    of_run = await api.post("/runs", json={"assistant_id": "echo", **webhook})

    assert answer.status_code == of_run.status_code == 422
    assert answer.json() == of_run.json()


async def test_an_assistant_that_is_not_there_is_404(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs/crons", json={**BODY, "assistant_id": str(uuid4())})

    assert answer.status_code == 404


@pytest.mark.parametrize(("thread_id", "status"), [(NOBODY, 404), ("x", 422)])
async def test_a_thread_that_is_not_there_is_refused(
    api: httpx.AsyncClient, thread_id: str, status: int
) -> None:
    answer = await api.post(f"/threads/{thread_id}/runs/crons", json=BODY)

    assert answer.status_code == status
    assert "thread" in answer.json()["detail"].lower()
