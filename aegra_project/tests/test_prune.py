"""`manage.py prune`: what has expired, what is old, and what stays."""

from __future__ import annotations

import asyncio
from io import StringIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from common import db
from threads.tests.conversing import MakeThread, get, run, said
from threads.tests.test_expiring import is_there, let_pass
from threads.tests.test_prune import counts

YEAR = 365 * 24 * 60


async def prune(*arguments: str) -> list[str]:
    """Run the command as a process of its own would, and return its lines."""
    out = StringIO()

    def called() -> None:
        try:
            call_command("prune", *arguments, stdout=out)
        finally:
            connections.close_all()

    await asyncio.to_thread(called)
    return out.getvalue().splitlines()


def figures(lines: list[str]) -> dict[str, int]:
    """Return the rows of each kind that was told."""
    found = {line[2:14].strip(): line[14:23].strip() for line in lines if line.startswith("  ")}
    return {kind: int(number.replace(",", "")) for kind, number in found.items() if number}


@pytest.fixture(autouse=True)
async def _nothing_else(api: httpx.AsyncClient) -> None:
    await db.execute("DELETE FROM thread WHERE ttl_minutes IS NOT NULL")
    await db.execute("DELETE FROM store WHERE expires_at IS NOT NULL")


@pytest.fixture
async def threads(api: httpx.AsyncClient, thread: MakeThread) -> dict[str, str]:
    """Threads of several fates, each with two runs; all but one are two years old."""
    made = {
        "expired": await thread(ttl=60),
        "thinned": await thread(ttl={"ttl": 60, "strategy": "keep_latest"}),
        "old": await thread(),
        "asking": await thread(ttl=60),
        "new": await thread(),
    }
    for name, thread_id in made.items():
        for text in ("one", "two"):
            await run(api, thread_id, "echo", input=said(text))
        if name == "asking":
            await run(api, thread_id, "ask", input=said("three"))
        if name != "new":
            await let_pass(thread_id, 2 * YEAR)
    return made


async def test_what_would_go_is_what_goes(api: httpx.AsyncClient, threads: dict[str, str]) -> None:
    item: dict[str, Any] = {"namespace": [uuid4().hex], "key": "k", "value": {"a": 1}, "ttl": 5}
    await api.put("/store/items", json=item)
    await db.execute("UPDATE store SET expires_at = now() WHERE prefix = %s", item["namespace"])
    before = {name: await counts(thread_id) for name, thread_id in threads.items()}

    would = await prune("--dry-run")

    assert {name: await counts(thread_id) for name, thread_id in threads.items()} == before
    assert would[0] == "Would go (nothing was changed):"
    done = await prune()
    assert done[0] == "Removed:"
    assert done[1:] == would[1:]
    gone = before["expired"]["checkpoints"] + before["thinned"]["checkpoints"] - 1
    found = figures(done)
    assert found.pop("event rows") >= 2
    assert found == {"threads": 1, "runs": 2, "checkpoints": gone, "store items": 1}
    assert done[-1] == "left alone: 1 waiting for an answer"
    assert (await prune())[0] == "Nothing is due."


async def test_only_what_has_expired_goes(api: httpx.AsyncClient, threads: dict[str, str]) -> None:
    before = {name: await counts(thread_id) for name, thread_id in threads.items()}

    await prune()

    assert not await is_there(api, threads["expired"])
    assert await counts(threads["thinned"]) == {"checkpoints": 1, "blobs": 1, "writes": 0}
    for name in ("old", "asking", "new"):
        assert await counts(threads[name]) == before[name]


async def test_old_threads_keep_their_latest(
    api: httpx.AsyncClient, threads: dict[str, str]
) -> None:
    state = await get(api, f"/threads/{threads['old']}/state")
    new = await counts(threads["new"])

    await prune("--older-than", "365", "--keep-latest")

    assert await counts(threads["old"]) == {"checkpoints": 1, "blobs": 1, "writes": 0}
    kept = await get(api, f"/threads/{threads['old']}/state")
    assert kept["values"] == state["values"]
    assert await counts(threads["new"]) == new
    assert (await prune("--older-than", "365", "--keep-latest"))[0] == "Nothing is due."


async def test_old_threads_are_deleted_when_that_is_asked(
    api: httpx.AsyncClient, threads: dict[str, str]
) -> None:
    lines = await prune("--older-than", "365", "--delete")

    there = {name for name, thread_id in threads.items() if await is_there(api, thread_id)}
    assert there == {"asking", "new"}
    assert figures(lines)["threads"] >= 3


@pytest.mark.parametrize("arguments", [["--older-than", "3"], ["--delete"], ["--keep-latest"]])
async def test_age_and_fate_go_together(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="--older-than DAYS goes together with"):
        await prune(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [["--older-than", "x", "--delete"], ["--older-than", "-1", "--delete"], ["--older-than=nan"]],
)
async def test_an_impossible_age_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="is no number of days"):
        await prune(*arguments)
