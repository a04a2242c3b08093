from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from django.db import connections
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from aegra_project.meta import MetaViewSet
from common import db, telemetry

HI: dict[str, Any] = {"assistant_id": "echo", "input": {"messages": ["hi"]}}

Numbers = Callable[[], Awaitable[Callable[..., float]]]


@pytest.fixture
def numbers(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Numbers:
    """Read /metrics, and return what tells the value of a sample by its name and labels."""

    async def read() -> Callable[..., float]:
        monkeypatch.setattr(telemetry, "_measured_at", -10.0)
        text = (await api.get("/metrics")).text
        found = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        return lambda name, **labels: found.get((name, frozenset(labels.items())), 0.0)

    return read


async def test_metrics_are_told_as_prometheus_reads_them(api: httpx.AsyncClient) -> None:
    answer = await api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE aegra_runs_settled_total counter" in answer.text
    assert "_created{" not in answer.text


async def test_metrics_are_told_as_json(api: httpx.AsyncClient) -> None:
    answer = await api.get("/metrics", params={"format": "json"})

    slots = answer.json()["aegra_slots"]
    assert slots["type"] == "gauge"
    assert slots["samples"] == [{"name": "aegra_slots", "labels": {}, "value": 100.0}]


async def test_another_form_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/metrics", params={"format": "xml"})

    assert answer.status_code == 422
    assert answer.json() == {"detail": "format='xml' is not one of prometheus, json."}


async def test_a_request_counts_by_its_route_and_never_by_an_id(
    api: httpx.AsyncClient, numbers: Numbers
) -> None:
    labels = {"method": "GET", "route": "/threads/{thread_id}"}
    before = await numbers()

    for _ in range(2):
        await api.get("/threads/00000000-0000-4000-8000-000000000000")

    after = await numbers()
    counted = {"name": "aegra_http_requests_total", **labels, "status": "404"}
    assert after(**counted) - before(**counted) == 2
    timed = {"name": "aegra_http_request_seconds_count", **labels}
    assert after(**timed) - before(**timed) == 2


@pytest.mark.parametrize(
    ("path", "route"), [("/no/such/thing", "(none)"), ("/admin/login/", "/admin/*")]
)
async def test_what_no_route_of_the_api_answers_counts_together(
    other_api: httpx.AsyncClient, numbers: Numbers, path: str, route: str
) -> None:
    before = await numbers()

    status = (await other_api.get(path)).status_code

    after = await numbers()
    counted = {"method": "GET", "route": route, "status": str(status)}
    name = "aegra_http_requests_total"
    assert after(name, **counted) - before(name, **counted) == 1


async def test_a_run_counts_when_it_is_made_and_when_it_settles(
    api: httpx.AsyncClient, numbers: Numbers
) -> None:
    before = await numbers()

    await api.post("/runs/wait", json=HI)
    await api.post("/runs/wait", json={"assistant_id": "boom", "input": {}})

    after = await numbers()

    def rise(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert rise("aegra_runs_created_total", graph="echo") == 1
    assert rise("aegra_runs_settled_total", graph="echo", status="success") == 1
    assert rise("aegra_runs_settled_total", graph="boom", status="error") == 1
    assert rise("aegra_run_seconds_count", graph="echo") == 1
    assert rise("aegra_run_wait_seconds_count") == 2
    assert rise("aegra_events_total") >= 4
    assert rise("aegra_event_bytes_total") > 50


async def test_a_run_on_a_thread_counts_its_checkpoints(
    api: httpx.AsyncClient, thread: Callable[..., Awaitable[str]], numbers: Numbers
) -> None:
    before = await numbers()

    await api.post(f"/threads/{await thread()}/runs/wait", json=HI)

    name = "aegra_checkpoints_written_total"
    assert (await numbers())(name) - before(name) >= 2


async def test_what_runs_takes_a_slot_and_stands_in_the_queue(
    api: httpx.AsyncClient, thread: Callable[..., Awaitable[str]], numbers: Numbers
) -> None:
    thread_id = await thread()
    asked = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    made = [await api.post(f"/threads/{thread_id}/runs", json=asked) for _ in range(2)]

    during = await numbers()

    assert during("aegra_slots_busy") >= 1
    assert during("aegra_queue_runs", state="running") >= 1
    assert during("aegra_queue_runs", state="pending") >= 1
    assert during("aegra_queue_oldest_seconds") > 0
    assert during("aegra_lease_age_seconds") < 15
    for run in reversed(made):
        await api.post(f"/threads/{thread_id}/runs/{run.json()['run_id']}/cancel?wait=1")


async def test_each_pool_is_told_of_by_name(numbers: Numbers) -> None:
    found = await numbers()

    for pool in ("http", "graphs"):
        assert found("aegra_db_pool_size", pool=pool) >= 1, pool
    assert found("aegra_database_up") == 1


async def test_a_job_counts_by_what_came_of_it(
    numbers: Numbers, drain: Callable[[], Awaitable[None]]
) -> None:
    from common.background import defer

    job = {"task": "common.background.forget_old_jobs", "outcome": "done"}
    before = await numbers()
    async with db.transaction() as tx:
        await defer(tx, job["task"], {"timestamp": 0}, queue="upkeep")
    assert (await numbers())("aegra_jobs_queued", status="todo") >= 1

    await drain()

    after = await numbers()
    assert after("aegra_jobs_total", **job) - before("aegra_jobs_total", **job) == 1


def test_metrics_are_told_without_a_database(
    served: None, monkeypatch: pytest.MonkeyPatch, settings: Settings, rf: Any
) -> None:
    monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
    monkeypatch.setitem(connections.settings["default"], "PORT", "1")
    monkeypatch.setattr(telemetry, "MEASURE_SECONDS", 0.1)
    monkeypatch.setattr(telemetry, "_measured_at", -10.0)
    settings.DB_CONNECT_SECONDS = 1

    async def ask() -> str:
        answer = await MetaViewSet.as_view({"get": "metrics"})(rf.get("/metrics"))
        await db.close_pool()
        text: str = answer.content.decode()
        return text

    # A loop of its own, and so a pool of its own.
    assert "aegra_database_up 0.0" in asyncio.run(ask())
