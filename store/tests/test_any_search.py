"""Namespaces and filters of any kind: never a 5xx, and the answer is a plain program's."""

from __future__ import annotations

import operator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.jsoncodec import Json
from store.tests.asking import got, keys, put

pytestmark = pytest.mark.timeout(60)
bounded = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# What means something in LIKE, in regular expressions, in arrays or in JSON.
ODD = ["a", "ab", "a_", "a%", "%", "_", "*", "a*", "\\", "a\\", "(", "[^", "$", "^a", "a|b"]
ODD += ["{a}", '"', "'", ",", " ", "\n", "-", "#", "é", "E", "☃", "langgraph", "null", "/"]
characters = st.characters(codec="utf-8", exclude_characters=".\0")
labels = st.sampled_from(ODD) | st.text(characters, min_size=1, max_size=3)
namespaces = st.lists(labels, max_size=3).map(tuple)
patterns = st.lists(labels | st.just("*"), max_size=2).map(tuple)


@bounded
@given(kept=st.sets(namespaces, max_size=5), asked=namespaces, pattern=patterns, end=patterns)
async def test_a_namespace_is_itself_and_what_is_below_it(
    api: httpx.AsyncClient,
    kept: set[tuple[str, ...]],
    asked: tuple[str, ...],
    pattern: tuple[str, ...],
    end: tuple[str, ...],
) -> None:
    root = f"r{uuid4().hex}"
    for namespace in kept:
        await put(api, namespace=[root, *namespace], key="k", value={"at": list(namespace)})

    found = await api.post(
        "/store/items/search", json={"namespace_prefix": [root, *asked], "limit": 100}
    )
    listed = await api.post(
        "/store/namespaces", json={"prefix": [root, *pattern], "suffix": list(end)}
    )
    cut = await api.post("/store/namespaces", json={"prefix": [root], "max_depth": 2})

    below = {name for name in kept if name[: len(asked)] == asked}
    assert {tuple(item["namespace"][1:]) for item in found.json()["items"]} == below
    matching = {name for name in kept if matches(name, pattern) and ends(root, name, end)}
    assert {tuple(name[1:]) for name in listed.json()["namespaces"]} == matching
    assert len(listed.json()["namespaces"]) == len(matching)
    tops = {(root, *name)[:2] for name in kept}
    assert sorted(tuple(name) for name in cut.json()["namespaces"]) == sorted(tops)
    for name in kept:
        item = await got(api, ".".join([root, *name]), "k")
        assert item["value"] == {"at": list(name)}


def matches(name: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(name) >= len(pattern) and all(
        wanted in ("*", label) for label, wanted in zip(name, pattern, strict=False)
    )


def ends(root: str, name: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return matches((root, *name)[::-1], end[::-1])


strings = st.sampled_from(["", "a", "b", "ab", "9", "10", "true", "null"])
numbers = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 9, 10, 1e3, 2**53, 2**63 - 1])
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | strings
plain = st.one_of(
    scalars,
    st.lists(scalars, max_size=2),
    st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2),
)
FIELDS = ["a", "b", "%s", "a'b"]
ORDERED = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
conditions = st.one_of(
    plain,
    st.dictionaries(st.sampled_from(["$eq", "$ne"]), plain, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from([*ORDERED]), scalars, min_size=1, max_size=2),
)


@bounded
@given(
    values=st.lists(st.dictionaries(st.sampled_from(FIELDS), plain), min_size=1, max_size=6),
    wanted=st.dictionaries(st.sampled_from(FIELDS), conditions, max_size=2),
)
async def test_a_filter_selects_what_a_plain_program_selects(
    api: httpx.AsyncClient, values: list[dict[str, Any]], wanted: dict[str, Any]
) -> None:
    root = f"r{uuid4().hex}"
    for number, value in enumerate(values):
        await put(api, namespace=[root], key=str(number), value=value)

    found = await keys(api, root, filter=wanted, limit=100)

    expected = [str(number) for number, value in enumerate(values) if selects(wanted, value)]
    assert sorted(found) == expected


def selects(wanted: dict[str, Any], value: dict[str, Any]) -> bool:
    return all(holds(condition, key, value) for key, condition in wanted.items())


def holds(condition: Any, key: str, value: dict[str, Any]) -> bool:
    is_there = key in value
    found = typed(value.get(key))
    if not isinstance(condition, dict) or not any(name[0] == "$" for name in condition):
        condition = {"$eq": condition}
    for name, other in condition.items():
        if name in ORDERED:
            if not is_there or found[0] != typed(other)[0]:
                return False
            if not ORDERED[name](found[1], typed(other)[1]):
                return False
        elif (is_there and found == typed(other)) is not (name == "$eq"):
            return False
    return True


def typed(value: Any) -> tuple[str, Any]:
    """Return a JSON value that is equal to another only of its type."""
    match value:
        case None:
            return "null", 0
        case bool():
            return "boolean", value
        case int() | float():
            return "number", value
        case list():
            return "array", [typed(inner) for inner in value]
        case dict():
            return "object", {key: typed(inner) for key, inner in value.items()}
    return "string", value


anything: st.SearchStrategy[Any] = st.recursive(
    scalars | st.sampled_from(ODD) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$eq", "$in", "a", "key"]), inner, max_size=2)
    ),
    max_leaves=5,
)
BODIES = {
    ("PUT", "/store/items"): ["namespace", "key", "value", "index", "ttl"],
    ("DELETE", "/store/items"): ["namespace", "key"],
    ("POST", "/store/items/search"): [
        "namespace_prefix", "filter", "query", "limit", "offset", "refresh_ttl",
    ],
    ("POST", "/store/namespaces"): ["prefix", "suffix", "max_depth", "limit", "offset"],
}  # fmt: skip


@bounded
@given(drawn=st.data())
@pytest.mark.parametrize("place", BODIES, ids=" ".join)
async def test_no_body_breaks_the_store(
    api: httpx.AsyncClient, place: tuple[str, str], drawn: st.DataObject
) -> None:
    good: dict[str, Json] = {"namespace": ["any"], "key": "k", "value": {}}
    given_ = drawn.draw(st.dictionaries(st.sampled_from(BODIES[place]), anything, max_size=3))
    required = {name: good[name] for name in BODIES[place] if name in good}

    answer = await api.request(*place, json={**required, **given_})

    assert answer.status_code in (200, 204, 400, 422), answer.text
    if answer.status_code >= 400:
        assert answer.json()["detail"]
