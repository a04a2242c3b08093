from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import BadRequest, NotBuiltYet, Unprocessable
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

Namespace = tuple[str, ...]
MAX_LABELS = 100
# The primary key of LangGraph's table is an index, whose entries PostgreSQL bounds at 2,704 bytes.
MAX_NAME_BYTES = 2_600


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWrite:
    """What a client stores."""

    namespace: Namespace
    key: str
    value: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSearch:
    """Which items a client looks for; an empty prefix is everywhere."""

    prefix: Namespace
    filter: JsonObject | None
    limit: int
    offset: int


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

    OPERATORS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})

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
        if unknown := sorted(value.keys() - self.OPERATORS):
            known = ", ".join(sorted(self.OPERATORS))
            raise ValidationError(f"unknown operator {unknown[0]!r}; known are {known}")
        return value


class ItemKeySerializer(BodySerializer):
    namespace = PlaceField()
    key = StringField()

    @classmethod
    def parse_key(cls, body: Json) -> tuple[Namespace, str]:
        fields = cls.checked(body)
        return writable(fields["namespace"], fields["key"]), fields["key"]


class ItemPutSerializer(ItemKeySerializer):
    value = ObjectField()
    index = JsonField(required=False, allow_null=True, default=None)
    ttl = JsonField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> ItemWrite:
        fields = cls.checked(body)
        # `false` asks for no embedding, which without an index is what there is.
        if fields["index"]:
            raise NotBuiltYet("index")
        if fields["ttl"] is not None:
            raise NotBuiltYet("ttl")
        return ItemWrite(
            namespace=writable(fields["namespace"], fields["key"]),
            key=fields["key"],
            value=fields["value"],
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
        """Return the search; `query` ranks only where an index is configured, and none can be."""
        fields = cls.checked(body)
        return ItemSearch(
            prefix=fields["namespace_prefix"] or (),
            filter=fields["filter"],
            limit=fields["limit"],
            offset=fields["offset"],
        )


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
