from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page
from threads.models import Thread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "threads_thread"
CONVERSATION = [
    {"type": "human", "content": "Weather in Paris?"},
    {
        "type": "ai",
        "content": [
            {"type": "thinking", "thinking": "I should look."},
            {"type": "text", "text": "Wait."},
        ],
        "tool_calls": [
            {"id": "c1", "name": "weather", "args": {"city": "Paris"}},
            {"id": "c2", "name": "calendar", "args": {}},
        ],
        "usage_metadata": {"input_tokens": 31, "output_tokens": 12},
    },
    {"type": "tool", "tool_call_id": "c1", "name": "weather", "content": "8 degrees, windy"},
]


def make_thread(**fields: Any) -> Thread:
    return Thread.objects.create(thread_id=uuid4(), **fields)


def make_checkpoint(thread: Thread, number: int, **fields: Any) -> None:
    checkpoint = {"ts": "2026-01-01T00:00:00+00:00", "channel_values": fields.get("channels", {})}
    metadata = {"step": number, "source": fields.get("source", "loop"), "run_id": str(uuid4())}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint, metadata,"
            " checkpoint_ns) VALUES (%s, %s, %s, %s, %s)",
            [
                str(thread.pk),
                f"check-{number:04}",
                json.dumps(checkpoint),
                json.dumps(metadata),
                fields.get("namespace", ""),
            ],
        )


def test_the_list_shows_each_thread_by_its_first_words() -> None:
    make_thread(metadata={"graph_id": "echo"}, values={"messages": CONVERSATION})
    make_thread(values={"messages": [{"type": "human", "content": [{"text": "In blocks"}]}]})
    make_thread(metadata={"title": "Named by hand"}, values={"messages": CONVERSATION})
    make_thread()

    shown = page(logged_in(), LIST)

    for words in ("Weather in Paris?", "In blocks", "Named by hand", "No messages", "echo"):
        assert words in shown


def test_the_list_takes_the_same_queries_for_one_thread_and_for_many() -> None:
    client = logged_in()
    make_thread()
    one = count_queries(client, LIST)
    for _ in range(20):
        make_thread(values={"messages": CONVERSATION})

    assert count_queries(client, LIST) == one


@pytest.mark.parametrize(
    "term", ["{id}", "{id_begins}", "echo_graph", "customer=17", "customer", "graph_id=echo_graph"]
)
def test_search_finds_by_id_graph_and_metadata(term: str) -> None:
    wanted = make_thread(metadata={"graph_id": "echo_graph", "customer": 17})
    other = make_thread(metadata={"graph_id": "other_graph"})
    term = term.format(id=wanted.pk, id_begins=str(wanted.pk)[:8])

    shown = page(logged_in(), LIST, q=term)

    assert str(wanted.pk) in shown
    assert str(other.pk) not in shown


def test_filters_go_by_status_graph_and_assistant() -> None:
    client = logged_in()
    wanted = make_thread(status="error", metadata={"graph_id": "echo", "assistant_id": "a1"})
    other = make_thread(metadata={"graph_id": "tools", "assistant_id": "a2"})

    for query in ({"status__exact": "error"}, {"graph_id": "echo"}, {"assistant_id": "a1"}):
        shown = page(client, LIST, **query)
        assert str(wanted.pk) in shown
        assert str(other.pk) not in shown


def test_a_thread_shows_its_conversation_with_calls_and_results() -> None:
    thread = make_thread(values={"messages": CONVERSATION, "plan": ["first", "second"]})

    shown = page(logged_in(), LIST, thread.pk)

    for words in ("Weather in Paris?", "I should look.", "Wait.", "weather", "8 degrees, windy"):
        assert words in shown
    assert "no result yet" in shown
    assert "31 → 12 tokens" in shown
    assert "second" in shown


def test_a_thread_is_headed_by_its_title_or_its_first_words() -> None:
    client = logged_in()
    named = make_thread(metadata={"title": "Named by hand"}, values={"messages": CONVERSATION})
    unnamed = make_thread(values={"messages": CONVERSATION})

    assert "<h1>Named by hand</h1>" in page(client, LIST, named.pk)
    assert "<h1>Weather in Paris?</h1>" in page(client, LIST, unnamed.pk)


def test_the_name_of_a_graph_is_shown_as_it_is_written() -> None:
    thread = make_thread(metadata={"graph_id": "myGraph"})

    for shown in (page(logged_in(), LIST), page(logged_in(), LIST, thread.pk)):
        assert '<code class="tag">myGraph</code>' in shown


def test_a_thread_shows_what_it_waits_for_and_what_failed() -> None:
    request = {"action_request": {"action": "pay"}, "description": "May I pay the bill?"}
    thread = make_thread(
        status="interrupted",
        interrupts={"task": [{"id": "i1", "value": [request]}]},
        error={"error": "ValueError", "message": "no such account"},
    )

    shown = page(logged_in(), LIST, thread.pk)

    for words in ("Waits for an answer", "May I pay the bill?", "i1", "no such account"):
        assert words in shown
    assert "As the client receives it" in shown


def test_a_thread_shows_its_newest_checkpoints() -> None:
    thread = make_thread()
    make_checkpoint(thread, 0, source="input")
    for number in range(1, 60):
        make_checkpoint(thread, number, channels={"branch:to:planner": None, "total": 5})

    shown = page(logged_in(), LIST, thread.pk)

    assert shown.count("check-") == 50
    assert "check-0059" in shown
    assert "check-0009" not in shown
    assert "planner" in shown


def test_a_subgraph_is_told_by_its_nodes() -> None:
    thread = make_thread()
    make_checkpoint(thread, 1, namespace="planner:0198-task|search:0199-task")

    assert "in planner / search" in page(logged_in(), LIST, thread.pk)


def test_a_thread_takes_the_same_queries_for_one_checkpoint_and_for_many() -> None:
    client, thread = logged_in(), make_thread()
    make_checkpoint(thread, 0)
    page(client, LIST, thread.pk)  # the type of content is looked up once in a process
    one = count_queries(client, LIST, thread.pk)
    for number in range(1, 20):
        make_checkpoint(thread, number)

    assert count_queries(client, LIST, thread.pk) == one


def test_hostile_content_is_escaped_everywhere() -> None:
    message = {
        "type": HOSTILE,
        "name": HOSTILE,
        "content": [{"type": "text", "text": HOSTILE}, {"type": HOSTILE}],
        "tool_calls": [{"id": "c", "name": HOSTILE, "args": {HOSTILE: HOSTILE}}],
        "response_metadata": {"model_name": HOSTILE},
        "usage_metadata": {"input_tokens": HOSTILE, "output_tokens": HOSTILE},
    }
    answer = {"type": "tool", "tool_call_id": "c", "content": HOSTILE, "status": "error"}
    thread = make_thread(
        metadata={"graph_id": HOSTILE, "title": HOSTILE, "assistant_id": HOSTILE},
        config={HOSTILE: HOSTILE},
        values={"messages": [message, answer], HOSTILE: HOSTILE},
        interrupts={"t": [{"id": HOSTILE, "value": {"description": HOSTILE, HOSTILE: HOSTILE}}]},
        error={"error": HOSTILE, "message": HOSTILE},
    )
    make_checkpoint(
        thread, 1, source=HOSTILE, channels={f"branch:to:{HOSTILE}": None}, namespace=HOSTILE
    )
    client = logged_in()

    for shown in (page(client, LIST), page(client, LIST, thread.pk), page(client, LIST, q=HOSTILE)):
        assert "<script>alert(" not in shown
        assert "<img src=x" not in shown


@pytest.mark.parametrize("error", ["text", ["text"], {"error": "text"}, {"code": "text"}])
def test_an_error_of_any_shape_is_shown(error: Any) -> None:
    thread = make_thread(status="error", error=error)

    assert "text" in page(logged_in(), LIST, thread.pk)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "text",
        {"messages": None},
        {"messages": [None, 1, "text", {}]},
        {"messages": [{"content": 5}, {"role": "user", "content": None, "tool_calls": [1]}]},
        {"messages": {"a": 1}},
        {"messages": [{"type": "tool", "content": "to nobody"}]},
    ],
)
def test_a_state_of_any_shape_is_shown(values: Any) -> None:
    thread = make_thread(values=values, interrupts={"task": [{"value": 5}, "text"], "other": 1})
    client = logged_in()

    assert page(client, LIST)
    assert page(client, LIST, thread.pk)


def test_long_conversations_and_texts_are_cut_off() -> None:
    messages = [{"type": "human", "content": f"message {number}"} for number in range(205)]
    messages.append({"type": "ai", "content": "word " * 10_000})
    thread = make_thread(values={"messages": messages})

    shown = page(logged_in(), LIST, thread.pk)

    assert "6 earlier messages are not shown" in shown
    assert "30,000 more characters" in shown


def test_a_stranger_is_sent_to_the_login() -> None:
    thread = make_thread()

    for url in (
        reverse("admin:threads_thread_changelist"),
        reverse("admin:threads_thread_change", args=[thread.pk]),
    ):
        answer = Client().get(url)
        assert answer.status_code == 302
        assert answer["location"].startswith("/admin/login/")


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_a_post_changes_nothing(verb: str) -> None:
    thread = make_thread(metadata={"kept": True})

    answer = logged_in().post(
        reverse(f"admin:threads_thread_{verb}", args=[thread.pk]),
        {"status": "error", "post": "yes"},
    )

    assert answer.status_code == 403
    thread.refresh_from_db()
    assert (thread.status, thread.metadata) == ("idle", {"kept": True})


def test_a_thread_tells_when_it_expires() -> None:
    client = logged_in()
    kept, expiring = make_thread(), make_thread(ttl_minutes=60, ttl_strategy="keep_latest")

    assert "Expires" not in page(client, LIST, kept.pk)
    shown = page(client, LIST, expiring.pk)
    assert "Expires" in shown
    assert "keep latest" in shown
