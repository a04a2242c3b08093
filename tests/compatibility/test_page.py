"""docs/reference/compatibility.md, for itself: its states, its tests, its versions."""

from __future__ import annotations

import json
import re
from importlib.metadata import version

from tests.compatibility import page
from tests.compatibility.description import described
from tests.compatibility.evidence import is_there, names
from tests.javascript import JS

# Served, and no part of the API that the description is of.
UNDESCRIBED = {"GET /", "GET /docs", "GET /openapi.json"}


def every_row() -> list[page.Row]:
    return [*page.endpoints().values(), *page.of_every_method(), *page.parameters()]


def test_every_row_has_one_of_the_states() -> None:
    assert {row.state for row in every_row()} <= {*page.STATES}


def test_what_is_not_served_says_why_or_when() -> None:
    told = [row.reason for row in every_row() if row.state in page.STATES[1:5]]

    assert told
    assert all(told)


def test_only_what_comes_later_is_shown_by_no_test() -> None:
    unshown = [row for row in every_row() if not row.shown_by and row.state != "later"]

    assert unshown == []


def test_every_test_that_is_named_is_there() -> None:
    named = {row.shown_by for row in every_row() if row.shown_by}

    assert sorted(test for test in named if not is_there(test)) == []


def test_the_file_of_a_test_names_what_the_test_shows() -> None:
    rows = [row for row in page.parameters() if row.state in page.STATES[:3] and row.wire != "path"]
    shown = [(row, name) for row in rows for name in row.names]

    unnamed = [
        (row.shown_by, name)
        for row, name in shown
        if not names(row.shown_by, {name, *(place.name for place in row.places(name))})
    ]

    assert unnamed == []


def test_the_endpoints_are_those_of_the_code() -> None:
    served = {name for name, row in page.endpoints().items() if row.state == "served"}

    assert described().keys() == served - UNDESCRIBED


def test_the_versions_are_those_in_use() -> None:
    javascript = json.loads((JS / "package.json").read_text())["devDependencies"]

    told = dict(re.findall(r"`(@?[\w/-]+)` (\d+\.\d+\.\d+)", page.PAGE.read_text()))

    assert told == {
        "langgraph-sdk": version("langgraph-sdk"),
        "@langchain/langgraph-sdk": javascript["@langchain/langgraph-sdk"],
    }
