"""Fields and the base class by which a request body becomes a frozen dataclass."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField, empty

from common.errors import Unprocessable
from common.jsoncodec import Json

logger = logging.getLogger(__name__)

MAX_SECONDS = 60 * 60 * 24 * 365  # a year: further than anybody means


# Checks the shape of a body. One instance per class serves all requests. (No docstring: the API's
# description would tell it of every body.)
class BodySerializer(serializers.Serializer[Any]):
    @classmethod
    def checked(cls, body: Json) -> dict[str, Any]:
        """Return the validated fields; raises Unprocessable naming each wrong field.

        Fields which no listed SDK has are left out with a debug log.
        """
        if not isinstance(body, dict):
            raise Unprocessable("The request body must be a JSON object.")
        serializer = _shared(cls)
        try:
            fields: dict[str, Any] = serializer.run_validation(body)
        except ValidationError as exc:
            raise Unprocessable(_told(exc.detail)) from exc
        if unknown := body.keys() - serializer.fields.keys():
            logger.debug("unknown fields", extra={"fields": sorted(unknown)})
        return fields

    def to_internal_value(self, data: Json) -> dict[str, Any]:
        """As DRF's, but what a body leaves out, which is most of it, is looked at once."""
        if not isinstance(data, dict):
            return super().to_internal_value(data)  # type: ignore[no-any-return]
        values, wrong = dict(self._left_out), dict[str, Any]()
        for name, field in self._named:
            if name in data or field.required:
                try:
                    values[name] = field.run_validation(data.get(name, empty))
                except ValidationError as exc:
                    wrong[name] = exc.detail
        if wrong:
            raise ValidationError(wrong)
        return values

    @cached_property
    def _named(self) -> list[tuple[str, Any]]:
        return list(self.fields.items())

    @cached_property
    def _left_out(self) -> dict[str, Any]:
        """What the fields are that a body does not have; nobody changes it in place."""
        absent = dict[str, Any]()
        for name, field in self._named:
            with suppress(SkipField):
                absent[name] = field.get_default()
        return absent

    @classmethod
    def given(cls, body: Json) -> dict[str, Any]:
        """Return the validated fields that are not null; raises as `checked` does."""
        return {name: value for name, value in cls.checked(body).items() if value is not None}


@extend_schema_field(OpenApiTypes.ANY)
class JsonField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value, as it is."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(JsonField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise ValidationError("must be an object")
        return data


class StringField(serializers.CharField):
    """A string: a number or a boolean is not taken for one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "max_length": 100_000} | kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("must be a string")
        return super().to_internal_value(data)


class WordField(serializers.ChoiceField):
    """One of a few words; the error names them all."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            raise ValidationError(f"must be one of {', '.join(self.choices)}")
        return data


@extend_schema_field(OpenApiTypes.UUID)
class IdField(serializers.Field[Any, Any, Any, Any]):
    """A UUID of any version, written as a string."""

    def to_internal_value(self, data: Any) -> UUID:
        try:
            if isinstance(data, str):
                return UUID(data)
        except ValueError:
            pass
        raise ValidationError("must be a UUID")

    def to_representation(self, value: Any) -> str:
        return str(value)


class WholeField(serializers.IntegerField):
    """A whole number within bounds: neither a boolean nor a string."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValidationError("must be an integer")
        return super().to_internal_value(data)


@extend_schema_field({"type": "number", "minimum": 0, "maximum": MAX_SECONDS})
class SecondsField(JsonField):
    """How long something is to wait: seconds, whole or not."""

    def to_internal_value(self, data: Any) -> float:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or not 0 <= data <= MAX_SECONDS:
            raise ValidationError(f"must be seconds, a number from 0 to {MAX_SECONDS}")
        return float(data)


class FlagField(serializers.BooleanField):
    """True or false, also as the strings and numbers that clients send."""

    @classmethod
    def read(cls, text: str | None) -> bool:
        """Read a query parameter: `true`, `True`, `yes` and `1` are true."""
        return (text or "").strip().lower() in ("true", "yes", "1")


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "checkpoint_id": {"type": ["string", "null"]},
            "checkpoint_ns": {"type": ["string", "null"]},
            "checkpoint_map": {"type": ["object", "null"]},
            "thread_id": {},
        },
    }
)
class CheckpointField(ObjectField):
    """`{checkpoint_id?, checkpoint_ns?, checkpoint_map?, thread_id?}`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        checkpoint = super().to_internal_value(data)
        for key in ("checkpoint_id", "checkpoint_ns"):
            if not isinstance(checkpoint.get(key, ""), str | None):
                raise ValidationError(f"{key} must be a string")
        if not isinstance(checkpoint.get("checkpoint_map"), dict | None):
            raise ValidationError("checkpoint_map must be an object")
        return checkpoint


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "configurable": {"type": ["object", "null"]},
            "metadata": {"type": ["object", "null"]},
            "recursion_limit": {"type": ["integer", "null"], "minimum": 1},
            "tags": {"type": ["array", "null"], "items": {"type": "string"}},
        },
    }
)
class ConfigField(ObjectField):
    """A RunnableConfig: `configurable`, `tags`, `recursion_limit`, `metadata`, …"""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        config = super().to_internal_value(data)
        for key in ("configurable", "metadata"):
            if not isinstance(config.get(key), dict | None):
                raise ValidationError(f"{key} must be an object")
        limit = config.get("recursion_limit")
        if limit is not None and not (type(limit) is int and limit > 0):
            raise ValidationError("recursion_limit must be a positive integer")
        tags = config.get("tags")
        if tags is not None and not (
            isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
        ):
            raise ValidationError("tags must be a list of strings")
        return {key: value for key, value in config.items() if value is not None}


class ErrorSerializer(serializers.Serializer[Any]):
    """Any answer of status 400 and above (documentation only)."""

    detail = serializers.CharField()
    message = serializers.CharField(
        required=False, help_text="The same, for clients of the Agent Protocol: at /agents only."
    )


@extend_schema_field(
    {
        "type": "object",
        "required": ["id", "value"],
        "properties": {"id": {"type": "string"}, "value": {}},
    }
)
class InterruptField(JsonField):
    """A question of a graph's, as the API shows it (documentation only)."""


def limit_field(default: int = 10, maximum: int = 1000) -> WholeField:
    return WholeField(default=default, min_value=1, max_value=maximum)


def offset_field() -> WholeField:
    return WholeField(default=0, min_value=0, max_value=2**31 - 1)


def word_field(words: Sequence[str]) -> WordField:
    return WordField(words, required=False, allow_null=True, default=None)


def order_field() -> WordField:
    return word_field(["asc", "desc", "ASC", "DESC"])


class ColumnsField(serializers.ListField):
    """Columns, each once; none of them are as if left out."""

    def to_internal_value(self, data: Any) -> Any:
        return tuple(dict.fromkeys(super().to_internal_value(data))) or None


def columns_field(columns: Sequence[str]) -> ColumnsField:
    child = WordField(columns)
    return ColumnsField(child=child, required=False, allow_null=True, default=None)


@cache
def _shared(cls: type[BodySerializer]) -> BodySerializer:
    return cls()


def _told(detail: Any, path: str = "") -> str:
    """Write DRF's nested errors as one sentence: `limit: must be an integer`."""
    if isinstance(detail, dict):
        parts = [
            _told(inner, path if key == "non_field_errors" else f"{path}.{key}".lstrip("."))
            for key, inner in detail.items()
            if inner
        ]
        return "; ".join(parts)
    if isinstance(detail, list):
        return "; ".join(_told(inner, path) for inner in detail if inner)
    return f"{path}: {detail}" if path else str(detail)
