from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from common.tests.admin_pages import HOSTILE, logged_in
from threads.models import Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]


def test_the_first_page_tells_what_waits_and_shows_the_latest_threads() -> None:
    values = {"messages": [{"content": f"hello {HOSTILE}"}]}
    Thread.objects.create(thread_id=uuid4(), status="interrupted", values=values)

    shown = logged_in().get("/admin/").content.decode()

    assert "Waiting for an answer" in shown
    assert "tally-warning" in shown
    assert "hello &lt;script&gt;" in shown
    assert "<script>alert(" not in shown


def test_who_may_not_see_threads_is_shown_none() -> None:
    Thread.objects.create(thread_id=uuid4(), values={"messages": [{"content": "secret words"}]})
    client = Client()
    client.force_login(User.objects.create(username="clerk", is_staff=True))

    shown = client.get("/admin/").content.decode()

    assert "secret words" not in shown


@pytest.mark.parametrize("model", ["user", "group"])
def test_accounts_are_listed_and_added(model: str) -> None:
    client = logged_in()

    assert client.get(f"/admin/auth/{model}/").status_code == 200
    assert client.get(f"/admin/auth/{model}/add/").status_code == 200
