from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from assistants.models import Assistant, AssistantVersion
from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "assistants_assistant"


def make_assistant(**fields: Any) -> Assistant:
    fields = {"name": "helper", "graph_id": "echo", **fields}
    return Assistant.objects.create(assistant_id=uuid4(), **fields)


def test_the_list_shows_name_graph_and_maker() -> None:
    make_assistant(name="front desk", graph_id="desk_graph", metadata={"created_by": "grace"})

    shown = page(logged_in(), LIST)

    for words in ("front desk", "desk_graph", "grace"):
        assert words in shown


def test_the_list_takes_the_same_queries_for_one_assistant_and_for_many() -> None:
    client = logged_in()
    one = count_queries(client, LIST)
    for _ in range(20):
        make_assistant()

    assert count_queries(client, LIST) == one


@pytest.mark.parametrize("term", ["{id}", "{id_begins}", "FRONT", "desk_gr", "team=blue"])
def test_search_finds_by_id_name_graph_and_metadata(term: str) -> None:
    wanted = make_assistant(name="front", graph_id="desk_graph", metadata={"team": "blue"})
    other = make_assistant()
    term = term.format(id=wanted.pk, id_begins=str(wanted.pk)[:8])

    shown = page(logged_in(), LIST, q=term)

    assert str(wanted.pk) in shown
    assert str(other.pk) not in shown


def test_an_assistant_shows_its_limit() -> None:
    assistant = make_assistant(metadata={"max_runs": 4711})

    shown = page(logged_in(), LIST, assistant.pk)

    assert "Max runs" in shown
    assert shown.count("4711") == 2  # by itself, and in the metadata


def test_an_assistant_shows_its_configuration_versions_and_links() -> None:
    assistant = make_assistant(config={"tags": ["fast"]}, context={"tone": "dry"})
    AssistantVersion.objects.create(
        assistant=assistant, version=1, graph_id="echo", name="the first", config={"old": "way"}
    )

    shown = page(logged_in(), LIST, assistant.pk)

    for words in ("fast", "dry", "the first", "way"):
        assert words in shown
    assert f"assistant_id={assistant.pk}" in shown
    assert f"assistant={assistant.pk}" in shown


def make_versions(number: int, *, current: int) -> Assistant:
    assistant = make_assistant(version=current)
    for version in range(1, number + 1):
        AssistantVersion.objects.create(
            assistant=assistant, version=version, graph_id=f"graph_{version}", name=f"nr {version}"
        )
    return assistant


def test_the_version_that_an_assistant_is_at_is_marked() -> None:
    assistant = make_versions(3, current=2)

    shown = page(logged_in(), LIST, assistant.pk)

    rows = re.findall(r"field-number.*?field-created", shown, re.DOTALL)
    assert [re.findall(r"nr \d|graph_\d|current", row) for row in rows] == [
        ["nr 3", "graph_3"],
        ["current", "nr 2", "graph_2"],
        ["nr 1", "graph_1"],
    ]


def test_a_page_takes_the_same_queries_for_one_version_and_for_ten() -> None:
    client = logged_in()
    one, ten = make_versions(1, current=1), make_versions(10, current=1)
    page(client, LIST, one.pk)  # what a first page asks for once

    assert count_queries(client, LIST, ten.pk) == count_queries(client, LIST, one.pk)


def test_hostile_content_is_escaped() -> None:
    hostile = {HOSTILE: HOSTILE}
    assistant = make_assistant(
        name=HOSTILE,
        graph_id=HOSTILE,
        description=HOSTILE,
        config=hostile,
        context=hostile,
        metadata={"created_by": HOSTILE},
    )
    AssistantVersion.objects.create(
        assistant=assistant, version=1, graph_id="echo", name=HOSTILE, config=hostile
    )
    client = logged_in()

    for shown in (page(client, LIST), page(client, LIST, assistant.pk)):
        assert "<script>alert(" not in shown
        assert "<img src=x" not in shown


def test_a_stranger_is_sent_to_the_login() -> None:
    answer = Client().get(reverse("admin:assistants_assistant_changelist"))

    assert answer.status_code == 302
    assert answer["location"].startswith("/admin/login/")


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_a_post_changes_nothing(verb: str) -> None:
    assistant = make_assistant()
    url = reverse(f"admin:assistants_assistant_{verb}", args=[assistant.pk])

    answer = logged_in().post(url, {"name": "taken over", "post": "yes"})

    assert answer.status_code == 403
    assistant.refresh_from_db()
    assert assistant.name == "helper"
