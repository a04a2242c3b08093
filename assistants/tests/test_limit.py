"""`metadata.max_runs`: how many runs of an assistant may be executed at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common import db
from common.db import jsonb

Make = Callable[..., Awaitable[dict[str, Any]]]
NONE = [0, -1, True, 1.5, 2**31, "2", [2], {}]
STORE = "UPDATE assistant SET metadata = %s WHERE assistant_id = %s"
LIMIT = "SELECT max_runs FROM assistant WHERE assistant_id = %s"


async def limit_of(made: dict[str, Any]) -> int | None:
    row = await db.fetch_one(LIMIT, [made["assistant_id"]])
    assert row is not None
    found: int | None = row["max_runs"]
    return found


async def test_a_limit_is_set_kept_and_taken_off(api: httpx.AsyncClient, assistant: Make) -> None:
    made = await assistant(metadata={"max_runs": 2, "a": 1})
    path = f"/assistants/{made['assistant_id']}"
    assert await limit_of(made) == 2

    await api.patch(path, json={"metadata": {"a": 2}})
    assert await limit_of(made) == 2
    changed = (await api.patch(path, json={"metadata": {"max_runs": None}})).json()

    assert changed["metadata"] == {"max_runs": None, "a": 2}
    assert await limit_of(made) is None
    assert changed.keys() == (await api.get(path)).json().keys() == made.keys()


@pytest.mark.parametrize("limit", NONE)
async def test_a_limit_that_is_none_is_refused(
    api: httpx.AsyncClient, assistant: Make, limit: Any
) -> None:
    made, wrong = await assistant(), {"metadata": {"max_runs": limit}}

    created = await api.post("/assistants", json={"graph_id": "echo", **wrong})
    changed = await api.patch(f"/assistants/{made['assistant_id']}", json=wrong)

    assert (created.status_code, changed.status_code) == (422, 422)
    assert created.json() == changed.json()
    assert "max_runs must be a whole number from 1 to 2147483647" in created.json()["detail"]


@pytest.mark.parametrize("limit", [value for value in NONE if value != [2]])
async def test_what_stood_there_before_it_was_checked_is_no_limit(
    assistant: Make, limit: Any
) -> None:
    made = await assistant()

    await db.execute(STORE, [jsonb({"max_runs": limit}), made["assistant_id"]])

    assert await limit_of(made) is None
