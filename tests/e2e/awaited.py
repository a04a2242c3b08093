"""The SDK's synchronous client in the clothes of the other one, so that both run one suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeAlias

Client: TypeAlias = Any
"""A LangGraphClient, or Awaited. Any: the SDK's types are narrower or wider than its answers."""

Connected: TypeAlias = Callable[[str], AbstractAsyncContextManager[Client]]
"""Makes a client of the server at an address."""

STREAMS = {"stream", "join_stream"}
END = object()


class Awaited:
    """Calls each method in a thread."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if not callable(found):
            return Awaited(found)
        return _streaming(found) if name in STREAMS else partial(asyncio.to_thread, found)


def _streaming(method: Callable[..., Iterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        parts = method(*args, **kwargs)
        while (part := await asyncio.to_thread(next, parts, END)) is not END:
            yield part

    return stream
