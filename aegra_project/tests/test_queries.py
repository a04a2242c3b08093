"""The SQL of the request path, in step with the models and scoped by the caller."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest
from django.apps import apps

import assistants.agent_views
import assistants.deletion
import assistants.queries
import assistants.versions
import assistants.views
import crons.queries
import crons.views
import crons.writing
import runs.queries
import runs.views
import store.items
import store.views
import threads.copying
import threads.pruning
import threads.queries
import threads.repairing
import threads.searching
import threads.state
import threads.state_views
import threads.views
import threads.writing
from assistants.queries import ASSISTANT_COLUMNS
from common import db
from crons.queries import CRON_COLUMNS
from runs.queries import RUN_COLUMNS
from threads.queries import THREAD_COLUMNS

COLUMNS = """
SELECT column_name AS name, is_nullable = 'NO' AND column_default IS NULL AS is_needed
  FROM information_schema.columns WHERE table_name = %s AND table_schema = current_schema()
"""
# Those which make a row of the caller's own.
CREATING = {"create_assistant", "create_thread"}


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("assistant", ASSISTANT_COLUMNS),
        ("thread", THREAD_COLUMNS),
        ("run", RUN_COLUMNS),
        ("cron", CRON_COLUMNS),
    ],
)
async def test_the_columns_of_the_queries_are_those_of_the_model(
    api: httpx.AsyncClient, table: str, names: tuple[str, ...]
) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table]
    stored = {row["name"] for row in await db.fetch_all(COLUMNS, [table])}

    assert {field.column for field in model._meta.concrete_fields} == stored
    assert set(names) <= stored
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", ["assistant_version", "store_item"])
async def test_the_other_models_have_the_columns_of_their_tables(
    api: httpx.AsyncClient, table: str
) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table]
    stored = {row["name"] for row in await db.fetch_all(COLUMNS, [table])}

    assert {field.column for field in model._meta.concrete_fields} == stored


@pytest.mark.parametrize(
    ("views", "verbs"),
    [
        (assistants.views, assistants.queries),
        (assistants.views, assistants.versions),
        (assistants.views, assistants.deletion),
        (assistants.agent_views, assistants.queries),
        (threads.views, threads.queries),
        (threads.views, threads.searching),
        (threads.views, threads.copying),
        (threads.views, threads.pruning),
        (threads.views, threads.writing),
        (threads.state_views, threads.state),
        (threads.state_views, threads.writing),
        (threads.state_views, threads.repairing),
        (store.views, store.items),
        (runs.views, runs.queries),
        (crons.views, crons.queries),
        (crons.views, crons.writing),
    ],
)
def test_what_a_view_asks_of_the_database_is_asked_for_a_caller(views: Any, verbs: Any) -> None:
    asked = {
        name: found
        for name, found in inspect.getmembers(views, inspect.iscoroutinefunction)
        if found.__module__ == verbs.__name__ and name not in CREATING
    }

    assert asked
    for name, found in asked.items():
        caller = inspect.signature(found).parameters.get("caller")
        assert caller is not None, name
        assert caller.default is inspect.Parameter.empty, name
