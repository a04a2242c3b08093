"""The SQL statements that a block of a test sends through the pools."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from psycopg import AsyncCursor

from common.db import SESSION

Statements: TypeAlias = "list[str]"


def count_statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Write down every statement from now on; it is executed none the less."""
    sent: Statements = []
    execute = AsyncCursor.execute

    async def counted(self: AsyncCursor[Any], query: Any, *rest: Any, **named: Any) -> Any:
        # A pool says this on a connection that it opens, whenever that may be.
        if query != SESSION:
            sent.append(query if isinstance(query, str) else repr(query))
        return await execute(self, query, *rest, **named)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    return sent
