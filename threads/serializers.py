from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import Unprocessable
from common.ids import uuid7
from common.jsoncodec import Json, JsonObject
from common.serializers import (
    BodySerializer,
    IdField,
    InterruptField,
    JsonField,
    ObjectField,
    StringField,
    WordField,
    columns_field,
    limit_field,
    offset_field,
    order_field,
    word_field,
)
from common.ttl import STRATEGIES, Ttl, read_ttl
from threads.extracting import MAX_PATHS, Extract, read_extract
from threads.models import ThreadStatus
from threads.queries import NewThread
from threads.searching import SELECTABLE, ThreadSearch
from threads.state_serializers import SuperstepsField
from threads.writing import StateUpdate

SORT_COLUMNS = ["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
MAX_IDS = 10_000
_ORDER = re.compile(rf"\s*({'|'.join(SORT_COLUMNS)})(?:\s+(asc|desc))?\s*", re.IGNORECASE)


@extend_schema_field({"type": ["number", "object"]})
class TtlField(JsonField):
    """Minutes after the last update, or `{ttl, strategy}`."""

    def to_internal_value(self, data: Any) -> Ttl:
        try:
            return read_ttl(data)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc


class ExtractField(ObjectField):
    """`{alias: path}`, at most ten."""

    def to_internal_value(self, data: Any) -> Any:
        paths = super().to_internal_value(data)
        if len(paths) > MAX_PATHS:
            raise ValidationError(f"must have at most {MAX_PATHS} paths")
        return tuple(self._read(alias, path) for alias, path in paths.items())

    def _read(self, alias: str, path: Any) -> Extract:
        try:
            return read_extract(alias, path)
        except ValueError as exc:
            raise ValidationError({alias: str(exc)}) from exc


class OrderField(StringField):
    """`created_at DESC`: a column and a direction, in the words of SQL."""

    def to_internal_value(self, data: Any) -> Any:
        found = _ORDER.fullmatch(super().to_internal_value(data))
        if found is None:
            raise ValidationError(f"must be one of {', '.join(SORT_COLUMNS)}, then asc or desc")
        column, direction = found.groups()
        return {"sort_by": column.lower(), "sort_order": (direction or "asc").lower()}


class ThreadCreateSerializer(BodySerializer):
    thread_id = IdField(required=False, allow_null=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)
    if_exists = WordField(["raise", "do_nothing"], required=False, allow_null=True, default=None)
    ttl = TtlField(required=False, allow_null=True, default=None)
    supersteps = SuperstepsField(required=False, allow_null=True, default=None)
    graph_id = StringField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> tuple[NewThread, StateUpdate | None, bool]:
        """Return the new thread, its history, and whether an existing thread will do."""
        fields = cls.checked(body)
        metadata = dict(fields["metadata"] or {})
        if fields["graph_id"]:
            metadata["graph_id"] = fields["graph_id"]
        new = NewThread(
            thread_id=fields["thread_id"] or uuid7(),
            metadata=metadata,
            ttl=fields["ttl"],
            has_new_id=not fields["thread_id"],
        )
        history = _history(fields["supersteps"], metadata)
        return new, history, fields["if_exists"] == "do_nothing"


def _history(supersteps: list[Any] | None, metadata: JsonObject) -> StateUpdate | None:
    if not supersteps:
        return None
    if not isinstance(metadata.get("graph_id"), str):
        raise Unprocessable("supersteps: need metadata.graph_id, the graph that they are of")
    return StateUpdate(supersteps=tuple(supersteps))


class ThreadUpdateSerializer(BodySerializer):
    metadata = ObjectField(required=False, allow_null=True, default=None)
    ttl = TtlField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> tuple[JsonObject, Ttl | None]:
        fields = cls.checked(body)
        return fields["metadata"] or {}, fields["ttl"]


class ThreadPruneSerializer(BodySerializer):
    thread_ids = serializers.ListField(child=IdField(), max_length=MAX_IDS)
    strategy = WordField(STRATEGIES, required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> tuple[list[UUID], str]:
        fields = cls.checked(body)
        return fields["thread_ids"], fields["strategy"] or "delete"


class ThreadCountSerializer(BodySerializer):
    ids = serializers.ListField(
        child=IdField(), required=False, allow_null=True, default=None, max_length=MAX_IDS
    )
    metadata = ObjectField(required=False, allow_null=True, default=None)
    values = ObjectField(required=False, allow_null=True, default=None)
    status = WordField(ThreadStatus.values, required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> ThreadSearch:
        given = cls.given(body)
        order = given.pop("order_by", {})
        if "ids" in given:
            given["ids"] = tuple(given["ids"])
        return ThreadSearch(**{**order, **given})


class ThreadSearchSerializer(ThreadCountSerializer):
    limit = limit_field()
    offset = offset_field()
    sort_by = word_field(SORT_COLUMNS)
    sort_order = order_field()
    order_by = OrderField(required=False, allow_null=True, default=None)
    select = columns_field(SELECTABLE)
    extract = ExtractField(required=False, allow_null=True, default=None)


class ThreadSerializer(serializers.Serializer[Any]):
    """A thread as the API shows it (documentation only: rows are written as they come)."""

    thread_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    state_updated_at = serializers.DateTimeField(allow_null=True)
    metadata = ObjectField()
    status = serializers.ChoiceField(ThreadStatus.values)
    config = ObjectField()
    values = JsonField()
    interrupts = serializers.DictField(child=serializers.ListField(child=InterruptField()))
    error = JsonField()
    ttl = ObjectField(required=False, allow_null=True, help_text="With `include=ttl`.")
    extracted = ObjectField(required=False, help_text="In a search with `extract`.")


class SelectedThreadSerializer(ThreadSerializer):
    """A thread's selected fields, all of them unless `select` names some."""

    is_selection = True


class ThreadListSerializer(serializers.Serializer[Any]):
    """Threads, and how many there are (documentation only)."""

    threads = ThreadSerializer(many=True)
    total = serializers.IntegerField()


class PrunedSerializer(serializers.Serializer[Any]):
    """How many threads were pruned (documentation only)."""

    pruned_count = serializers.IntegerField()


class ThreadStorageSerializer(serializers.Serializer[Any]):
    """The bytes that a thread takes (documentation only)."""

    thread_id = serializers.UUIDField()
    thread_bytes = serializers.IntegerField()
    runs_bytes = serializers.IntegerField()
    checkpoints_bytes = serializers.IntegerField()
    blobs_bytes = serializers.IntegerField()
    writes_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()
