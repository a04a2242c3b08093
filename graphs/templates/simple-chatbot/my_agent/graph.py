"""The chatbot: each message goes to the model, with the conversation before it."""

from __future__ import annotations

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.graph import START, MessagesState, StateGraph

from my_agent.model import chat_model

PROMPT = SystemMessage("You are a friendly assistant.")

model = chat_model()


async def chat(state: MessagesState) -> dict[str, list[AnyMessage]]:
    return {"messages": [await model.ainvoke([PROMPT, *state["messages"]])]}


builder = StateGraph(MessagesState)
builder.add_node("chat", chat)
builder.add_edge(START, "chat")

# No checkpointer and no store: the server brings both.
graph = builder.compile()
