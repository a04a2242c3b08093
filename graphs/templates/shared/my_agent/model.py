"""The model behind the agent: the one that MODEL names, or a stand-in that needs no key."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

WORD_SECONDS = 0.02


def chat_model() -> BaseChatModel:
    """Return the model that MODEL names (`openai:gpt-4o-mini`), or the stand-in."""
    name = os.environ.get("MODEL", "").strip()
    if not name:
        return StandIn()
    from langchain.chat_models import init_chat_model

    return init_chat_model(name)


class StandIn(BaseChatModel):
    """Says back what it hears, word by word, and calls a tool when it hears of it."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - it always stops by itself
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        names = [tool["function"]["name"] for tool in kwargs.get("tools", [])]
        for part in answer(messages, names):
            time.sleep(WORD_SECONDS)
            chunk = ChatGenerationChunk(message=part)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


def answer(messages: Sequence[BaseMessage], tool_names: Sequence[str]) -> Iterator[AIMessageChunk]:
    """Give the answer in parts; `get_time` is called when the question has the word "time"."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        yield from in_words(f"The tool {last.name} says: {last.text}")
        return
    heard = set(re.findall(r"\w+", last.text.lower()))
    called = [name for name in tool_names if name.split("_")[-1] in heard]
    for index, name in enumerate(called):
        call = tool_call_chunk(
            name=name, args="{}", id=f"call_{len(messages)}_{index}", index=index
        )
        yield AIMessageChunk(content="", tool_call_chunks=[call])
    if not called:
        yield from in_words(f'You said "{last.text}". Set MODEL to talk to a real model.')


def in_words(text: str) -> Iterator[AIMessageChunk]:
    for word in re.findall(r"\S+\s*", text):
        yield AIMessageChunk(content=word)
