"""How often a webhook is tried, and where it is not sent."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from pytest_django import Settings

from common import db
from common.tests.http_projects import http_section
from runs.jobs import forget_deliveries
from runs.metrics import WEBHOOKS
from runs.tests.webhook_projects import (
    Drain,
    deliveries_of,
    delivery_of,
    done_with,
    waited,
    webhooks_section,
)
from tests.receiving import Receiver, receiving

AGED = """
UPDATE webhook_delivery SET created_at = now() - interval '3 days' WHERE run_id = ANY(%s::uuid[])
"""


@pytest.mark.parametrize("failure", [500, 503, 429])
async def test_a_failure_that_may_pass_is_tried_again_under_the_same_id(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, failure: int
) -> None:
    receiver.statuses = [failure, failure, 204]
    run_id = await waited(api, receiver.url)

    delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["attempts"], delivery["error"]) == ("delivered", 3, None)
    ids = [sent.headers["x-aegra-delivery"] for sent in receiver.received]
    assert ids == [str(delivery["delivery_id"])] * 3


async def test_each_attempt_is_counted(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    def counted() -> list[float]:
        statuses = ("pending", "delivered")
        return [WEBHOOKS.labels(status)._value.get() for status in statuses]

    # What other tests have left to be sent would count, too.
    await db.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
    receiver.statuses = [503, 204]
    before = counted()

    await done_with(await waited(api, receiver.url), drain)

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1]


async def test_attempts_come_to_an_end(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, settings: Settings
) -> None:
    settings.WEBHOOK_MAX_ATTEMPTS = 3
    receiver.statuses, receiver.answer = [500], b"not \0 today"
    run_id = await waited(api, receiver.url)

    delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["attempts"]) == ("failed", 3)
    assert (delivery["status_code"], delivery["error"]) == (500, "not  today")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "The answer was 400."),
        (404, "The answer was 404."),
        (302, "Redirects are not followed"),
    ],
)
async def test_a_failure_that_stays_is_not_tried_again(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, status: int, told: str
) -> None:
    receiver.statuses = [status]
    receiver.headers = {"location": receiver.url}
    run_id = await waited(api, receiver.url)

    delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["attempts"]) == ("failed", 1)
    assert delivery["error"].startswith(told)
    assert len(receiver.received) == 1


async def test_a_server_that_is_not_there_is_tried_again(
    api: httpx.AsyncClient, drain: Drain, settings: Settings
) -> None:
    settings.WEBHOOK_MAX_ATTEMPTS, settings.WEBHOOK_RETRY_SECONDS = 2, 0.0
    with receiving() as receiver:
        pass
    with webhooks_section(url={"disable_loopback": False}):
        run_id = await waited(api, receiver.url)

        delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["attempts"]) == ("failed", 2)
    assert delivery["error"].startswith("ConnectError: ")


async def test_a_server_that_is_silent_is_left(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, settings: Settings
) -> None:
    settings.WEBHOOK_MAX_ATTEMPTS, settings.WEBHOOK_TIMEOUT_SECONDS = 1, 0.05
    receiver.is_open.clear()
    run_id = await waited(api, receiver.url)

    delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["error"]) == ("failed", "No answer within 0.05 seconds.")


async def test_of_a_long_answer_the_beginning_is_read(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    receiver.statuses, receiver.answer = [400], b"x" * 1_000_000
    run_id = await waited(api, receiver.url)

    await drain()

    assert (await delivery_of(run_id))["error"] == "x" * 1024


async def test_nothing_is_sent_that_is_turned_off(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    with http_section(disable_webhooks=True):
        run_id = await waited(api, receiver.url)
        await drain()

    assert await deliveries_of(run_id) == []
    assert receiver.received == []


async def test_a_url_is_checked_again_before_it_is_sent_to(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    run_id = await waited(api, receiver.url)

    with webhooks_section(url={"allowed_ports": [443]}):
        delivery = await done_with(run_id, drain)

    assert (delivery["status"], receiver.received) == ("failed", [])
    assert delivery["error"].startswith("Refused: the URL has the port ")


async def test_a_path_is_one_of_this_server(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    run_id = await waited(api, "/assistants/count?x=1")

    delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["status_code"]) == ("delivered", 200)
    assert delivery["url"] == "/assistants/count?…"


async def test_this_server_trusts_no_webhook(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    run_id = await waited(api, "/assistants/count")

    # What the process sends for itself is answered, whatever page it says it is from.
    with webhooks_section(
        url={"disable_loopback": False}, headers={"origin": "https://evil.example"}
    ):
        delivery = await done_with(run_id, drain)

    assert (delivery["status"], delivery["status_code"]) == ("failed", 403)


async def test_a_delivery_that_is_done_with_is_not_sent_again(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain
) -> None:
    from runs.webhooks.delivering import deliver

    run_id = await waited(api, receiver.url)
    await drain()
    delivery_id: UUID = (await delivery_of(run_id))["delivery_id"]

    await deliver(delivery_id)

    assert len(receiver.received) == 1


async def test_old_deliveries_are_forgotten_unless_they_are_still_to_be_sent(
    api: httpx.AsyncClient, receiver: Receiver, drain: Drain, settings: Settings
) -> None:
    settings.WEBHOOK_RETENTION_DAYS = 2.0
    old, young = await waited(api, receiver.url), await waited(api, receiver.url)
    await drain()
    waiting = await waited(api, receiver.url)
    await db.execute(AGED, [[old, waiting]])

    await forget_deliveries(timestamp=0)

    assert await deliveries_of(old) == []
    assert len(await deliveries_of(young)) == len(await deliveries_of(waiting)) == 1
