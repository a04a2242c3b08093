from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import BadRequest, Unprocessable
from common.jsoncodec import Json, JsonObject
from common.serializers import (
    BodySerializer,
    FlagField,
    JsonField,
    ObjectField,
    StringField,
    WholeField,
    limit_field,
    offset_field,
)
from store.queries import OPERATORS

Namespace = tuple[str, ...]
MAX_LABELS = 100
# The primary key of LangGraph's table is an index, whose entries PostgreSQL bounds at 2,704 bytes.
MAX_NAME_BYTES = 2_600
MAX_PATHS = 100
MAX_PATH_LENGTH = 1_000
# PostgreSQL keeps minutes as an integer.
MAX_TTL_MINUTES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWrite:
    """What a client stores."""

    namespace: Namespace
    key: str
    value: JsonObject

    index: Literal[False] | list[str] | None
    """Paths of the texts to embed; None: those of the project file; False: none."""

    ttl: float | None
    """Minutes to live; None: those of the project file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSearch:
    """Which items a client looks for; an empty prefix is everywhere."""

    prefix: Namespace
    filter: JsonObject | None
    query: str | None
    limit: int
    offset: int
    refresh_ttl: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSearch:
    """Which namespaces a client asks for; labels may be `*`."""

    prefix: Namespace | None
    suffix: Namespace | None
    max_depth: int | None
    limit: int
    offset: int


LABELS = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "pattern": r"^[^.]+$"},
    "maxItems": MAX_LABELS,
}


@extend_schema_field(LABELS)
class NamespaceField(JsonField):
    """A list of labels: strings, not empty, without a dot."""

    def to_internal_value(self, data: Any) -> Namespace:
        if not isinstance(data, list) or len(data) > MAX_LABELS:
            raise ValidationError(f"must be a list of at most {MAX_LABELS} labels")
        for label in data:
            if not isinstance(label, str) or not label or "." in label:
                raise ValidationError(f"label {label!r} must be a non-empty string without periods")
        if len(".".join(data).encode()) > MAX_NAME_BYTES:
            raise ValidationError(f"is longer than {MAX_NAME_BYTES} bytes")
        return tuple(data)


@extend_schema_field({**LABELS, "minItems": 1})
class PlaceField(NamespaceField):
    """Where an item lives: at least one label, which `writable` asks for."""


class FilterField(ObjectField):
    """Values by key: exact, or `{"$eq|$ne|$gt|$gte|$lt|$lte": value}`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return {
            key: self._condition(value) for key, value in super().to_internal_value(data).items()
        }

    def _condition(self, value: Any) -> Any:
        """Return a condition as LangGraph takes it: an object is always one of operators."""
        if not isinstance(value, dict):
            return value
        if not any(key.startswith("$") for key in value):
            return {"$eq": value}
        if unknown := sorted(value.keys() - OPERATORS):
            known = ", ".join(sorted(OPERATORS))
            raise ValidationError(f"unknown operator {unknown[0]!r}; known are {known}")
        return value


class IndexField(JsonField):
    """`false`, or a list of paths."""

    def to_internal_value(self, data: Any) -> Literal[False] | list[str]:
        if data is False:
            return False
        if not isinstance(data, list) or len(data) > MAX_PATHS:
            raise ValidationError(f"must be false or a list of at most {MAX_PATHS} paths")
        for path in data:
            if not isinstance(path, str) or not 1 <= len(path) <= MAX_PATH_LENGTH:
                told = f"must be a string of 1 to {MAX_PATH_LENGTH} characters"
                raise ValidationError(f"path {str(path)[:100]!r} {told}")
        return data


@extend_schema_field(OpenApiTypes.FLOAT)
class MinutesField(JsonField):
    """A time to live."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise ValidationError("must be a number of minutes")
        if not 0 < data <= MAX_TTL_MINUTES:
            raise ValidationError(f"must be above 0 and at most {MAX_TTL_MINUTES} minutes")
        return float(data)


class ItemKeySerializer(BodySerializer):
    namespace = PlaceField()
    key = StringField()

    @classmethod
    def parse_key(cls, body: Json) -> tuple[Namespace, str]:
        fields = cls.checked(body)
        return writable(fields["namespace"], fields["key"]), fields["key"]


class ItemPutSerializer(ItemKeySerializer):
    value = ObjectField()
    index = IndexField(required=False, allow_null=True, default=None)
    ttl = MinutesField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> ItemWrite:
        fields = cls.checked(body)
        return ItemWrite(
            namespace=writable(fields["namespace"], fields["key"]),
            key=fields["key"],
            value=fields["value"],
            index=fields["index"],
            ttl=fields["ttl"],
        )


class ItemSearchSerializer(BodySerializer):
    namespace_prefix = NamespaceField(required=False, allow_null=True, default=None)
    filter = FilterField(required=False, allow_null=True, default=None)
    limit = limit_field()
    offset = offset_field()
    query = StringField(required=False, allow_null=True, allow_blank=True, default=None)
    refresh_ttl = FlagField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> ItemSearch:
        fields = cls.checked(body)
        return ItemSearch(prefix=fields.pop("namespace_prefix") or (), **fields)


class NamespaceSearchSerializer(BodySerializer):
    prefix = NamespaceField(required=False, allow_null=True, default=None)
    suffix = NamespaceField(required=False, allow_null=True, default=None)
    max_depth = WholeField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MAX_LABELS
    )
    limit = limit_field(100)
    offset = offset_field()

    @classmethod
    def parse(cls, body: Json) -> NamespaceSearch:
        return NamespaceSearch(**cls.checked(body))


class ItemSerializer(serializers.Serializer[Any]):
    """A store item as the API shows it (documentation only)."""

    may_be_null = True

    namespace = NamespaceField()
    key = serializers.CharField()
    value = ObjectField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FoundItemSerializer(ItemSerializer):
    """An item that a search has found (documentation only)."""

    score = serializers.FloatField(allow_null=True)


class ItemsSerializer(serializers.Serializer[Any]):
    """What a search has found (documentation only)."""

    items = FoundItemSerializer(many=True)


class NamespacesSerializer(serializers.Serializer[Any]):
    """Namespaces, each a list of labels (documentation only)."""

    namespaces = serializers.ListField(child=NamespaceField())


def writable(namespace: Namespace, key: str) -> Namespace:
    """Return a namespace that an item may live in; raises BadRequest, and Unprocessable."""
    if not namespace:
        raise BadRequest("namespace: must have at least one label")
    if namespace[0] == "langgraph":
        raise BadRequest("namespace: the root label `langgraph` is reserved")
    if len(".".join([*namespace, key]).encode()) > MAX_NAME_BYTES:
        raise Unprocessable(f"key: with its namespace it is longer than {MAX_NAME_BYTES} bytes")
    return namespace
