"""A chat model that needs no key: it streams, calls tools, and always says the same."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import (
    BaseChatModel,
    agenerate_from_stream,
    generate_from_stream,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from examples.script import Reply, calls_made, next_reply

TOKEN = re.compile(r"\s*\S{1,6}")
DEFAULT_TOKEN_DELAY_MS = 20.0


class ScriptedChatModel(BaseChatModel):
    """Answers by the rules of `examples.script`, one piece of a word at a time."""

    token_delay_ms: float | None = None
    """None: SCRIPTED_MODEL_TOKEN_DELAY_MS, read at each answer, else 20 ms."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model; `tool_choice` "none" keeps it from calling any."""
        offered = [] if tool_choice == "none" else [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=offered, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - a script has no stop words
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in answer_chunks(messages, kwargs.get("tools", [])):
            time.sleep(self._delay_seconds())
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - a script has no stop words
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in answer_chunks(messages, kwargs.get("tools", [])):
            await asyncio.sleep(self._delay_seconds())
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _delay_seconds(self) -> float:
        delay_ms = self.token_delay_ms
        if delay_ms is None:
            delay_ms = float(
                os.environ.get("SCRIPTED_MODEL_TOKEN_DELAY_MS") or DEFAULT_TOKEN_DELAY_MS
            )
        return max(delay_ms, 0.0) / 1000


def answer_chunks(
    messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
) -> Iterator[ChatGenerationChunk]:
    """Give the answer token by token, then one empty chunk that counts and closes it."""
    reply = next_reply(messages, [tool["function"]["name"] for tool in tools])
    output_tokens = 0
    for chunk in reply_chunks(reply, first_call=calls_made(messages) + 1):
        output_tokens += 1
        yield ChatGenerationChunk(message=chunk)
    input_tokens = sum(len(TOKEN.findall(str(message.text))) for message in messages)
    yield ChatGenerationChunk(message=closing_chunk(reply, input_tokens, output_tokens))


def reply_chunks(reply: Reply, *, first_call: int) -> Iterator[AIMessageChunk]:
    for token in TOKEN.findall(reply.text):
        yield AIMessageChunk(content=token)
    for index, (name, arguments) in enumerate(reply.calls):
        yield AIMessageChunk(
            content="",
            tool_call_chunks=[
                tool_call_chunk(name=name, args="", id=f"call_{first_call + index}", index=index)
            ],
        )
        for token in TOKEN.findall(json.dumps(arguments, ensure_ascii=False)):
            yield AIMessageChunk(
                content="", tool_call_chunks=[tool_call_chunk(args=token, index=index)]
            )


def closing_chunk(reply: Reply, input_tokens: int, output_tokens: int) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        chunk_position="last",
        response_metadata={
            "model_name": "scripted",
            "finish_reason": "tool_calls" if reply.calls else "stop",
        },
        usage_metadata=UsageMetadata(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            total_tokens=input_tokens + output_tokens,
        ),
    )
