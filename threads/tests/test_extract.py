"""`extract` of a search: single values out of threads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common import db
from common.db import jsonb
from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, post

VALUES: dict[str, Any] = {
    "messages": [{"content": "first"}, {"content": [{"text": "last"}]}],
    "topic": "rain",
    "none": None,
    "odd key": {"a-b": 1, "100%s": 2, 'q"\\': 3, "0": "zero"},
    "big": 2**63,
}


@pytest.fixture
async def thread_id(thread: MakeThread) -> str:
    """A thread with a state, metadata, a config and a question."""
    made = await thread(metadata={"title": "t", "tags": ["a", "b"]})
    update = """UPDATE thread SET values = %s, config = %s, interrupts = %s WHERE thread_id = %s"""
    config = {"configurable": {"model": "m"}}
    interrupts = {"task": [{"id": "i", "value": "ok?"}]}
    await db.execute(update, [jsonb(VALUES), jsonb(config), jsonb(interrupts), made])
    return made


async def extracted(api: httpx.AsyncClient, thread_id: str, path: str) -> Any:
    [found] = await post(api, "/threads/search", ids=[thread_id], extract={"it": path})
    return found["extracted"]["it"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("values", VALUES),
        ("values.topic", "rain"),
        ("values.messages[0].content", "first"),
        ("values.messages[-2].content", "first"),
        ("values.messages[-1].content[0].text", "last"),
        ("values.big", 2**63),
        ("values.odd key.a-b", 1),
        ("values.odd key.100%s", 2),
        ('values.odd key.q"\\', 3),
        ("values.odd key.0", "zero"),
        ("metadata.title", "t"),
        ("metadata.tags[-1]", "b"),
        ("config.configurable.model", "m"),
        ("interrupts.task[0].value", "ok?"),
        # Nothing there, or something of another kind, is null.
        ("values.none", None),
        ("values.nothing.at.all", None),
        ("values.messages[2]", None),
        ("values.messages[-3]", None),
        ("values.messages[999999999]", None),
        ("values.messages.content", None),
        ("values.topic[0]", None),
        ("values[0]", None),
        ("values.odd key[0]", None),
        ("values.messages.0", None),
    ],
)
async def test_a_path_finds(api: httpx.AsyncClient, thread_id: str, path: str, value: Any) -> None:
    assert await extracted(api, thread_id, path) == value


async def test_a_thread_without_a_state_has_null(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    assert await extracted(api, await thread(), "values.messages[-1]") is None


async def test_what_is_extracted_comes_beside_what_is_selected(
    api: httpx.AsyncClient, thread_id: str
) -> None:
    paths = {"topic": "values.topic", "title": "metadata.title"}
    search = {"ids": [thread_id], "extract": paths}

    [whole] = await post(api, "/threads/search", **search)
    [part] = await post(api, "/threads/search", **search, select=["status"])

    assert whole["values"] == VALUES
    assert part == {"status": "idle", "extracted": {"topic": "rain", "title": "t"}}
    assert whole["extracted"] == part["extracted"]


@pytest.mark.parametrize("extract", [None, {}])
async def test_no_paths_extract_nothing(
    api: httpx.AsyncClient, thread_id: str, extract: Any
) -> None:
    [found] = await post(api, "/threads/search", ids=[thread_id], extract=extract)

    assert "extracted" not in found


@pytest.mark.parametrize(
    ("extract", "told"),
    [
        ("values", "extract: must be an object"),
        ({"it": 7}, "extract.it: must be a path"),
        ({"it": ""}, "extract.it: must be a path"),
        ({"it": "status"}, "extract.it: must be a path"),
        ({"it": "value.topic"}, "extract.it: must be a path"),
        ({"it": "valuestopic"}, "extract.it: must be a path"),
        ({"it": "values."}, "extract.it: must be a path"),
        ({"it": "values..a"}, "extract.it: must be a path"),
        ({"it": "values.a["}, "extract.it: must be a path"),
        ({"it": "values.a[b]"}, "extract.it: must be a path"),
        ({"it": "values.a[1.5]"}, "extract.it: must be a path"),
        ({"it": "values.a[]"}, "extract.it: must be a path"),
        ({"it": "values.a[0]b"}, "extract.it: must be a path"),
        ({"it": "values" + ".a" * 51}, "extract.it: must be a path of at most 50 steps"),
        ({"1st": "values"}, "extract.1st: must be named by letters"),
        ({"a b": "values"}, "extract.a b: must be named by letters"),
        ({"": "values"}, "extract.: must be named by letters"),
        ({"good": "values", "bad": "x"}, "extract.bad: must be a path"),
        ({f"p{n}": "values" for n in range(11)}, "extract: must have at most 10 paths"),
    ],
    ids=str,
)
async def test_a_malformed_path_is_422_and_named(
    api: httpx.AsyncClient, extract: Any, told: str
) -> None:
    answer = await api.post("/threads/search", json={"extract": extract})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(told)


async def test_ten_paths_are_one_statement(
    api: httpx.AsyncClient, thread_id: str, statements: Statements
) -> None:
    extract = {f"p{n}": f"values.messages[{n}]" for n in range(10)}

    await post(api, "/threads/search", ids=[thread_id], extract=extract)

    assert len(statements) == 1
