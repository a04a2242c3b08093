from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

KEYS = {"input_schema", "output_schema", "state_schema", "config_schema", "context_schema"}


async def subgraphs(api: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await api.get(f"/assistants/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_subgraphs_of_a_graph_are_told_with_their_schemas(
    api: httpx.AsyncClient,
) -> None:
    found = await subgraphs(api, "parent/subgraphs")

    assert found.keys() == {"sub"}
    assert found["sub"].keys() == KEYS
    assert "messages" in found["sub"]["input_schema"]["properties"]


@pytest.mark.parametrize(
    ("recurse", "names"),
    [("false", ["parent"]), ("true", ["parent", "parent|sub"]), ("1", ["parent", "parent|sub"])],
)
async def test_recurse_opens_the_subgraphs_of_subgraphs(
    api: httpx.AsyncClient, recurse: str, names: list[str]
) -> None:
    assert list(await subgraphs(api, "grand/subgraphs", recurse=recurse)) == names


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("parent", "parent"),
        ("parent|sub", "parent|sub"),
        ("parent%7Csub", "parent|sub"),
        (f"parent:{uuid4()}|sub:{uuid4()}", "parent|sub"),
    ],
    ids=["one", "two", "encoded", "checkpoint"],
)
async def test_a_namespace_names_one_subgraph(
    api: httpx.AsyncClient, namespace: str, name: str
) -> None:
    found = await subgraphs(api, f"grand/subgraphs/{namespace}")

    assert list(found) == [name]
    assert list(await subgraphs(api, f"grand/subgraphs/{namespace}", recurse="true")) == [name]


@pytest.mark.parametrize("namespace", ["nobody", "parent|nobody", "par", "sub", "a/b", "|"])
async def test_another_namespace_is_404_and_told_which_there_are(
    api: httpx.AsyncClient, namespace: str
) -> None:
    answer = await api.get(f"/assistants/grand/subgraphs/{namespace}")

    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("its subgraphs are: parent, parent|sub")


async def test_a_graph_without_subgraphs_has_none(api: httpx.AsyncClient) -> None:
    assert await subgraphs(api, "agent/subgraphs", recurse="true") == {}
    answer = await api.get("/assistants/agent/subgraphs/call")
    assert answer.json()["detail"].endswith("its subgraphs are: none")


async def test_a_factorys_graph_is_asked(api: httpx.AsyncClient) -> None:
    assert await subgraphs(api, "factory/subgraphs") == {}
    assert (await api.get("/assistants/broken/subgraphs")).status_code == 424


async def test_a_missing_assistant_has_no_subgraphs(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"/assistants/{uuid4()}/subgraphs")).status_code == 404
    assert (await api.get("/assistants/nobody/subgraphs")).status_code == 422
