from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from common import pretty
from common.jsoncodec import Json


def test_short_json_stands_on_one_line_and_long_json_is_indented() -> None:
    assert pretty.json_text({"city": "Paris"}) == '{"city": "Paris"}'
    assert (
        pretty.json_text({"a": "x" * 80, "b": [1]}) == f'{{\n  "a": "{"x" * 80}",\n  "b": [1]\n}}'
    )


def test_very_long_json_is_cut_off() -> None:
    text = pretty.json_text(["word"] * 50_000)

    assert len(text) < pretty.LONGEST_JSON + 100
    assert text.endswith("more characters")


@pytest.mark.parametrize("value", [0, False, "", "</pre>", {"<b>": "&"}, ["\\", '"']])
def test_json_is_escaped_and_whole(value: Json) -> None:
    html = pretty.pretty_json(value)

    assert "</pre>" not in html.removesuffix("</pre>")
    assert "<b>" not in html


def test_nothing_is_a_dash() -> None:
    assert pretty.pretty_json({}) == pretty.NOTHING
    assert pretty.ago(None) == pretty.NOTHING
    assert pretty.clock(None) == pretty.NOTHING


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0123, "12 ms"), (2.314, "2.31 s"), (185, "3 min 5 s"), (7320, "2 h 2 min")],
)
def test_durations_are_told_at_their_scale(seconds: float, words: str) -> None:
    began = timezone.now()

    assert pretty.duration_text(began, began + timedelta(seconds=seconds)) == words


def test_ages_are_told_in_words() -> None:
    assert ">just now<" in pretty.ago(timezone.now())
    assert ">2\xa0hours ago<" in pretty.ago(timezone.now() - timedelta(hours=2.5))
