"""The lifespan of the project's own application: ASGI's protocol for a start and an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any

from common.importing import LoadError, cause_of
from graphs.crossing import App, Scope

logger = logging.getLogger(__name__)

STARTUP_SECONDS = 60.0
SHUTDOWN_SECONDS = 10.0
# What an application that has said it failed needs to end.
LAST_WORDS_SECONDS = 1.0


class Lifespan:
    """One application, brought up and down in one task of the graph loop."""

    def __init__(self, app: App, target: str) -> None:
        self.state: dict[str, Any] = {}
        """What the application's startup yields, for each of its requests."""
        self._app, self._target = app, target
        self._asked: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises LoadError, in one line, when the application says that it cannot start."""
        self._task = asyncio.create_task(self._run())
        told = await self._ask("lifespan.startup", STARTUP_SECONDS)
        if told is None:
            self._task.cancel()
            raise LoadError(f"http.app: {self._target}: did not start in {STARTUP_SECONDS:g} s.")
        if told["type"] == "lifespan.startup.failed":
            cause = await self._cause(told)
            raise LoadError(f"http.app: {self._target}: did not start: {cause}.")
        if told["type"] == "ended":
            cause = await self._cause(told)
            logger.info("http.app: %s: knows no lifespan: %s", self._target, cause)

    async def stop(self) -> None:
        if self._task is None or self._task.done():
            return
        told = await self._ask("lifespan.shutdown", SHUTDOWN_SECONDS)
        if told is None:
            self._task.cancel()
            logger.warning("http.app: %s: did not end in %g s", self._target, SHUTDOWN_SECONDS)
        elif told["type"] == "lifespan.shutdown.failed":
            logger.error(
                "http.app: %s: did not end well: %s", self._target, await self._cause(told)
            )

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._asked.get, self._told.put)
        finally:
            # That is all an application says that knows no lifespan.
            self._told.put_nowait({"type": "ended"})

    async def _ask(self, what: str, seconds: float) -> Any:
        self._asked.put_nowait({"type": what})
        try:
            async with asyncio.timeout(seconds):
                return await self._told.get()
        except TimeoutError:
            return None

    async def _cause(self, told: Any) -> str:
        assert self._task is not None
        done, _ = await asyncio.wait({self._task}, timeout=LAST_WORDS_SECONDS)
        failure = self._task.exception() if done and not self._task.cancelled() else None
        if failure is not None:
            return cause_of(failure).rstrip(".")
        lines = str(told.get("message", "")).strip().splitlines()
        return lines[-1].rstrip(".") if lines else "it does not say why"
