"""Embeddings that need no model: a number for each thing that words may mean."""

from __future__ import annotations

import asyncio
import threading
import time

from langchain_core.embeddings import Embeddings

MEANINGS = {
    "animal": ("cat", "kitten", "dog", "puppy", "pet"),
    "food": ("plum", "apple", "eats", "fruit", "dinner"),
    "work": ("office", "meeting", "boss", "job"),
}
# The last number keeps the vector of a text without a meaning from being zero.
DIMS = len(MEANINGS) + 1
# Until it is set, a text with `held` in it is being embedded.
released = threading.Event()
# The name of the thread of each embedding.
seen_in: list[str] = []


def embed(texts: list[str]) -> list[list[float]]:
    """Embed as a blocking model would; a few words make it fail."""
    seen_in.append(threading.current_thread().name)
    if any("kaput" in text for text in texts):
        raise ValueError("no model today")
    if any("short" in text for text in texts):
        return [[1.0] for _ in texts]
    if any("lost" in text for text in texts):
        return []
    if any("infinite" in text for text in texts):
        return [[float("inf")] * DIMS for _ in texts]
    if any("odd" in text for text in texts):
        return "vectors"  # type: ignore[return-value]
    if any("slow" in text for text in texts):
        time.sleep(0.2)
    if any("held" in text for text in texts):
        released.wait(20)
    return [vector_of(text) for text in texts]


async def embed_async(texts: list[str]) -> list[list[float]]:
    seen_in.append(threading.current_thread().name)
    if any("slow" in text for text in texts):
        await asyncio.sleep(0.2)
    return [vector_of(text) for text in texts]


class Meanings(Embeddings):
    """Tells whether a text is kept or searched for."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector_of(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return vector_of(text.removeprefix("not "))


meanings = Meanings()


def vector_of(text: str) -> list[float]:
    words = text.lower().replace('"', " ").split()
    counted = [float(sum(word in known for word in words)) for known in MEANINGS.values()]
    return [*counted, 0.1]
