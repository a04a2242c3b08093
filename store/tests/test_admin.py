from __future__ import annotations

import json

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.urls import reverse

from common.tests.admin_pages import HOSTILE, count_queries, logged_in, page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served")]

LIST = "store_storeitem"


def put(prefix: str, key: str, value: object) -> str:
    """Write an item as LangGraph's store does; return its id in the admin's address."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO store (prefix, key, value) VALUES (%s, %s, %s)",
            [prefix, key, json.dumps(value)],
        )
    return str(quote(f"{prefix}/{key}"))


def test_the_list_shows_namespace_key_and_value() -> None:
    put("memories.ada", "food", {"fact": "likes plums"})

    shown = page(logged_in(), LIST)

    for words in ("memories.ada", "food", "likes plums"):
        assert words in shown


def test_the_list_takes_the_same_queries_for_one_item_and_for_many() -> None:
    client = logged_in()
    put("memories", "0", {})
    one = count_queries(client, LIST)
    for number in range(1, 20):
        put("memories", str(number), {"number": number})

    assert count_queries(client, LIST) == one


@pytest.mark.parametrize("term", ["memories.ad", "food", "plums"])
def test_search_finds_by_namespace_key_and_value(term: str) -> None:
    put("memories.ada", "food", {"fact": "likes plums"})
    put("files", "report", {"text": "due on Monday"})

    shown = page(logged_in(), LIST, q=term)

    assert "likes plums" in shown
    assert "due on Monday" not in shown


def test_the_filter_offers_each_namespace_once_and_keeps_to_it() -> None:
    put("files", "report", {"text": "due on Monday"})
    put("memories.ada", "food", {"fact": "likes plums"})
    put("memories.ada", "pet", {"fact": "has a dog"})

    shown = page(logged_in(), LIST, namespace="memories.ada")

    assert shown.count("?namespace=memories.ada") == 1
    assert "?namespace=files" in shown
    assert "has a dog" in shown
    assert "due on Monday" not in shown


def test_an_item_shows_its_value_whatever_its_key() -> None:
    client = logged_in()

    for prefix, key in (("memories", "a/b c?d=é"), ("a/b", "_2F"), ("memories", "")):
        item = put(prefix, key, {"at": f"{prefix} {key}"})
        assert "JSON" not in page(client, LIST, item)


def test_two_items_whose_joined_names_are_alike_do_not_break_the_page() -> None:
    put("a", "b/c", {})
    item = put("a/b", "c", {})

    assert page(logged_in(), LIST, item)


def test_an_item_shows_when_it_expires() -> None:
    item = put("memories", "food", {})
    client = logged_in()
    for life, told in (
        ("+ interval '5 minutes 5 seconds'", "in 5"),
        ("- interval '1 s'", "expired"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE store SET expires_at = now() {life}")

        for shown in (page(client, LIST), page(client, LIST, item)):
            assert told in shown


def test_hostile_content_is_escaped() -> None:
    item = put(HOSTILE.replace(".", ""), HOSTILE, {HOSTILE: HOSTILE})
    client = logged_in()

    for shown in (page(client, LIST), page(client, LIST, item)):
        assert "<script>alert(" not in shown
        assert "<img src=x" not in shown


def test_a_stranger_is_sent_to_the_login() -> None:
    answer = Client().get(reverse("admin:store_storeitem_changelist"))

    assert answer.status_code == 302
    assert answer["location"].startswith("/admin/login/")


def test_a_post_changes_nothing() -> None:
    item = put("memories", "food", {"fact": "likes plums"})
    url = reverse("admin:store_storeitem_change", args=[item])

    answer = logged_in().post(url, {"value": "{}"})

    assert answer.status_code == 403
    assert "likes plums" in page(logged_in(), LIST, item)
