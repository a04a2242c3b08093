"""Graphs around a chat model that needs no key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph

# A new message each time: the model puts an id into the one it is given.
model = GenericFakeChatModel(messages=iter(lambda: AIMessage("hello big world"), None))


async def call(state: MessagesState) -> dict[str, Any]:
    get_stream_writer()({"progress": 1})
    return {"messages": [await model.ainvoke(state["messages"])]}


agent = StateGraph(MessagesState).add_node(call).add_edge(START, "call").add_edge("call", END)
agent = agent.compile()


def pre(state: MessagesState) -> None:
    return None


parent = StateGraph(MessagesState).add_node(pre).add_node("sub", agent)
parent = parent.add_edge(START, "pre").add_edge("pre", "sub").add_edge("sub", END).compile()

grand = StateGraph(MessagesState).add_node("parent", parent).add_edge(START, "parent")
grand = grand.add_edge("parent", END).compile()


async def answer(state: MessagesState) -> dict[str, Any]:
    """Answer with what was said last."""
    last = state["messages"][-1].content if state["messages"] else ""
    return {"messages": [AIMessage(last)]}


echo = StateGraph(MessagesState).add_node("echo", answer).add_edge(START, "echo").compile()


class CountingModel(BaseChatModel):
    """Streams `count` tokens, `delay_seconds` apart, natively async."""

    count: int = 200
    delay_seconds: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "counting"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = "".join(f"t{number} " for number in range(self.count))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for number in range(self.count):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            position = "last" if number == self.count - 1 else None
            token = AIMessageChunk(f"t{number} ", chunk_position=position)
            yield ChatGenerationChunk(message=token)


class TokensState(MessagesState):
    count: int
    """How many tokens; 200 when left out."""

    delay_seconds: float
    """The time before each token; none when left out."""


async def stream(state: TokensState) -> dict[str, Any]:
    counting = CountingModel(
        count=state.get("count", 200), delay_seconds=state.get("delay_seconds", 0.0)
    )
    return {"messages": [await counting.ainvoke(state["messages"])]}


tokens = StateGraph(TokensState).add_node("stream", stream).add_edge(START, "stream").compile()
