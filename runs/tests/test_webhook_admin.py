"""The delivery log in the admin."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from common.ids import uuid7
from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page
from runs.models import WebhookDelivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "runs_webhookdelivery"
JOBS = """
SELECT count(*) FROM procrastinate_jobs
 WHERE task_name = 'runs.jobs.send_webhook' AND args->>'delivery_id' = %s
"""


def make_delivery(**fields: Any) -> WebhookDelivery:
    fields.setdefault("url", "https://example.com/hook")
    fields.setdefault("payload", {"kwargs": {"webhook": "https://example.com/hook?key=1"}})
    return WebhookDelivery.objects.create(
        delivery_id=uuid7(), run_id=uuid4(), thread_id=uuid4(), **fields
    )


def jobs_of(delivery: WebhookDelivery) -> int:
    with connection.cursor() as cursor:
        cursor.execute(JOBS, [str(delivery.pk)])
        return int(cursor.fetchone()[0])


def send_again(client: Client, *deliveries: WebhookDelivery) -> Any:
    body = {"action": "send_again", "_selected_action": [str(item.pk) for item in deliveries]}
    return client.post(reverse(f"admin:{LIST}_changelist"), body, follow=True)


def test_the_log_tells_how_a_delivery_went() -> None:
    delivery = make_delivery(status="failed", attempts=10, status_code=503, error=f"late {HOSTILE}")
    client = logged_in()

    for shown in (page(client, LIST), page(client, LIST, delivery.pk)):
        for words in ("https://example.com/hook", "failed", "503", str(delivery.run_id)):
            assert words in shown
        assert HOSTILE not in shown
    assert "late" in page(client, LIST, delivery.pk)


def test_the_list_takes_the_same_queries_for_one_delivery_and_for_many() -> None:
    client = logged_in()
    make_delivery()
    one = count_queries(client, LIST)
    for _ in range(20):
        make_delivery()

    assert count_queries(client, LIST) == one


def test_a_delivery_is_found_by_its_run_and_by_its_url() -> None:
    delivery, other = make_delivery(url=f"https://{uuid4().hex}.example/"), make_delivery()

    for term in (str(delivery.run_id), delivery.url[:30]):
        shown = page(logged_in(), LIST, q=term)
        assert str(delivery.pk) in shown
        assert str(other.pk) not in shown


def test_what_is_done_with_is_sent_again() -> None:
    failed = make_delivery(status="failed", attempts=10)
    waiting = make_delivery(attempts=3)

    answer = send_again(logged_in(), failed, waiting)

    assert "1 to be sent again. 1 still to be sent anyway." in answer.content.decode()
    failed.refresh_from_db()
    waiting.refresh_from_db()
    assert (failed.status, failed.attempts, jobs_of(failed)) == ("pending", 0, 1)
    assert (waiting.status, waiting.attempts, jobs_of(waiting)) == ("pending", 3, 0)


def test_who_may_only_look_sends_nothing() -> None:
    failed = make_delivery(status="failed")

    send_again(logged_in("eve", permissions=["view_webhookdelivery"]), failed)

    failed.refresh_from_db()
    assert (failed.status, jobs_of(failed)) == ("failed", 0)
