"""Whatever a body says, a run is refused or comes to its end."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.serializers import RunCreateSerializer
from tests.streaming import MakeThread, settled

WORDS = ["echo", "values", "cancel", "create", "rollback", "exit", "keep", "*", "__end__", "x"]
KEYS = [
    "messages",
    "configurable",
    "metadata",
    "tags",
    "recursion_limit",
    "checkpoint_id",
    "checkpoint_ns",
    "checkpoint_map",
    "resume",
    "update",
    "goto",
    "node",
    "input",
    "__interrupt__",
]
numbers = st.integers(-3, 2**64) | st.floats(allow_nan=False, allow_infinity=False)
words = st.sampled_from(WORDS) | st.text(max_size=5)
scalars: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), numbers, words)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = sorted(set(RunCreateSerializer().fields) - {"assistant_id"})
bodies = st.dictionaries(st.sampled_from(fields), values, min_size=1, max_size=3)


@pytest.mark.timeout(60)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies)
async def test_no_body_breaks_the_server(
    api: httpx.AsyncClient, thread: MakeThread, body: dict[str, Any]
) -> None:
    thread_id = await thread()

    answer = await api.post(f"/threads/{thread_id}/runs", json={"assistant_id": "echo", **body})

    assert answer.status_code in (200, 400, 404, 422), answer.text
    if answer.status_code != 200:
        assert answer.json()["detail"]
    runs = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert len(runs) == (answer.status_code == 200)
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted", "error")
