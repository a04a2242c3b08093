"""A saver that is two: the stock one and the server's, each with a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from copy import deepcopy
from typing import Any

from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)


class Differing(AssertionError):
    """One saver has given something else than the other."""


class Tee(BaseCheckpointSaver[str]):
    """Has each write done by both, and reads from both, which must come to the same."""

    def __init__(self, stock: Any, own: Any) -> None:
        super().__init__(serde=stock.serde)
        self._savers = {"stock": stock, "own": own}
        self._reading, self._writing = set[asyncio.Future[Any]](), set[asyncio.Future[Any]]()

    def get_next_version(self, current: str | None, channel: None) -> str:
        version: str = self._savers["stock"].get_next_version(current, channel)
        return version

    async def aput(
        self,
        config: Any,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Any:
        # A channel goes on with the set that it has handed over.
        given = {
            "checkpoint": deepcopy(checkpoint),
            "metadata": metadata,
            "new_versions": new_versions,
        }
        return await self._of_both("aput", config, **given)

    async def aput_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        given = {"writes": writes, "task_id": task_id, "task_path": task_path}
        await self._of_both("aput_writes", config, **given)

    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        found: CheckpointTuple | None = await self._of_both("aget_tuple", config)
        return found

    async def aget_delta_channel_history(self, *, config: Any, channels: Sequence[str]) -> Any:
        return await self._of_both("aget_delta_channel_history", config, channels=channels)

    async def alist(self, config: Any, **asked: Any) -> AsyncIterator[CheckpointTuple]:
        for found in await self._of_both("alist", config, **asked):
            yield found

    async def _of_both(self, name: str, config: Any, **given: Any) -> Any:
        """Ask each saver about its own thread; return what it gives as of the one asked for."""
        place = config["configurable"]

        async def asked(of: str, saver: Any) -> Any:
            own = {**config, "configurable": {**place, "thread_id": f"{place['thread_id']} {of}"}}
            answer = getattr(saver, name)(config=own, **given)
            found = [one async for one in answer] if name == "alist" else await answer
            return _renamed(found, place["thread_id"])

        here, others = self._reading, self._writing
        if name.startswith("aput"):
            here, others = others, here
        # While one has written and the other has not, they cannot come to the same.
        while others:
            await asyncio.wait(others)
        answers = asyncio.gather(*(asked(*saver) for saver in self._savers.items()))
        here.add(answers)
        try:
            one, other = await answers
        finally:
            here.discard(answers)
        if one != other:
            raise Differing(f"{name}: {one!r} is not {other!r}")
        return one


def _renamed(found: Any, thread_id: str) -> Any:
    if isinstance(found, list):
        return [_renamed(one, thread_id) for one in found]
    if isinstance(found, CheckpointTuple):
        return found._replace(
            config=_renamed(found.config, thread_id),
            parent_config=_renamed(found.parent_config, thread_id),
        )
    if isinstance(found, dict) and "thread_id" in found.get("configurable", {}):
        return {"configurable": {**found["configurable"], "thread_id": thread_id}}
    return found
