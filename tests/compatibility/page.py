"""docs/reference/compatibility.md, read as the table that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.wire import Place

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "compatibility.md"
STATES = (
    *("served", "accepted", "ignored", "refused", "later"),
    *("the SDK's own", "never sent"),
)
SDKS = ("Python", "JavaScript")

_NAME = re.compile(r"`([^`]+)`")
_CALLER = re.compile(r"`([^`]+)`(?: \((\w+)\))?")
_SDK = re.compile(r"(Python|JavaScript)(?: \(([\w, ]+)\))?")
_PLACE = re.compile(r"(path|query|header|body)(?: `([^`]+)`)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    names: tuple[str, ...]
    """Parameters, or the one endpoint."""

    methods: Mapping[str, frozenset[str]]
    """By client, those that the row is about: `threads.get_state`."""

    wire: str

    state: str

    reason: str
    """Why it is accepted, ignored or refused, or under which subject it comes later."""

    shown_by: str
    """`file::test`, or nothing."""

    def places(self, parameter: str) -> frozenset[Place]:
        """Return where a parameter goes."""
        if self.wire == "the body":
            return frozenset({Place("body", "")})
        found = _PLACE.findall(self.wire)
        return frozenset(Place(part, (name or parameter).lower()) for part, name in found)


def endpoints() -> Mapping[str, Row]:
    return {
        row.names[0]: row
        for title, cells in _cells()
        if title.startswith("Endpoints")
        for row in [_endpoint(*cells)]
    }


def parameters() -> list[Row]:
    """Return the rows of the methods, in the order of the page."""
    return [
        _parameter(_NAME.findall(title), *cells)
        for title, cells in _cells()
        if title.startswith("`")
    ]


def of_every_method() -> list[Row]:
    return [_parameter([], *cells) for title, cells in _cells() if title == "Every method"]


def methods(sdk: str) -> set[str]:
    """Return the methods of a client that can be called: something of them is answered."""
    answered = ("served", "accepted", "refused")
    rows = [row for row in parameters() if row.state in answered]
    return {method for row in rows for method in row.methods.get(sdk, ())}


def _cells() -> Iterator[tuple[str, list[str]]]:
    """Return each line of a table with the heading above it."""
    title = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ")
        if line.startswith("| `"):
            yield title, [cell.strip() for cell in line.strip("|").split("|")]


def _endpoint(endpoint: str, callers: str, state: str, shown_by: str) -> Row:
    found = _CALLER.findall(callers)
    return Row(
        names=tuple(_NAME.findall(endpoint)),
        methods={
            sdk: frozenset(method for method, only in found if only in ("", sdk)) for sdk in SDKS
        },
        wire="",
        state=state.partition(": ")[0],
        reason=state.partition(": ")[2],
        shown_by=shown_by.strip("`"),
    )


def _parameter(
    methods: list[str], names: str, sdks: str, wire: str, state: str, shown_by: str
) -> Row:
    client = methods[0].partition(".")[0] if methods else ""
    return Row(
        names=tuple(_NAME.findall(names)),
        methods={
            sdk: frozenset(f"{client}.{name}" for name in only.split(", "))
            if only
            else frozenset(methods)
            for sdk, only in _SDK.findall(sdks)
        },
        wire=wire,
        state=state.partition(": ")[0],
        reason=state.partition(": ")[2],
        shown_by=shown_by.strip("`"),
    )
