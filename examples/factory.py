"""A graph that is built anew for each use, from the configuration of that use."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from examples.models import chat_model
from examples.tools import TOOLS

Style = Literal["plain", "formal", "pirate"]

# The scripted model obeys these two forms of instruction; a real model obeys more.
STYLES: dict[Style, str] = {
    "plain": "",
    "formal": 'Be formal. End every answer with "Kind regards."',
    "pirate": 'Speak like a pirate. End every answer with "Arr!"',
}


@dataclass(frozen=True, kw_only=True)
class Persona:
    name: str = ""
    """Given a name, the agent begins every answer with it."""

    style: Style = "plain"
    """How the agent speaks."""

    tools: list[str] = field(default_factory=lambda: [tool.name for tool in TOOLS])
    """Names of the tools it has; with none, the graph has no tools node either."""


async def make_graph(
    config: RunnableConfig,
) -> CompiledStateGraph[MessagesState, Persona, MessagesState, MessagesState]:
    """Build the graph of a persona. Raises ValueError for an unknown style or tool."""
    persona = persona_of(config.get("configurable") or {})
    tools = chosen_tools(persona)
    model = chat_model().bind_tools(tools) if tools else chat_model()
    prompt = SystemMessage(system_prompt(persona))

    async def agent(state: MessagesState) -> dict[str, list[AnyMessage]]:
        return {"messages": [await model.ainvoke([prompt, *state["messages"]])]}

    builder = StateGraph(MessagesState, context_schema=Persona)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    if tools:
        builder.add_node("tools", ToolNode(tools))
        builder.add_conditional_edges("agent", tools_condition)
        builder.add_edge("tools", "agent")
    return builder.compile(name="factory")


def persona_of(configurable: dict[str, Any]) -> Persona:
    """Take what concerns the persona; the server puts its own keys there too."""
    known = {each.name for each in fields(Persona)}
    persona = Persona(**{key: value for key, value in configurable.items() if key in known})
    if persona.style not in STYLES:
        raise ValueError(f"Unknown style {persona.style!r}; use one of {get_args(Style)}")
    return persona


def chosen_tools(persona: Persona) -> list[BaseTool]:
    by_name = {tool.name: tool for tool in TOOLS}
    unknown = [name for name in persona.tools if name not in by_name]
    if unknown:
        raise ValueError(f"Unknown tools {unknown}; use some of {list(by_name)}")
    return [by_name[name] for name in persona.tools]


def system_prompt(persona: Persona) -> str:
    lines = ["You are a helpful assistant.", STYLES[persona.style]]
    if persona.name:
        lines.append(f'Your name is {persona.name}. Begin every answer with "{persona.name}:"')
    return " ".join(line for line in lines if line)
