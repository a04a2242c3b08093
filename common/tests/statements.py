"""The SQL statements that a block of a test sends through the pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from psycopg import AsyncCursor

from common.db import SESSION

Statements: TypeAlias = "list[str]"


def count_statements(monkeypatch: pytest.MonkeyPatch, is_foreign: Callable[[], bool]) -> Statements:
    """Write down every statement from now on; it is executed none the less.

    Left out is what is sent where `is_foreign` holds: runs of earlier tests may yet be ending.
    """
    sent: Statements = []
    execute = AsyncCursor.execute

    async def counted(self: AsyncCursor[Any], query: Any, *rest: Any, **named: Any) -> Any:
        # A pool says this on a connection that it opens, whenever that may be.
        if query != SESSION and not is_foreign():
            sent.append(query if isinstance(query, str) else repr(query))
        return await execute(self, query, *rest, **named)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    return sent
