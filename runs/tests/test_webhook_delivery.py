"""What a webhook is sent, and of which runs."""

from __future__ import annotations

import hmac
from hashlib import sha256

import httpx
import pytest
from pytest_django import Settings

from runs.tests.webhook_projects import (
    HI,
    Drain,
    delivery_of,
    waited,
    webhooks_section,
)
from tests.receiving import Receiver
from tests.streaming import MakeThread, settled, started

FIELDS = {
    "run_id",
    "thread_id",
    "assistant_id",
    "metadata",
    "status",
    "kwargs",
    "multitask_strategy",
    "created_at",
    "updated_at",
    "run_started_at",
    "run_ended_at",
    "webhook_sent_at",
    "values",
}


async def test_the_end_of_a_run_is_told(
    api: httpx.AsyncClient, thread: MakeThread, receiver: Receiver, drain: Drain
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "echo", "input": HI, "metadata": {"a": 1}, "webhook": receiver.url}
    run = (await api.post(f"/threads/{thread_id}/runs", json=body)).json()
    await settled(api, thread_id)

    await drain()

    [sent] = receiver.received
    told = sent.json()
    assert told.keys() == FIELDS
    assert (told["status"], told["run_id"], told["metadata"]["a"]) == ("success", run["run_id"], 1)
    assert told["kwargs"] == run["kwargs"]
    assert [message["content"] for message in told["values"]["messages"]] == ["hi", "hi"]
    times = [told[name] for name in ("created_at", "run_started_at", "run_ended_at")]
    assert times == sorted(times)
    assert (told["updated_at"], sent.path) == (told["run_ended_at"], "/hook")
    assert sent.headers["content-type"] == "application/json"
    delivery = await delivery_of(run["run_id"])
    assert sent.headers["x-aegra-delivery"] == str(delivery["delivery_id"])
    assert (delivery["status"], delivery["attempts"], delivery["status_code"]) == (
        "delivered",
        1,
        200,
    )


async def test_the_error_of_a_run_is_told(
    api: httpx.AsyncClient, thread: MakeThread, receiver: Receiver, drain: Drain
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json={"assistant_id": "boom", "input": HI, "webhook": receiver.url})

    await drain()

    told = receiver.received[0].json()
    assert told.keys() == FIELDS | {"error"}
    assert (told["status"], told["error"]["error"]) == ("error", "ValueError")


async def test_a_run_that_asks_something_has_come_to_an_end(
    api: httpx.AsyncClient, thread: MakeThread, receiver: Receiver, drain: Drain
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json={"assistant_id": "ask", "input": HI, "webhook": receiver.url})

    await drain()

    assert receiver.received[0].json()["status"] == "success"


@pytest.mark.parametrize(
    ("graph", "status", "has_values"), [("echo", "success", True), ("boom", "error", False)]
)
async def test_the_end_of_a_run_is_told_that_is_gone(
    api: httpx.AsyncClient,
    receiver: Receiver,
    drain: Drain,
    graph: str,
    status: str,
    has_values: bool,
) -> None:
    body = {"assistant_id": graph, "input": HI, "webhook": receiver.url}
    await api.post("/runs/wait", json=body)

    await drain()

    [sent] = receiver.received
    told = sent.json()
    assert (told["status"], bool(told["values"])) == (status, has_values)
    assert ("error" in told) is (status == "error")
    answer = await api.get(f"/threads/{told['thread_id']}")
    assert answer.status_code == 404


async def test_a_cancelled_run_is_told_of_and_a_rolled_back_one_is_not(
    api: httpx.AsyncClient, thread: MakeThread, receiver: Receiver, drain: Drain
) -> None:
    for action in ("interrupt", "rollback"):
        thread_id = await thread()
        run_id = await started(
            api,
            thread_id,
            assistant_id="sleeper",
            input={"seconds": 60},
            webhook=f"{receiver.url}/{action}",
        )
        await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1&action={action}")

    await drain()

    [sent] = receiver.received
    assert (sent.path, sent.json()["status"]) == ("/hook/interrupt", "interrupted")


async def test_a_run_that_is_cancelled_before_it_began_is_told_of(
    api: httpx.AsyncClient, thread: MakeThread, receiver: Receiver, drain: Drain
) -> None:
    path = f"/threads/{await thread()}/runs"
    await started(api, path.split("/")[2], assistant_id="sleeper", input={"seconds": 60})
    body = {"assistant_id": "echo", "input": HI, "webhook": receiver.url}
    waiting = (await api.post(path, json=body)).json()

    await api.post(f"{path}/{waiting['run_id']}/cancel")
    await drain()

    [sent] = receiver.received
    assert (sent.json()["status"], sent.json()["run_started_at"]) == ("interrupted", None)
    await api.post("/runs/cancel", json={"status": "running"})


async def test_a_cancelled_stateless_run_is_told_of(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    body = {"assistant_id": "sleeper", "input": {"seconds": 60}, "webhook": receiver.url}
    run = (await api.post("/runs", json=body)).json()
    await api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=1")

    await drain()

    assert receiver.received[0].json()["status"] == "interrupted"


async def test_what_is_sent_is_signed(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, settings: Settings
) -> None:
    settings.WEBHOOK_SECRET = "hush"
    await waited(api, receiver.url)

    await drain()

    [sent] = receiver.received
    at, signed = (part.split("=")[1] for part in sent.headers["x-aegra-signature"].split(","))
    expected = hmac.new(b"hush", f"{at}.".encode() + sent.body, sha256).hexdigest()
    assert signed == expected


async def test_without_a_secret_nothing_is_signed(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    await waited(api, receiver.url)

    await drain()

    assert "x-aegra-signature" not in receiver.received[0].headers


async def test_headers_and_fields_are_the_projects(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    await waited(api, receiver.url)

    with webhooks_section(
        url={"disable_loopback": False},
        headers={"Authorization": "Bearer t"},
        allowed_fields=["run_id", "status", "nonsense"],
    ):
        await drain()

    [sent] = receiver.received
    assert sent.headers["authorization"] == "Bearer t"
    assert sent.json().keys() == {"run_id", "status"}


async def test_credentials_are_sent_and_not_shown(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    run_id = await waited(api, f"http://ada:l%40ve@127.0.0.1:{receiver.port}/hook?key=secret")

    await drain()

    [sent] = receiver.received
    assert httpx.BasicAuth("ada", "l@ve")._auth_header == sent.headers["authorization"]
    assert sent.path == "/hook?key=secret"
    assert (await delivery_of(run_id))["url"] == f"{receiver.url}?…"
