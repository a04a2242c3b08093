from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistants.models import Assistant
from assistants.system import system_assistant_id
from common import db
from common.ids import uuid7
from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page
from crons.models import Cron
from runs.models import Run
from threads.models import Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "crons_cron"


def make_assistant(name: str = "helper") -> Assistant:
    return Assistant.objects.create(assistant_id=uuid4(), graph_id="echo", name=name)


def make_cron(**fields: Any) -> Cron:
    fields.setdefault("assistant", make_assistant())
    fields.setdefault("schedule", "0 9 * * *")
    if "thread" not in fields:
        fields.setdefault("on_run_completed", "delete")
    return Cron.objects.create(cron_id=uuid7(), **fields)


def test_the_list_shows_when_a_cron_runs_and_how_it_stands() -> None:
    soon = timezone.now() + timedelta(hours=3, minutes=1)
    make_cron(assistant=make_assistant("weather desk"), next_run_date=soon)
    make_cron(schedule="5 4 * * *", timezone="Europe/Vienna", enabled=False)
    make_cron(last_error="no such graph")
    make_cron(end_time=timezone.now() - timedelta(days=1))

    shown = page(logged_in(), LIST)

    for words in ("weather desk", "in 3", "5 4 * * *", "Europe/Vienna", "disabled", "failing"):
        assert words in shown
    assert "ended" in shown


def test_the_list_takes_the_same_queries_for_one_cron_and_for_many() -> None:
    client = logged_in()
    make_cron()
    one = count_queries(client, LIST)
    for _ in range(20):
        make_cron()

    assert count_queries(client, LIST) == one


@pytest.mark.parametrize(
    "term", ["0 9", "vienna", "ada", "helper", "topic=news", "own id", "thread's id"]
)
def test_crons_are_searched(term: str) -> None:
    thread = Thread.objects.create(thread_id=uuid4())
    found = make_cron(
        timezone="Europe/Vienna", user_id="ada", metadata={"topic": "news"}, thread=thread
    )
    other = make_cron(assistant=make_assistant("other"), schedule="5 5 * * *")
    ids = {"own id": str(found.cron_id), "thread's id": str(thread.thread_id)}

    shown = page(logged_in(), LIST, q=ids.get(term, term))

    assert str(found.cron_id) in shown
    assert str(other.cron_id) not in shown


def test_crons_are_filtered() -> None:
    on, off = make_cron(), make_cron(enabled=False)

    shown = page(logged_in(), LIST, enabled__exact="1")

    assert str(on.cron_id) in shown
    assert str(off.cron_id) not in shown


def test_a_crons_page_shows_what_its_runs_are_given_and_its_last_error() -> None:
    thread = Thread.objects.create(thread_id=uuid4())
    cron = make_cron(
        thread=thread,
        payload={"input": {"topic": "the weather"}},
        metadata={"team": "desk"},
        last_error="no such graph",
        last_run_date=timezone.now(),
    )

    shown = page(logged_in(), LIST, cron.pk)

    for words in ("the weather", "desk", "no such graph", str(thread.thread_id)):
        assert words in shown
    assert f"cron_id%3D{cron.cron_id}" in shown


def test_nothing_of_a_cron_is_markup() -> None:
    cron = make_cron(
        schedule=HOSTILE, timezone=HOSTILE, last_error=HOSTILE, user_id=HOSTILE, payload=[HOSTILE]
    )
    client = logged_in()

    for shown in (page(client, LIST), page(client, LIST, cron.pk)):
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


def test_who_may_only_look_is_offered_no_actions() -> None:
    cron = make_cron()
    client = logged_in("looker", permissions=["view_cron"])

    assert "Run now" not in page(client, LIST)
    act(client, "disable", cron)
    cron.refresh_from_db()
    assert cron.enabled


def act(client: Client, action: str, *crons: Cron) -> str:
    """Do an action of the list and return the page that follows."""
    form = {"action": action, "_selected_action": [str(cron.pk) for cron in crons]}
    answer = client.post(reverse("admin:crons_cron_changelist"), form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def committed() -> Iterator[list[Cron]]:
    """Make crons that other connections than the test's see, too."""
    made = [uuid7(), uuid7()]
    with psycopg.connect(db.conninfo(), autocommit=True) as connection:
        for cron_id in made:
            connection.execute(
                "INSERT INTO cron (cron_id, assistant_id, schedule, on_run_completed,"
                " next_run_date, payload) VALUES (%s, %s, '0 9 * * *', 'keep',"
                """ now() - interval '1 day', '{"input": {}}')""",
                [cron_id, system_assistant_id("echo")],
            )
        yield list(Cron.objects.filter(pk__in=made))
        connection.execute("DELETE FROM cron WHERE cron_id = ANY(%s)", [made])


def test_crons_are_disabled_and_enabled(committed: list[Cron]) -> None:
    client = logged_in()

    assert "2: disabled." in act(client, "disable", *committed)
    mine = Cron.objects.filter(pk__in=[cron.pk for cron in committed])
    assert mine.filter(enabled=False).count() == 2
    assert "1: enabled." in act(client, "enable", committed[0])

    after = mine.get(enabled=True)
    assert after.pk == committed[0].pk
    assert after.next_run_date is not None
    assert after.next_run_date > timezone.now()


def test_a_cron_is_run_now(committed: list[Cron]) -> None:
    cron = committed[0]

    shown = act(logged_in(), "run_now", cron)

    assert "1: started." in shown
    assert Run.objects.filter(metadata__cron_id=str(cron.pk)).count() == 1
    after = Cron.objects.get(pk=cron.pk)
    assert after.next_run_date == cron.next_run_date


def test_what_goes_wrong_with_an_action_is_told(committed: list[Cron]) -> None:
    # Only this test's transaction has it: for the verb it is not there.
    unseen = make_cron()

    shown = act(logged_in(), "run_now", unseen)

    assert f"{unseen.pk}: Cron with ID" in shown
    assert "started" not in shown
