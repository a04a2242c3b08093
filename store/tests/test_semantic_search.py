"""`store.index`: search by meaning, over HTTP and in graphs, in one store."""

from __future__ import annotations

import math
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import db
from common.jsoncodec import Json
from common.tests.statements import Statements
from store.tests.asking import got, keys, put, searched
from tests.graphs.embed import MEANINGS, vector_of

pytestmark = pytest.mark.usefixtures("indexed")


async def vectors(root: str) -> list[str]:
    """Return which vectors are kept of the items below a label."""
    query = "SELECT key, field_name FROM store_vectors WHERE prefix LIKE %s ORDER BY 1, 2"
    return [f"{row['key']} {row['field_name']}" for row in await db.fetch_all(query, [f"{root}%"])]


@pytest.mark.parametrize(
    ("query", "nearest"), [("a kitten or a puppy", "cat"), ("fruit", "plum"), ("my job", "boss")]
)
async def test_the_nearest_by_meaning_comes_first(
    api: httpx.AsyncClient, notes: str, query: str, nearest: str
) -> None:
    found = await searched(api, notes, query=query)

    assert found[0]["key"] == nearest
    assert len(found) == 3
    scores = [item["score"] for item in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=0.01)
    assert scores[-1] < 0.2


async def test_without_a_query_the_latest_come_first_and_have_no_score(
    api: httpx.AsyncClient, notes: str
) -> None:
    for query in (None, ""):
        found = await searched(api, notes, query=query)

        assert [item["key"] for item in found] == ["boss", "plum", "cat"]
        assert [item["score"] for item in found] == [None] * 3


async def test_query_filter_and_prefix_all_select(api: httpx.AsyncClient, notes: str) -> None:
    await put(api, namespace=[f"{notes}x"], key="beside", value={"text": "a cat", "n": 9})
    await put(api, namespace=[notes, "deep"], key="dog", value={"text": "a dog", "n": 9})

    assert (await keys(api, notes, query="pet"))[:2] == ["dog", "cat"]
    assert await keys(api, notes, query="pet", filter={"n": {"$lt": 2}}) == ["cat", "plum"]
    assert await keys(api, notes, query="pet", filter={"n": {"$gt": 10}}) == []
    assert await keys(api, notes, "deep", query="plum") == ["dog"]


async def test_pages_of_a_search_follow_on_each_other(api: httpx.AsyncClient, notes: str) -> None:
    whole = await keys(api, notes, query="pet")

    pages = [await keys(api, notes, query="pet", limit=1, offset=at) for at in range(4)]

    assert [key for page in pages for key in page] == whole
    assert len(whole) == 3


async def test_an_item_of_many_texts_is_found_once_by_its_nearest(
    api: httpx.AsyncClient, notes: str
) -> None:
    lines = [{"t": "a meeting"}, *[{"t": "a dog"}] * 30, {"t": "an apple"}]
    await put(api, namespace=[notes], key="many", value={"lines": lines}, index=["lines[*].t"])

    found = await searched(api, notes, query="pet", limit=3)

    assert [item["key"] for item in found] == ["many", "cat", "plum"]
    assert len(await vectors(notes)) == 3 + 32


async def test_a_put_may_name_its_own_paths_or_none(api: httpx.AsyncClient, root: str) -> None:
    value: Json = {"text": "a plum", "title": "a cat", "tags": ["office", "job"]}

    for key, index in {
        "default": None,
        "none": False,
        "empty": [],
        "title": ["title"],
        "both": ["title", "tags[*]"],
        "absent": ["author.name"],
    }.items():
        await put(api, namespace=[root], key=key, value=value, index=index)

    assert await vectors(root) == [
        "both tags[*].0", "both tags[*].1", "both title", "default text", "title title",
    ]  # fmt: skip
    assert set(await keys(api, root, query="pet")) == {"both", "default", "title"}
    assert len(await keys(api, root)) == 6


async def test_a_second_put_leaves_no_vector_of_the_first(
    api: httpx.AsyncClient, root: str
) -> None:
    await put(api, namespace=[root], key="k", value={"text": "a cat"})
    await put(api, namespace=[root], key="k", value={"text": "a plum"})
    assert (await searched(api, root, query="kitten"))[0]["score"] < 0.2

    await put(api, namespace=[root], key="k", value={"text": "a plum"}, index=False)
    assert await keys(api, root, query="fruit") == []

    await put(api, namespace=[root], key="k", value={"text": "a plum"})
    await api.request("DELETE", "/store/items", json={"namespace": [root], "key": "k"})
    assert await vectors(root) == []


async def test_a_path_however_long_is_kept_with_a_key_however_long(
    api: httpx.AsyncClient, root: str
) -> None:
    key = "".join(uuid4().hex for _ in range(80))
    path = "".join(uuid4().hex for _ in range(31))

    await put(api, namespace=[root], key=key, value={path: "a cat"}, index=[path])

    assert await keys(api, root, query="pet") == [key]


@pytest.mark.parametrize(
    "index",
    [True, "text", 1, {}, [""], [1], [None], ["x" * 1001], ["x"] * 101],
    ids=["true", "str", "int", "dict", "empty", "ints", "nulls", "long", "many"],
)
async def test_an_index_that_is_none_is_422(api: httpx.AsyncClient, root: str, index: Json) -> None:
    item: Json = {"namespace": [root], "key": "k", "value": {}, "index": index}

    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("index: ")
    assert await got(api, root, "k") is None


@pytest.mark.parametrize(
    "path", ["[", "{", "[x].[", "{a,b", "}", "]", "..", "$", "*", "[-1]", "a[*"]
)
async def test_any_path_is_taken(api: httpx.AsyncClient, root: str, path: str) -> None:
    value: Json = {"a": ["cat", {"b": 1}], "b": None}

    await put(api, namespace=[root], key="k", value=value, index=[path])

    assert await got(api, root, "k")


async def test_a_search_by_meaning_is_one_statement(
    api: httpx.AsyncClient, notes: str, statements: Statements
) -> None:
    await keys(api, notes, query="pet")
    assert len(statements) == 1

    await put(api, namespace=[notes], key="k", value={"text": "a cat"})
    assert len(statements) == 4


@pytest.mark.parametrize("graph", ["notes", "syncnotes", "batchnotes"])
async def test_graphs_and_clients_find_what_the_other_has_put(
    api: httpx.AsyncClient, root: str, graph: str
) -> None:
    await put(
        api, namespace=["notes", root], key="by the api", value={"text": "a puppy", "in": root}
    )
    indexes: dict[str, Json] = {"cat": None, "plum": ["text"], "dog": False}
    puts: Json = [
        {
            "namespace": ["notes", root],
            "key": key,
            "value": {"text": key, "in": root},
            "index": index,
        }
        for key, index in indexes.items()
    ]
    search: Json = {"query": "pet", "filter": {"in": root}, "limit": 5}

    run: Json = {"assistant_id": graph, "input": {"puts": puts, "search": search}}
    answer = await api.post("/runs/wait", json=run)

    found = answer.json()["found"]
    assert {item["key"] for item in found[:2]} == {"cat", "by the api"}
    assert [item["key"] for item in found[2:]] == ["plum"]
    assert await keys(api, "notes", root, query="fruit", limit=1) == ["plum"]
    assert (await keys(api, "notes", root))[-1] == "by the api"


words = st.sampled_from([word for known in MEANINGS.values() for word in known] + ["x"])
texts = st.lists(words, max_size=4).map(" ".join)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kept=st.lists(st.lists(texts, max_size=3), max_size=6),
    query=texts.filter(bool),
    limit=st.integers(1, 4),
    offset=st.integers(0, 3),
    below=st.integers(0, 6),
)
async def test_a_search_finds_what_a_plain_program_finds(
    api: httpx.AsyncClient,
    kept: list[list[str]],
    query: str,
    limit: int,
    offset: int,
    below: int,
) -> None:
    root = f"r{uuid4().hex}"
    for number, lines in enumerate(kept):
        value: Json = {"n": number, "lines": list(lines)}
        await put(api, namespace=[root], key=str(number), value=value, index=["lines[*]"])

    found = await searched(
        api, root, query=query, filter={"n": {"$lt": below}}, limit=limit, offset=offset
    )

    asked = vector_of(query)
    best = sorted(
        (max(cosine(vector_of(line), asked) for line in lines) for lines in kept[:below] if lines),
        reverse=True,
    )
    assert [item["score"] for item in found] == pytest.approx(
        best[offset : offset + limit], abs=1e-5
    )
    for item in found:
        mine = [cosine(vector_of(line), asked) for line in item["value"]["lines"]]
        assert item["score"] == pytest.approx(max(mine), abs=1e-5)


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (
        math.hypot(*one) * math.hypot(*other)
    )
