"""Whatever JSON a client sends, the server answers it: below 500."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants.serializers import (
    AgentSearchSerializer,
    AssistantCreateSerializer,
    AssistantSearchSerializer,
    LatestSerializer,
    VersionSearchSerializer,
)
from common.jsoncodec import Json
from runs.serializers import RunCreateSerializer
from store.serializers import ItemPutSerializer, ItemSearchSerializer, NamespaceSearchSerializer
from threads.serializers import (
    ThreadCreateSerializer,
    ThreadPruneSerializer,
    ThreadSearchSerializer,
)
from threads.state_serializers import (
    HistorySerializer,
    StateAtSerializer,
    StateUpdateSerializer,
)

THREAD = str(UUID(int=1))
ENDPOINTS = {
    "/assistants": AssistantCreateSerializer,
    "/assistants/search": AssistantSearchSerializer,
    "/assistants/count": AssistantSearchSerializer,
    "/assistants/agent/versions": VersionSearchSerializer,
    "/assistants/agent/latest": LatestSerializer,
    "/agents/search": AgentSearchSerializer,
    "/threads": ThreadCreateSerializer,
    "/threads/search": ThreadSearchSerializer,
    "/threads/count": ThreadSearchSerializer,
    "/threads/prune": ThreadPruneSerializer,
    f"/threads/{THREAD}/state": StateUpdateSerializer,
    f"/threads/{THREAD}/state/checkpoint": StateAtSerializer,
    f"/threads/{THREAD}/history": HistorySerializer,
    "/runs/wait": RunCreateSerializer,
    "/store/items": ItemPutSerializer,
    "/store/items/search": ItemSearchSerializer,
    "/store/namespaces": NamespaceSearchSerializer,
}
texts = st.text(max_size=8) | st.sampled_from(["%s", "{}", "__end__", "$gt", "echo", "*"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
anything: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
# Good values of the fields without which nothing else is looked at.
GOOD: dict[str, Json] = {
    "graph_id": "echo",
    "assistant_id": "echo",
    "namespace": ["any"],
    "key": "k",
    "value": {},
    "input": {"messages": []},
    "checkpoint": {},
}


@pytest.fixture(scope="module", autouse=True)
async def one_thread(api: httpx.AsyncClient) -> None:
    metadata: Json = {"graph_id": "echo"}
    body: Json = {"thread_id": THREAD, "metadata": metadata, "if_exists": "do_nothing"}
    answer = await api.post("/threads", json=body)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
@given(drawn=st.data())
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
async def test_no_body_is_a_server_error(
    api: httpx.AsyncClient, path: str, drawn: st.DataObject
) -> None:
    names = sorted(ENDPOINTS[path]().fields)
    fields = drawn.draw(st.dictionaries(st.sampled_from(names), anything, max_size=3))
    needed = {name: value for name, value in GOOD.items() if name in names}
    if path == "/assistants":
        del needed["assistant_id"]
    method = "PUT" if path == "/store/items" else "POST"

    answer = await api.request(method, path, content=json.dumps({**needed, **fields}))

    assert answer.status_code < 500, answer.text
    assert answer.status_code < 400 or answer.json()["detail"]
