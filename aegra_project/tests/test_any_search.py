"""Whatever is searched by, as the API allows it: what is there is found."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assistants.queries import ASSISTANT_COLUMNS
from assistants.serializers import SORT_COLUMNS as ASSISTANT_SORTS
from common import db
from common.ids import uuid7
from threads.queries import THREAD_COLUMNS
from threads.serializers import SORT_COLUMNS as THREAD_SORTS
from threads.tests.conversing import run

pytestmark = pytest.mark.timeout(60)
# Not shrunk: that takes minutes, and what is drawn is small.
often = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
keys = words | st.sampled_from(["%", "_", "a.b", "a[0]", "'", '"', "\\", "{}", "$", "$eq", ":x"])
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | words
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(keys, values, max_size=4)
labels = st.text(st.characters(codec="utf-8", exclude_characters="\0."), min_size=1, max_size=6)
namespaces = st.lists(labels | st.sampled_from(["%", "_", "a%b", "\\"]), max_size=4)


@st.composite
def parts(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Draw some of the keys of an object."""
    if not whole:
        return {}
    chosen = draw(st.sets(st.sampled_from(sorted(whole))))
    return {key: whole[key] for key in chosen}


def order(columns: tuple[str, ...], sorts: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw how a search is to be answered: none of it changes what is found."""
    return st.fixed_dictionaries(
        {},
        optional={
            "sort_by": st.sampled_from(sorts),
            "sort_order": st.sampled_from(["asc", "desc", "ASC", "DESC"]),
            "select": st.lists(st.sampled_from(columns), max_size=3),
            "limit": st.integers(1, 1000),
            "offset": st.just(0),
        },
    )


@pytest.fixture(scope="module", autouse=True)
async def no_items_left(api: httpx.AsyncClient) -> AsyncIterator[None]:
    """Leave the admin's list of namespaces as short as it was."""
    yield
    await db.execute("DELETE FROM store WHERE prefix LIKE 'any-%%'")


def as_doubles(value: Any) -> Any:
    """Read all numbers as what JSON has: PostgreSQL writes 1e16 as an integer."""
    return json.loads(json.dumps(value), parse_int=float)


async def found(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await api.post(path, content=json.dumps(body))
    assert answer.status_code == 200, (body, answer.text)
    return answer.json()


@often
@given(metadata=objects, how=order(THREAD_COLUMNS, THREAD_SORTS), drawn=st.data())
async def test_a_thread_is_found_by_any_part_of_its_metadata(
    api: httpx.AsyncClient, metadata: dict[str, Any], how: dict[str, Any], drawn: st.DataObject
) -> None:
    part = drawn.draw(parts(metadata))
    kept = await found(api, "/threads", {"metadata": metadata})
    by = {"ids": [kept["thread_id"]], "metadata": part, "status": "idle"}

    page = await found(api, "/threads/search", {**by, **how})

    assert await found(api, "/threads/count", by) == 1
    expected = {name: kept[name] for name in how.get("select") or THREAD_COLUMNS}
    assert page == [expected]


@often
@given(
    metadata=objects,
    name=words.filter(bool),
    how=order(ASSISTANT_COLUMNS, ASSISTANT_SORTS),
    drawn=st.data(),
)
async def test_an_assistant_is_found_by_any_part_of_its_metadata_and_name(
    api: httpx.AsyncClient,
    metadata: dict[str, Any],
    name: str,
    how: dict[str, Any],
    drawn: st.DataObject,
) -> None:
    mark = str(uuid7())
    start = drawn.draw(st.integers(0, len(name) - 1))
    part = {**drawn.draw(parts(metadata)), "mark": mark}
    body = {"graph_id": "echo", "name": name, "metadata": {**metadata, "mark": mark}}
    kept = await found(api, "/assistants", body)
    by = {"graph_id": "echo", "name": name[start:], "metadata": part}

    page = await found(api, "/assistants/search", {**by, **how})

    assert await found(api, "/assistants/count", by) == 1
    expected = {name: kept[name] for name in how.get("select") or ASSISTANT_COLUMNS}
    assert page == [expected]


@often
@given(namespace=namespaces, key=words.filter(bool), value=objects, drawn=st.data())
async def test_an_item_is_found_below_its_namespace_and_by_what_it_holds(
    api: httpx.AsyncClient,
    namespace: list[str],
    key: str,
    value: dict[str, Any],
    drawn: st.DataObject,
) -> None:
    root = f"any-{uuid7()}"
    item = {"namespace": [root, *namespace], "key": key, "value": value}
    depth = drawn.draw(st.integers(0, len(namespace)))
    stored = await api.put("/store/items", content=json.dumps(item))
    assert stored.status_code == 204, stored.text
    by = {"namespace_prefix": [root, *namespace[:depth]]}

    items = await found(api, "/store/items/search", {**by, "filter": None})

    assert as_doubles([[item["key"], item["value"]] for item in items["items"]]) == as_doubles(
        [[key, value]]
    )


@often
@given(
    filters=st.dictionaries(
        keys.filter(lambda key: not key.startswith("$")),
        scalars
        | st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), values, min_size=1
        ),
        max_size=3,
    )
)
async def test_any_filter_of_the_store_is_answered(
    api: httpx.AsyncClient, filters: dict[str, Any]
) -> None:
    root = [f"any-{uuid7()}"]
    item = {"namespace": root, "key": "k", "value": {"a": 1, "b": "x", "c": {"d": [1]}}}
    await api.put("/store/items", content=json.dumps(item))

    items = await found(api, "/store/items/search", {"namespace_prefix": root, "filter": filters})

    assert len(items["items"]) in (0, 1)


@often
@given(namespace=namespaces, drawn=st.data())
async def test_a_namespace_is_listed_by_both_of_its_ends(
    api: httpx.AsyncClient, namespace: list[str], drawn: st.DataObject
) -> None:
    whole = [f"any-{uuid7()}", *namespace]
    await api.put("/store/items", content=json.dumps({"namespace": whole, "key": "k", "value": {}}))
    length = drawn.draw(st.integers(1, len(whole)))
    wild = [drawn.draw(st.sampled_from([label, "*"])) for label in whole[1:]]
    depth = drawn.draw(st.integers(1, 6))
    by = {"prefix": [whole[0], *wild][:length], "suffix": [whole[0], *wild][-length:]}

    listed = await found(api, "/store/namespaces", {**by, "max_depth": depth})

    assert listed == {"namespaces": [whole[:depth]]}


@pytest.fixture(scope="module")
async def history(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Make a thread with a few checkpoints and return its states, newest first."""
    thread = (await api.post("/threads", json={})).json()["thread_id"]
    await run(api, thread, "echo")
    states: list[dict[str, Any]] = (await api.get(f"/threads/{thread}/history")).json()
    assert len(states) > 1
    return states


known = st.sampled_from(["", "x", "%", "a" * 500, str(UUID(int=0)), str(UUID(int=2**128 - 1))])
unknown_ids = words | known | st.uuids().map(str)


@often
@given(drawn=st.data())
async def test_a_history_begins_after_any_checkpoint_in_any_form(
    api: httpx.AsyncClient, history: list[dict[str, Any]], drawn: st.DataObject
) -> None:
    ids = [state["checkpoint_id"] for state in history]
    thread = history[0]["checkpoint"]["thread_id"]
    before = drawn.draw(st.sampled_from(ids))
    form: Any = drawn.draw(
        st.sampled_from(
            [
                before,
                {"checkpoint_id": before},
                {"configurable": {"checkpoint_id": before, "checkpoint_ns": ""}},
            ]
        )
    )
    limit = drawn.draw(st.integers(1, 1000))

    states = await found(api, f"/threads/{thread}/history", {"before": form, "limit": limit})

    older = ids[ids.index(before) + 1 :]
    assert [state["checkpoint_id"] for state in states] == older[:limit]


@often
@given(name=unknown_ids, namespace=st.none() | words | st.just("call:x|y"), mapping=objects)
async def test_a_checkpoint_that_is_not_there_is_404_and_its_history_empty(
    api: httpx.AsyncClient,
    history: list[dict[str, Any]],
    name: str,
    namespace: str | None,
    mapping: dict[str, Any],
) -> None:
    thread = history[0]["checkpoint"]["thread_id"]
    checkpoint = {"checkpoint_id": name, "checkpoint_ns": namespace, "checkpoint_map": mapping}
    body = json.dumps({"checkpoint": checkpoint})

    state = await api.post(f"/threads/{thread}/state/checkpoint", content=body)
    states = await api.post(f"/threads/{thread}/history", content=body)
    before = await api.post(f"/threads/{thread}/history", json={"before": name})

    assert state.status_code in ((200, 404, 422) if name == "" else (404, 422)), state.text
    assert states.status_code in (200, 404, 422), states.text
    assert before.status_code in (200, 422), before.text
