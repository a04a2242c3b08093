from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.config import read_config, use_project
from common.jsoncodec import Json
from common.tests.projects import write_project
from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, run

DEFAULT: Json = {"default_ttl": 90, "strategy": "keep_latest"}


async def ttl_of(api: httpx.AsyncClient, thread_id: str) -> Any:
    return (await get(api, f"/threads/{thread_id}", include="ttl"))["ttl"]


@pytest.mark.parametrize(
    ("ttl", "minutes", "strategy"),
    [
        (60, 60, "delete"),
        (0.5, 0.5, "delete"),
        ({"ttl": 60}, 60, "delete"),
        ({"ttl": 60, "strategy": "delete"}, 60, "delete"),
        ({"ttl": 1440, "strategy": "keep_latest"}, 1440, "keep_latest"),
    ],
    ids=str,
)
async def test_a_thread_shows_until_when_it_is_kept(
    api: httpx.AsyncClient, thread: MakeThread, ttl: Any, minutes: float, strategy: str
) -> None:
    thread_id = await thread(ttl=ttl)

    row = await get(api, f"/threads/{thread_id}", include="ttl")

    until = datetime.fromisoformat(row["updated_at"]) + timedelta(minutes=minutes)
    assert datetime.fromisoformat(row["ttl"].pop("expires_at")) == until
    assert row["ttl"] == {"strategy": strategy, "ttl_minutes": minutes}


async def test_without_one_a_thread_is_kept(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()

    assert await ttl_of(api, thread_id) is None
    assert "ttl" not in await get(api, f"/threads/{thread_id}")


async def test_an_update_sets_it_and_starts_the_clock_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(ttl=60)
    before = await ttl_of(api, thread_id)

    await api.patch(f"/threads/{thread_id}", json={"metadata": {"a": 1}})
    after = await ttl_of(api, thread_id)
    await api.patch(f"/threads/{thread_id}", json={"ttl": {"ttl": 5, "strategy": "keep_latest"}})
    changed = await get(api, f"/threads/{thread_id}", include="ttl")

    assert after["expires_at"] > before["expires_at"]
    assert (changed["ttl"]["ttl_minutes"], changed["ttl"]["strategy"]) == (5, "keep_latest")
    assert changed["metadata"] == {"a": 1}


@pytest.mark.parametrize(
    "ttl",
    [0, -1, True, "60", [], {}, {"strategy": "delete"}, {"ttl": 5, "strategy": "some"}, 10**12],
    ids=repr,
)
async def test_an_impossible_one_is_422(
    api: httpx.AsyncClient, thread: MakeThread, ttl: Any
) -> None:
    path, missing = f"/threads/{await thread()}", str(uuid4())

    updated = await api.patch(path, json={"ttl": ttl, "metadata": {"a": 1}})
    made = await api.post("/threads", json={"thread_id": missing, "ttl": ttl})

    assert (updated.status_code, made.status_code) == (422, 422)
    assert updated.json()["detail"].startswith("ttl: ")
    assert (await get(api, path))["metadata"] == {}
    assert (await api.get(f"/threads/{missing}")).status_code == 404


@pytest.fixture
def expiring(tmp_path: Path) -> Any:
    """A project with a default for threads."""
    path = write_project(
        tmp_path, {}, graphs={"any": "any.module:graph"}, checkpointer={"ttl": DEFAULT}
    )
    return use_project(read_config(path))


async def test_new_threads_have_the_projects_own(
    api: httpx.AsyncClient, thread: MakeThread, expiring: Any
) -> None:
    older = await thread()

    with expiring:
        made, asked = await thread(), await thread(ttl=1)
        copied = (await api.post(f"/threads/{older}/copy")).json()["thread_id"]
        by_run = str(uuid4())
        await run(api, by_run, "echo", if_not_exists="create")

    for thread_id in (made, copied, by_run):
        ttl = await ttl_of(api, thread_id)
        assert (ttl["ttl_minutes"], ttl["strategy"]) == (90, "keep_latest")
    assert (await ttl_of(api, asked))["ttl_minutes"] == 1
    assert await ttl_of(api, older) is None


@pytest.mark.parametrize("include", ["ttl", "ttl,ttl", '["ttl"]', ""])
async def test_include_is_taken_in_each_form(
    api: httpx.AsyncClient, thread: MakeThread, include: str
) -> None:
    row = await get(api, f"/threads/{await thread()}", include=include)

    assert ("ttl" in row) == bool(include)


async def test_what_cannot_be_included_is_422(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.get(f"/threads/{await thread()}", params={"include": "runs"})

    assert (answer.status_code, answer.json()["detail"]) == (422, "include: must be ttl")


async def test_it_costs_no_statement_more(
    api: httpx.AsyncClient, thread: MakeThread, statements: Statements
) -> None:
    thread_id = await thread(ttl=1)

    await ttl_of(api, thread_id)

    assert len(statements) == 2
