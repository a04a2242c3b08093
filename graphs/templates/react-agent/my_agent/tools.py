"""What the agent can do. A tool's docstring is what the model knows of it."""

from __future__ import annotations

import random
from datetime import datetime
from zoneinfo import ZoneInfo

from langchain_core.tools import tool


@tool
def get_time(timezone: str = "UTC") -> str:
    """Tell date and time in a time zone such as Europe/Paris."""
    return datetime.now(ZoneInfo(timezone)).strftime("%A, %d %B %Y, %H:%M")


@tool
def roll_dice(sides: int = 6) -> str:
    """Roll dice with so many sides."""
    return str(random.randint(1, sides))  # noqa: S311 - a game


TOOLS = [get_time, roll_dice]
