"""One thing done to many records by whoever operates the server, from where no event loop runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from common import db
from common.errors import ApiError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one of them."""

    id: UUID
    is_done: bool

    told: str
    """In words that go on after the id: `is pending again`."""


async def each(ids: Iterable[UUID], verb: Callable[[UUID], Awaitable[str]]) -> list[Done]:
    """Do `verb` to one after the other; an error of one keeps none of the others from it."""
    return [await _done(one, verb) for one in ids]


async def _done(one: UUID, verb: Callable[[UUID], Awaitable[str]]) -> Done:
    try:
        return Done(id=one, is_done=True, told=await verb(one))
    except ApiError as exc:
        return Done(id=one, is_done=False, told=exc.detail)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run verbs on an event loop of their own, for a command or a page of Django's."""
    return asyncio.run(_closing(work))


async def _closing(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        await db.close_pool()
