"""What the scripted model says: a pure function of the conversation and the bound tools."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

READ_AT_MOST = 2_000  # characters of a message; the patterns below may take quadratic time
ECHO_AT_MOST = 280
COUNT_AT_MOST = 1_000

COUNT = re.compile(r"\bcount to (\d+)", re.IGNORECASE)
WEATHER = re.compile(r"\b(?:weather|forecast)\b", re.IGNORECASE)
PLACES = re.compile(r"\b(?:in|for)\s+([^?.!;\n]+)", re.IGNORECASE)
PLACES_APART = re.compile(r"\s*(?:,|&|\band\b)\s*", re.IGNORECASE)
DAY = re.compile(r"\s+(?:today|tomorrow|tonight|now|please|like)$", re.IGNORECASE)
SUM_OF = re.compile(r"\bsum of ((?:[\d.]+|,|\band\b|\s)+)", re.IGNORECASE)
EXPRESSION = re.compile(r"(?<![\w.-])-?[(\d][\d\s.+\-*/^%()]*[\d)](?![\w-])")
OPERATION = re.compile(r"\d\)*\s*[-+*/^%]\s*\(*-?\d")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
OPERATORS = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/"}
SEARCH = re.compile(r"\b(?:search|look up|find|notes?)\b", re.IGNORECASE)
SUBJECT = re.compile(r"\b(?:for|about|on)\s+([^?.!\n]+)", re.IGNORECASE)
RECALL = re.compile(r"\b(?:what|who|recall|do you)\b.*\b(?:me|my|i)\b", re.IGNORECASE)
REMEMBER = re.compile(r"\bremember\s+(?:that\s+)?([^\n]+)", re.IGNORECASE)
INSTRUCTION = re.compile(r'\b(begin|end) every answer with "([^"]+)"', re.IGNORECASE)

OFFERS = {
    "weather": "the weather in a city",
    "calculator": "a sum such as 2 + 3",
    "search_notes": "what the notes say about a subject",
    "remember": "something to remember",
    "recall": "what I know about you",
}

Arguments = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the model."""

    text: str = ""
    """Empty when the model calls tools."""

    calls: tuple[tuple[str, Arguments], ...] = ()
    """Name and arguments of each tool call, in the order they were asked for."""


def next_reply(messages: Sequence[BaseMessage], tool_names: Iterable[str]) -> Reply:
    """Answer the conversation; call only tools named in `tool_names`.

    A system message may say `Begin every answer with "…"` or `End every answer with "…"`.
    """
    reply = plain_reply(messages, tuple(tool_names))
    if reply.calls:
        return reply
    return Reply(text=instructed(reply.text, messages))


def plain_reply(messages: Sequence[BaseMessage], tool_names: tuple[str, ...]) -> Reply:
    results = trailing_results(messages)
    if results:
        return Reply(text=" ".join(told(result) for result in results))
    if not messages or not isinstance(messages[-1], HumanMessage):
        return Reply(text=f"Hello! {offer(tool_names)}")
    text = str(messages[-1].text)[:READ_AT_MOST]
    calls = tuple(
        (name, arguments)
        for name, rule in RULES.items()
        if name in tool_names
        for arguments in rule(text)
    )
    return Reply(calls=calls) if calls else Reply(text=chat(text, tool_names))


def trailing_results(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    latest = takewhile(lambda message: isinstance(message, ToolMessage), reversed(messages))
    return [message for message in latest if isinstance(message, ToolMessage)][::-1]


def told(result: ToolMessage) -> str:
    if result.status == "error":
        return f"I have no answer from the {result.name} tool: {result.text}"
    return f"The {result.name} tool says: {result.text}"


def chat(text: str, tool_names: tuple[str, ...]) -> str:
    if count := COUNT.search(text):
        last = min(int(count[1][:9]), COUNT_AT_MOST)
        return " ".join(str(number) for number in range(1, last + 1))
    echo = textwrap.shorten(text, ECHO_AT_MOST, placeholder=" …")
    return f'You said: "{echo}". {offer(tool_names)}'


def offer(tool_names: tuple[str, ...]) -> str:
    known = [OFFERS[name] for name in tool_names if name in OFFERS]
    return f"You can ask me for {' or '.join(known)}." if known else "Tell me more, I am listening."


def instructed(text: str, messages: Sequence[BaseMessage]) -> str:
    for message in messages:
        if not isinstance(message, SystemMessage):
            continue
        for place, words in INSTRUCTION.findall(str(message.text)):
            text = f"{words} {text}" if place.lower() == "begin" else f"{text} {words}"
    return text


def calls_made(messages: Sequence[BaseMessage]) -> int:
    return sum(len(message.tool_calls) for message in messages if isinstance(message, AIMessage))


def ask_weather(text: str) -> list[Arguments]:
    """One call for each city, so that two cities show parallel tool calls."""
    if not WEATHER.search(text):
        return []
    found = PLACES.search(text)
    places = PLACES_APART.split(found[1]) if found else []
    named = [DAY.sub("", place.strip()) for place in places]
    cities = [name for name in named if 1 <= len(name.split()) <= 3 and not re.search(r"\d", name)]
    return [{"city": city} for city in cities] or [{"city": "Paris"}]


def ask_calculator(text: str) -> list[Arguments]:
    if listed := SUM_OF.search(text):
        numbers = re.findall(r"\d+(?:\.\d+)?", listed[1])
        return [{"expression": " + ".join(numbers)}] if numbers else []
    for words, operator in OPERATORS.items():
        text = re.sub(rf"\b{words}\b", operator, text, flags=re.IGNORECASE)
    expressions = (found[0].strip() for found in EXPRESSION.finditer(text))
    return [
        {"expression": expression}
        for expression in expressions
        if OPERATION.search(expression) and not DATE.fullmatch(expression)
    ]


def ask_notes(text: str) -> list[Arguments]:
    if not SEARCH.search(text):
        return []
    subject = SUBJECT.search(text)
    return [{"query": subject[1].strip() if subject else text.strip()}]


def ask_recall(text: str) -> list[Arguments]:
    return [{"query": text.strip()}] if RECALL.search(text) else []


def ask_remember(text: str) -> list[Arguments]:
    wanted = REMEMBER.search(text)
    return [{"fact": wanted[1].strip().rstrip(".!")}] if wanted and not RECALL.search(text) else []


RULES: dict[str, Callable[[str], list[Arguments]]] = {
    "weather": ask_weather,
    "calculator": ask_calculator,
    "search_notes": ask_notes,
    "recall": ask_recall,
    "remember": ask_remember,
}
