"""Whatever is asked of threads, the answer is below 500."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from threads.extracting import read_extract
from threads.tests.conversing import run, said

THREAD = str(UUID(int=2))
FAST = settings(max_examples=60, deadline=None, derandomize=True, database=None)

texts = st.text(max_size=12)
pieces = st.sampled_from(
    ["values", "metadata", ".", "[", "]", "-1", "0", '"', "\\", "%s", "a", "$"]
)
paths = st.lists(pieces | texts, max_size=8).map("".join) | texts
rooted = st.lists(
    st.builds(".{}".format, texts) | st.builds("[{}]".format, st.integers()), max_size=5
).map(lambda steps: "values" + "".join(steps))
ids = texts | st.sampled_from(["1f0", "null", "%", "../state", "\ud7ff"]) | st.uuids().map(str)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=3)
checkpoints = st.fixed_dictionaries(
    {},
    optional={
        "checkpoint_id": st.none() | ids,
        "checkpoint_ns": st.none() | ids | st.builds("{}:{}".format, texts, texts),
        "checkpoint_map": st.none() | st.dictionaries(texts, ids, max_size=2),
    },
)


@pytest.fixture(scope="module", autouse=True)
async def one_thread(api: httpx.AsyncClient) -> None:
    await api.post("/threads", json={"thread_id": THREAD, "if_exists": "do_nothing"})
    await run(api, THREAD, "parent", input=said("hi"))


def told(answer: httpx.Response) -> bool:
    return answer.status_code == 200 or (
        answer.status_code in (400, 404, 422) and bool(answer.json()["detail"])
    )


@FAST
@given(path=paths | rooted)
async def test_any_path_finds_or_is_refused(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post("/threads/search", json={"ids": [THREAD], "extract": {"it": path}})

    assert answer.status_code in (200, 422), answer.text
    is_well_formed = re.fullmatch(
        r"(values|metadata|config|interrupts)(\.[^.\[\]]+|\[-?[0-9]{1,9}\])*", path, re.DOTALL
    )
    # NUL is refused by the reader of JSON.
    assert (answer.status_code == 200) == bool(is_well_formed and "\0" not in path)


@FAST
@given(path=rooted)
def test_a_path_is_read_or_raises_value_error(path: str) -> None:
    try:
        read_extract("it", path)
    except ValueError as exc:
        assert "must be a path" in str(exc)  # noqa: PT017 -- either will do


@FAST
@given(filters=st.fixed_dictionaries({}, optional={"metadata": objects, "values": objects}))
async def test_any_filter_is_searched_and_counted(
    api: httpx.AsyncClient, filters: dict[str, Any]
) -> None:
    found = await api.post("/threads/search", json={**filters, "limit": 1000})
    counted = await api.post("/threads/count", json=filters)

    assert told(found), found.text
    assert found.status_code == counted.status_code
    if found.status_code == 200:
        assert len(found.json()) == min(counted.json(), 1000)


@FAST
@given(
    before=st.one_of(
        ids,
        checkpoints,
        st.fixed_dictionaries({"configurable": checkpoints}),
        values,
    ),
    metadata=st.none() | objects,
    checkpoint=st.none() | checkpoints,
)
async def test_any_history_is_told_or_refused(
    api: httpx.AsyncClient, before: Any, metadata: Any, checkpoint: Any
) -> None:
    body = {"before": before, "metadata": metadata, "checkpoint": checkpoint}

    answer = await api.post(f"/threads/{THREAD}/history", json=body)

    assert told(answer), answer.text


@FAST
@given(checkpoint=checkpoints, subgraphs=st.booleans())
async def test_any_checkpoint_is_read_or_refused(
    api: httpx.AsyncClient, checkpoint: Any, subgraphs: bool
) -> None:
    body = {"checkpoint": checkpoint, "subgraphs": subgraphs}

    answer = await api.post(f"/threads/{THREAD}/state/checkpoint", json=body)

    assert told(answer), answer.text


@FAST
@given(checkpoint_id=ids.filter(lambda text: text.strip("./") != ""))
async def test_any_id_in_the_path_is_read_or_refused(
    api: httpx.AsyncClient, checkpoint_id: str
) -> None:
    answer = await api.get(f"/threads/{THREAD}/state/{quote(checkpoint_id, safe='')}")

    assert told(answer), answer.text


@settings(FAST, suppress_health_check=[HealthCheck.too_slow])
@given(
    written=st.none() | objects | st.lists(values, max_size=2),
    as_node=st.none() | st.sampled_from(["__copy__", "__end__", "__input__", "pre", "sub", ""]),
    checkpoint=st.none() | checkpoints,
)
async def test_any_update_is_written_or_refused(
    api: httpx.AsyncClient, written: Any, as_node: str | None, checkpoint: Any
) -> None:
    body = {"values": written, "as_node": as_node, "checkpoint": checkpoint}

    answer = await api.post(f"/threads/{THREAD}/state", json=body)

    assert told(answer), answer.text
