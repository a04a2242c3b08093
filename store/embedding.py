"""Texts made into vectors by the user's code, which runs on the graph loop and nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from http import HTTPStatus
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from django.conf import settings
from langchain_core.embeddings import Embeddings
from langgraph.store.base.embed import ensure_embeddings

from common.errors import ApiError
from common.importing import LoadError, cause_of, load_object
from store.options import IndexOptions

logger = logging.getLogger(__name__)

T = TypeVar("T")
Vector: TypeAlias = "list[float]"

_loop: asyncio.AbstractEventLoop | None = None


class EmbeddingFailed(ApiError):
    """The user's embedding gave no usable vectors; what needed them has not been done."""

    # Clients of the JavaScript SDK try again at this status: models fail for a moment.
    status = HTTPStatus.FAILED_DEPENDENCY


def embed_on(loop: asyncio.AbstractEventLoop | None) -> None:
    """Run embeddings on this loop from now on; None: on the loop that asks for them."""
    global _loop  # noqa: PLW0603 -- the process's one loop for the user's code
    _loop = loop


class Embedder:
    """The embedding that `store.index.embed` names."""

    def __init__(self, embeddings: Embeddings, options: IndexOptions) -> None:
        self.embeddings = embeddings
        self.options = options

    async def documents(self, texts: list[str]) -> list[Vector]:
        """Return a vector for each text; raises EmbeddingFailed."""
        return await self._in_time(self._documents(texts))

    async def query(self, text: str) -> Vector:
        """Return the vector of what is searched for; raises EmbeddingFailed."""
        return await self._in_time(self._query(text))

    async def _documents(self, texts: list[str]) -> list[Vector]:
        given = self._listed(await self.embeddings.aembed_documents(texts), "a list of vectors")
        if len(given) != len(texts):
            raise self._failed(f"gave {len(given)} vectors for {len(texts)} texts")
        return [self._vector(one) for one in given]

    async def _query(self, text: str) -> Vector:
        return self._vector(await self.embeddings.aembed_query(text))

    def _vector(self, given: Any) -> Vector:
        try:
            vector = [float(number) for number in self._listed(given, "a list of numbers")]
        except (TypeError, ValueError):
            raise self._failed("gave a vector that is no list of numbers") from None
        if len(vector) != self.options.dims:
            raise self._failed(
                f"gave a vector of {len(vector)} numbers, and `store.index.dims` is "
                f"{self.options.dims}"
            )
        if not all(map(isfinite, vector)):
            raise self._failed("gave a vector with a number that is not finite")
        return vector

    def _listed(self, given: Any, what: str) -> list[Any]:
        if isinstance(given, str | bytes | dict) or not isinstance(given, Iterable):
            raise self._failed(f"must give {what}, and gave a {type(given).__name__}")
        return list(given)

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        seconds = settings.EMBEDDING_TIMEOUT_SECONDS
        try:
            # Also when a node blocks the graph loop, the wait for it ends.
            async with asyncio.timeout(seconds):
                return await on_graph_loop(work)
        except TimeoutError as exc:
            raise self._failed(
                f"took longer than {seconds:g} s (EMBEDDING_TIMEOUT_SECONDS)"
            ) from exc
        except EmbeddingFailed:
            raise
        # The user's code: whatever it raises is the reason why there are no vectors.
        except Exception as exc:
            logger.warning("embedding failed: %s", cause_of(exc))
            told = cause_of(exc) if settings.EXPOSE_ERRORS else type(exc).__name__
            raise self._failed(f"failed: {told}") from exc

    def _failed(self, what: str) -> EmbeddingFailed:
        return EmbeddingFailed(f"The store's embedding `{self.options.embed}` {what}.")


async def on_graph_loop(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` where the user's code runs; cancelling the wait cancels the work."""
    if _loop is None or asyncio.get_running_loop() is _loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop))


def load_embedder(options: IndexOptions, directory: Path) -> Embedder:
    """Import what `store.index.embed` names; raises LoadError, in one line."""
    try:
        found = _found(options.embed, directory)
    except LoadError as exc:
        raise LoadError(f"`store.index.embed`: {exc}") from exc.__cause__
    return Embedder(found, options)


def _found(embed: str, directory: Path) -> Embeddings:
    place = embed.rpartition(":")[0]
    if not (place.endswith(".py") or "/" in place or "." in place.partition(":")[0]):
        return _of_provider(embed)
    found = load_object(embed, directory)
    if isinstance(found, Embeddings):
        return found
    if isinstance(found, type) or not callable(found):
        what = f"the class `{found.__name__}`" if isinstance(found, type) else type(found).__name__
        raise LoadError(
            f"{embed}: is {what}; give an Embeddings object, or a function that takes a list of "
            "strings and returns a list of vectors."
        )
    return ensure_embeddings(found)


def _of_provider(embed: str) -> Embeddings:
    provider = embed.partition(":")[0]
    try:
        init_embeddings = import_module("langchain.embeddings").init_embeddings
    except (ImportError, AttributeError) as exc:
        raise LoadError(
            f"{embed}: models of a provider need langchain; run `pip install 'langchain>=0.3.9' "
            f"langchain-{provider.replace('_', '-')}` in the server's environment."
        ) from exc
    try:
        return cast("Embeddings", init_embeddings(embed))
    # The provider's package: what it lacks (itself, a key) is told as its own error.
    except Exception as exc:
        raise LoadError(f"{embed}: {cause_of(exc)}") from exc
