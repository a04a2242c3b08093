"""A parent graph whose subgraph interrupts for approval."""

from __future__ import annotations

from examples.react_agent_hitl import graph as react_agent_hitl
from examples.subgraph_agent import parent_of

graph = parent_of(react_agent_hitl, name="subgraph_hitl_agent")
