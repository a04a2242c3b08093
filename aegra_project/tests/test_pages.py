"""What holds for every page of the admin."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from assistants.models import Assistant
from common.ids import uuid7
from common.tests.admin_pages import logged_in, page
from runs.models import Run
from threads.models import Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LISTS = ("assistants_assistant", "threads_thread", "runs_run", "store_storeitem")
_LOADED = re.compile(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//[^"')\s>]+""")


@pytest.mark.parametrize("graph_id", ["broken", "no-more-in-the-project"])
def test_records_of_a_graph_that_cannot_be_made_are_shown(graph_id: str) -> None:
    """So no page runs code of the user's: the factory `broken` raises whenever it is called."""
    client, metadata = logged_in(), {"graph_id": graph_id}
    assistant = Assistant.objects.create(assistant_id=uuid4(), graph_id=graph_id, name=graph_id)
    thread = Thread.objects.create(thread_id=uuid4(), metadata=metadata)
    run = Run.objects.create(run_id=uuid7(), thread=thread, assistant=assistant, kwargs={})

    for model, record in zip(LISTS, (assistant, thread, run), strict=False):
        assert str(record.pk) in page(client, model)
        assert str(record.pk) in page(client, model, record.pk)


@pytest.mark.parametrize("name", ["index", "login", *(f"{model}_changelist" for model in LISTS)])
def test_pages_load_nothing_from_another_host(name: str) -> None:
    client = Client() if name == "login" else logged_in()

    shown = client.get(reverse(f"admin:{name}")).content.decode()

    assert "<html" in shown
    assert not _LOADED.findall(shown)


def test_a_clerk_sees_only_what_the_permissions_say() -> None:
    client = logged_in("clerk", permissions=["view_thread"])

    assert page(client, "threads_thread")
    assert client.get(reverse("admin:runs_run_changelist")).status_code == 403
