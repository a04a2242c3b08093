from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assistants.models import Assistant
from common.ids import uuid7
from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page
from runs.models import Run
from threads.models import Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "runs_run"


def make_assistant(name: str = "helper") -> Assistant:
    return Assistant.objects.create(assistant_id=uuid4(), graph_id="echo", name=name)


def make_run(**fields: Any) -> Run:
    fields.setdefault("thread", Thread.objects.create(thread_id=uuid4()))
    if "assistant" not in fields:
        fields["assistant_id"] = uuid4()
    fields.setdefault("status", "success")
    return Run.objects.create(run_id=uuid7(), multitask_strategy="enqueue", **fields)


def test_the_list_shows_assistant_status_and_duration() -> None:
    now = timezone.now()
    make_run(
        assistant=make_assistant("weather desk"),
        status="error",
        started_at=now - timedelta(seconds=2.5),
        ended_at=now,
    )

    shown = page(logged_in(), LIST)

    for words in ("weather desk", "error", "2.50 s"):
        assert words in shown


def test_the_list_takes_the_same_queries_for_one_run_and_for_many() -> None:
    client = logged_in()
    make_run(assistant=make_assistant())
    one = count_queries(client, LIST)
    for _ in range(20):
        make_run(assistant=make_assistant())

    assert count_queries(client, LIST) == one


def test_a_run_outlives_its_assistant() -> None:
    run = make_run()
    client = logged_in()

    assert "deleted assistant" in page(client, LIST)
    assert "deleted assistant" in page(client, LIST, run.pk)
    assert "deleted assistant" in page(client, "threads_thread", run.thread_id)


def test_a_run_shows_its_input_options_and_error_and_links() -> None:
    assistant = make_assistant()
    run = make_run(
        assistant=assistant,
        kwargs={"input": {"question": "why?"}, "stream_mode": ["updates"], "webhook": None},
        error={"error": "ValueError", "message": "because"},
    )

    shown = page(logged_in(), LIST, run.pk)

    for words in ("why?", "updates", "because"):
        assert words in shown
    assert "&quot;webhook&quot;" not in shown
    assert reverse("admin:threads_thread_change", args=[run.thread_id]) in shown
    assert reverse("admin:assistants_assistant_change", args=[assistant.pk]) in shown


def test_a_run_that_goes_on_shows_its_command() -> None:
    run = make_run(kwargs={"input": None, "command": {"resume": "go ahead"}})

    assert "go ahead" in page(logged_in(), LIST, run.pk)


@pytest.mark.parametrize("term", ["{run}", "{thread}", "{assistant}", "team=blue", "blue"])
def test_search_finds_by_ids_and_metadata(term: str) -> None:
    wanted = make_run(metadata={"team": "blue"})
    other = make_run(metadata={"team": "red"})
    ids = {"run": wanted.pk, "thread": wanted.thread_id, "assistant": wanted.assistant_id}

    shown = page(logged_in(), LIST, q=term.format(**ids))

    assert str(wanted.pk) in shown
    assert str(other.pk) not in shown


def test_filters_go_by_status_and_assistant() -> None:
    client = logged_in()
    wanted = make_run(status="running", assistant=make_assistant())
    other = make_run()

    for query in (
        {"status__exact": "running"},
        {"status__in": "pending,running"},
        {"assistant": str(wanted.assistant_id)},
        {"thread__thread_id__exact": str(wanted.thread_id)},
    ):
        shown = page(client, LIST, **query)
        assert str(wanted.pk) in shown
        assert str(other.pk) not in shown
    assert str(wanted.pk) not in page(client, LIST, assistant="no id")


def test_a_thread_shows_its_newest_runs_with_a_fixed_number_of_queries() -> None:
    client = logged_in()
    thread = Thread.objects.create(thread_id=uuid4())

    def opened(runs: int) -> tuple[int, str]:
        for _ in range(runs):
            make_run(thread=thread, assistant=make_assistant())
        with CaptureQueriesContext(connection) as queries:
            shown = page(client, "threads_thread", thread.pk)
        return len(queries), shown

    opened(0)  # the first page of a process also looks up content types
    few, _ = opened(1)
    many, shown = opened(12)

    assert shown.count('class="thread-run"') == 10
    assert few == many


def test_hostile_content_is_escaped() -> None:
    assistant = make_assistant(name=HOSTILE)
    hostile = {HOSTILE: HOSTILE}
    run = make_run(
        assistant=assistant, kwargs={"input": HOSTILE, **hostile}, metadata=hostile, error=hostile
    )
    client = logged_in()

    for shown in (
        page(client, LIST),
        page(client, LIST, run.pk),
        page(client, "threads_thread", run.thread_id),
    ):
        assert "<script>alert(" not in shown
        assert "<img src=x" not in shown


def test_a_stranger_is_sent_to_the_login() -> None:
    run = make_run()

    answer = Client().get(reverse("admin:runs_run_change", args=[run.pk]))

    assert answer.status_code == 302
    assert answer["location"].startswith("/admin/login/")


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_a_post_changes_nothing(verb: str) -> None:
    run = make_run()

    answer = logged_in().post(reverse(f"admin:runs_run_{verb}", args=[run.pk]), {"status": "error"})

    assert answer.status_code == 403
    run.refresh_from_db()
    assert run.status == "success"
