from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from rest_framework import serializers

from common.errors import Unprocessable
from common.serializers import (
    BodySerializer,
    CheckpointField,
    ConfigField,
    FlagField,
    IdField,
    StringField,
    WholeField,
    WordField,
)


class Sample(BodySerializer):
    flag = FlagField(required=False)
    whole = WholeField(required=False, min_value=0)
    word = WordField(["a", "b"], required=False)
    text = StringField(required=False)
    key = IdField(required=False)
    keys = serializers.ListField(child=IdField(), required=False)
    checkpoint = CheckpointField(required=False)
    config = ConfigField(required=False)


@pytest.mark.parametrize(
    ("field", "given", "found"),
    [
        ("flag", True, True),
        ("flag", "true", True),
        ("flag", 0, False),
        ("whole", 2**40, 2**40),
        ("word", "a", "a"),
        ("text", "  kept  ", "  kept  "),
        ("key", "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        ("checkpoint", {"checkpoint_id": None, "extra": 1}, {"checkpoint_id": None, "extra": 1}),
        ("config", {"tags": ["a"], "configurable": None}, {"tags": ["a"]}),
    ],
)
def test_a_good_value_is_taken(field: str, given: Any, found: Any) -> None:
    assert Sample.checked({field: given}) == {field: found}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"flag": "perhaps"}, "flag: Must be a valid boolean."),
        ({"flag": {}}, "flag: Must be a valid boolean."),
        ({"whole": True}, "whole: must be an integer"),
        ({"whole": "1"}, "whole: must be an integer"),
        ({"whole": -1}, "whole: Ensure this value is greater than or equal to 0."),
        ({"word": "c"}, "word: must be one of a, b"),
        ({"word": ["a"]}, "word: must be one of a, b"),
        ({"text": 1}, "text: must be a string"),
        ({"text": "x" * 100_001}, "text: Ensure this field has no more than 100000 characters."),
        ({"keys": ["x", 1]}, "keys.0: must be a UUID; keys.1: must be a UUID"),
        ({"whole": "1", "word": "c"}, "whole: must be an integer; word: must be one of a, b"),
        ({"checkpoint": {"checkpoint_ns": 1}}, "checkpoint: checkpoint_ns must be a string"),
        ({"config": {"recursion_limit": True}}, "config: recursion_limit must be a positive"),
        ([], "The request body must be a JSON object."),
        (None, "The request body must be a JSON object."),
    ],
)
def test_a_wrong_value_is_told_with_its_place(body: Any, told: str) -> None:
    with pytest.raises(Unprocessable) as refusal:
        Sample.checked(body)

    assert refusal.value.detail.startswith(told)


def test_unknown_fields_are_left_out() -> None:
    assert Sample.checked({"word": "a", "nonsense": 1}) == {"word": "a"}


@pytest.mark.parametrize(
    ("text", "is_true"),
    [("true", True), ("True", True), ("yes", True), ("1", True), ("0", False), (None, False)],
)
def test_a_flag_in_the_query_is_read(text: str | None, is_true: bool) -> None:
    assert FlagField.read(text) is is_true
