from __future__ import annotations

import json
import math
from collections import namedtuple
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from common import jsoncodec
from common.jsoncodec import MAX_DEPTH, InvalidJson, Json, RawJson

keepable = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | keepable
)
documents: st.SearchStrategy[Json] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(keepable, inner), max_leaves=20
)
# Whatever a graph may put into its state.
wild: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters())
    | st.binary(max_size=5)
    | st.datetimes(timezones=st.just(UTC))
    | st.uuids()
    | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(alphabet=st.characters()) | st.integers(), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(documents)
def test_what_is_written_is_read_again(document: Json) -> None:
    assert jsoncodec.loads(jsoncodec.dumps(document)) == document


@given(documents)
def test_reading_agrees_with_the_standard_library(document: Json) -> None:
    assert jsoncodec.loads(json.dumps(document).encode()) == document


@given(wild)
def test_whatever_a_graph_makes_is_written_on_one_line_and_can_be_stored(value: Any) -> None:
    text = jsoncodec.dumps(value)

    assert b"\n" not in text
    parsed = json.loads(text.decode("utf-8"), parse_constant=pytest.fail)
    assert not _holds_nul(parsed)


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with suppress(InvalidJson):
        jsoncodec.loads(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "unexpected end"),
        (b"NaN", "unexpected character"),
        (b"1e999", "infinity"),
        (b'"\\u0000"', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'[[{"a": ["\\u0000"]}]]', "NUL"),
        (b'"\\ud800"', "surrogate"),
        (b"18446744073709551616", "18446744073709551616 does not fit 64 bits"),
        (b"-9223372036854775809", "64 bits"),
        (b"[" + b"9" * 200 + b"]", "99999999999999999999… does not fit"),
        (b"[" * 201 + b"]" * 201, "deeper than 200"),
        (b"[" * 10_000 + b"]" * 10_000, "depth limit"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_told(text: bytes, told: str) -> None:
    with pytest.raises(InvalidJson) as refusal:
        jsoncodec.loads(text)

    assert told in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b'"99999999999999999999"', "99999999999999999999"),
        (b"0.12345678901234567890123", 0.12345678901234568),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b"[" + b"[],{}," * 500 + b"1]", None),
    ],
)
def test_what_looks_bad_and_is_good_is_read(text: bytes, value: Json) -> None:
    found = jsoncodec.loads(text)

    assert value is None or found == value


class Point(BaseModel):
    x: int


@dataclass
class Pair:
    left: Any
    right: Any


class Colour(Enum):
    RED = "red"


Tuple = namedtuple("Tuple", ["a", "b"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "null"),
        ([math.inf, -math.inf], "[null,null]"),
        ("a\0b", '"ab"'),
        ({"k\0": "\0"}, '{"k":""}'),
        ("\\u0000", '"\\\\u0000"'),
        ("\ud800", '"\ufffd"'),
        ({"\ud800": 1}, '{"\ufffd":1}'),
        (2**70, "1180591620717411303424"),
        ([2**70, math.nan, "\0"], '[1180591620717411303424,null,""]'),
        ({1: "a", None: "b", False: "c"}, '{"1":"a","null":"b","false":"c"}'),
        ({(1, 2): "t"}, '{"(1, 2)":"t"}'),
        (Point(x=1), '{"x":1}'),
        (Pair(1, Point(x=2)), '{"left":1,"right":{"x":2}}'),
        (Pair(2**70, Point(x=2)), '{"left":1180591620717411303424,"right":{"x":2}}'),
        (Colour.RED, '"red"'),
        (Tuple(1, 2), '{"a":1,"b":2}'),
        ({3}, "[3]"),
        (b"\xffa", '"\ufffda"'),
        (Decimal("1.5"), '"1.5"'),
        (ValueError("no"), '{"error":"ValueError","message":"no"}'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), '"2026-01-02T03:04:05.000006+00:00"'),
        (RawJson(b'{"a": 1}'), '{"a": 1}'),
        ([RawJson(b"[1.0]"), 1], "[[1.0],1]"),
        (object, "\"<class 'object'>\""),
    ],
)
def test_writing_tames(value: object, text: str) -> None:
    assert jsoncodec.dumps(value).decode() == text


def test_a_message_is_written_as_a_plain_dict() -> None:
    found: Any = json.loads(jsoncodec.dumps([AIMessage("hi", id="m1")]))

    assert found[0]["type"] == "ai"
    assert found[0]["content"] == "hi"
    assert "lc" not in found[0]


def test_a_circle_is_written_without_end_of_the_process() -> None:
    circle: list[Any] = []
    circle.append(circle)

    assert jsoncodec.dumps(circle)


def test_big_integers_survive_in_the_company_of_nul() -> None:
    stored = RawJson(b'{"n": 1180591620717411303425, "t": "\\\\u0000"}')
    made = {"n": 2**70 + 1, "t": "\\u0000\0"}

    for value in (made, stored, Pair(made, stored), {"a": [stored, "\0"]}):
        text = jsoncodec.dumps(value)
        assert text.count(b"1180591620717411303425") == text.count(b'"n"')


def test_stored_json_is_parsed_when_asked() -> None:
    assert RawJson(b'{"a": [1]}').parse() == {"a": [1]}


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_nul, [*value.keys(), *value.values()]))
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


class Counted:
    """Counts how often it is asked for its JSON."""

    def __init__(self, value: Any) -> None:
        self.value, self.asked = value, 0

    def dict(self) -> Any:
        self.asked += 1
        return {"value": self.value}


def test_what_is_repeated_is_written_once_and_the_same() -> None:
    inner = Counted("in")
    outer = Counted([inner, "a\0b"])
    value = {"a": [outer, inner], "b": [outer, outer], "c": "x\0y"}

    text = jsoncodec.dumps_repeated(value)

    assert outer.asked == 1
    assert text == jsoncodec.dumps(value)


@pytest.mark.parametrize("odd", [2**70, "\ud800", float("nan"), {(1, 2): 3}], ids=str)
def test_what_is_repeated_may_be_odd(odd: Any) -> None:
    value = [Counted(odd)] * 2

    assert jsoncodec.dumps_repeated(value) == jsoncodec.dumps(value)
