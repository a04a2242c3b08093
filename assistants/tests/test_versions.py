from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements

Make = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def place(api: httpx.AsyncClient, assistant: Make) -> str:
    """An assistant of three versions."""
    made = await assistant(name="one", context={"tone": "a"}, metadata={"team": "red"})
    place = f"/assistants/{made['assistant_id']}"
    for changes in ({"name": "two", "metadata": {"stage": "test"}}, {"context": {"tone": "b"}}):
        assert (await api.patch(place, json=changes)).status_code == 200
    return place


async def numbers(api: httpx.AsyncClient, place: str, **search: Any) -> list[int]:
    answer = await api.post(f"{place}/versions", json=search)
    assert answer.status_code == 200, answer.text
    return [version["version"] for version in answer.json()]


async def test_versions_are_told_newest_first_without_an_update_time(
    api: httpx.AsyncClient, place: str
) -> None:
    made = (await api.get(place)).json()

    newest, middle, oldest = (await api.post(f"{place}/versions", json={})).json()

    moments = [version.pop("created_at") for version in (newest, middle, oldest)]
    assert moments == sorted(moments, reverse=True)
    same = {key: made[key] for key in ("assistant_id", "graph_id", "description")}
    red, test = {"team": "red"}, {"team": "red", "stage": "test"}
    a: dict[str, Any] = {"context": {"tone": "a"}, "config": {"configurable": {"tone": "a"}}}
    b: dict[str, Any] = {"context": {"tone": "b"}, "config": {"configurable": {"tone": "b"}}}
    assert newest == {**same, **b, "version": 3, "name": "two", "metadata": test}
    assert middle == {**same, **a, "version": 2, "name": "two", "metadata": test}
    assert oldest == {**same, **a, "version": 1, "name": "one", "metadata": red}


async def test_versions_are_found_by_their_metadata_and_in_pages(
    api: httpx.AsyncClient, place: str
) -> None:
    assert await numbers(api, place, metadata={"stage": "test"}) == [3, 2]
    assert await numbers(api, place, metadata={"team": "red"}) == [3, 2, 1]
    assert await numbers(api, place, metadata=None) == [3, 2, 1]
    assert await numbers(api, place, limit=2) == [3, 2]
    assert await numbers(api, place, limit=2, offset=2) == [1]


@pytest.mark.parametrize("search", [{"metadata": {"stage": "live"}}, {"offset": 3}])
async def test_no_version_at_all_is_404(
    api: httpx.AsyncClient, place: str, search: dict[str, Any]
) -> None:
    answer = await api.post(f"{place}/versions", json=search)

    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("has no such version; it is at 3")


async def test_a_graphs_name_serves_as_the_id_of_its_assistant(api: httpx.AsyncClient) -> None:
    assert (await numbers(api, "/assistants/agent"))[-1] == 1


async def test_a_missing_assistant_has_no_versions(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"/assistants/{uuid4()}/versions", json={})).status_code == 404
    assert (await api.post("/assistants/nobody/versions", json={})).status_code == 422


async def test_versions_are_two_statements_however_many_there_are(
    api: httpx.AsyncClient, place: str, statements: Statements
) -> None:
    await numbers(api, place)

    assert len(statements) == 2
