from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import NotBuiltYet, Unprocessable
from common.ids import uuid7
from common.jsoncodec import Json, JsonObject
from common.serializers import (
    BodySerializer,
    CheckpointField,
    FlagField,
    IdField,
    JsonField,
    ObjectField,
    StringField,
    WordField,
    limit_field,
    offset_field,
)
from threads.models import ThreadStatus
from threads.queries import THREAD_COLUMNS, ThreadSearch
from threads.state import HistoryQuery, StateUpdate

SORT_COLUMNS = ["thread_id", "status", "created_at", "updated_at", "state_updated_at"]


def refuse(fields: dict[str, Any], *names: str) -> None:
    """Raise NotBuiltYet for the first of these fields that asks for something."""
    for name in names:
        if fields.get(name):
            raise NotBuiltYet(name)


class ThreadCreateSerializer(BodySerializer):
    thread_id = IdField(required=False, allow_null=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)
    if_exists = WordField(["raise", "do_nothing"], required=False, allow_null=True, default=None)
    ttl = JsonField(required=False, allow_null=True, default=None)
    supersteps = JsonField(required=False, allow_null=True, default=None)
    graph_id = StringField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> tuple[UUID, JsonObject, bool]:
        """Return the new thread's id, its metadata, and whether an existing one will do."""
        fields = cls.checked(body)
        refuse(fields, "ttl", "supersteps")
        metadata = dict(fields["metadata"] or {})
        if fields["graph_id"]:
            metadata["graph_id"] = fields["graph_id"]
        return fields["thread_id"] or uuid7(), metadata, fields["if_exists"] == "do_nothing"


class ThreadUpdateSerializer(BodySerializer):
    metadata = ObjectField(required=False, allow_null=True, default=None)
    ttl = JsonField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> JsonObject:
        fields = cls.checked(body)
        refuse(fields, "ttl")
        return fields["metadata"] or {}


class ThreadCountSerializer(BodySerializer):
    ids = serializers.ListField(
        child=IdField(), required=False, allow_null=True, default=None, max_length=10_000
    )
    metadata = ObjectField(required=False, allow_null=True, default=None)
    values = ObjectField(required=False, allow_null=True, default=None)
    status = WordField(ThreadStatus.values, required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> ThreadSearch:
        fields = cls.checked(body)
        refuse(fields, "extract")
        ids = fields.pop("ids")
        fields.pop("extract", None)
        given = {name: value for name, value in fields.items() if value is not None}
        if "select" in given:
            given["select"] = tuple(dict.fromkeys(given["select"])) or THREAD_COLUMNS
        return ThreadSearch(ids=None if ids is None else tuple(ids), **given)


class ThreadSearchSerializer(ThreadCountSerializer):
    limit = limit_field()
    offset = offset_field()
    sort_by = WordField(SORT_COLUMNS, required=False, allow_null=True, default=None)
    sort_order = WordField(
        ["asc", "desc", "ASC", "DESC"], required=False, allow_null=True, default=None
    )
    select = serializers.ListField(
        child=WordField(list(THREAD_COLUMNS)),
        required=False,
        allow_null=True,
        default=None,
    )
    extract = JsonField(required=False, allow_null=True, default=None)


class BeforeField(JsonField):
    """A checkpoint id, as a string, in a checkpoint, or in a config."""

    def to_internal_value(self, data: Any) -> str:
        found = data
        if isinstance(found, dict):
            found = found.get("configurable", found)
        if isinstance(found, dict):
            found = found.get("checkpoint_id")
        if not isinstance(found, str):
            raise ValidationError("must be a checkpoint id, or an object with checkpoint_id")
        return found


class StateAtSerializer(BodySerializer):
    checkpoint = CheckpointField()
    subgraphs = FlagField(required=False, allow_null=True, default=False)

    @classmethod
    def parse(cls, body: Json) -> tuple[JsonObject, bool]:
        fields = cls.checked(body)
        return fields["checkpoint"], bool(fields["subgraphs"])


class StateUpdateSerializer(BodySerializer):
    values = JsonField(required=False, allow_null=True, default=None)
    as_node = StringField(required=False, allow_null=True, default=None)
    checkpoint = CheckpointField(required=False, allow_null=True, default=None)
    checkpoint_id = StringField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> StateUpdate:
        fields = cls.checked(body)
        values = fields["values"]
        listed = values if isinstance(values, list) else [{} if values is None else values]
        if not listed or not all(isinstance(item, dict) for item in listed):
            raise Unprocessable("values: must be an object, a list of objects, or null")
        checkpoint = fields["checkpoint"] or {}
        if fields["checkpoint_id"]:
            checkpoint = {**checkpoint, "checkpoint_id": fields["checkpoint_id"]}
        return StateUpdate(values=values, as_node=fields["as_node"], checkpoint=checkpoint or None)


class HistorySerializer(BodySerializer):
    limit = limit_field()
    before = BeforeField(required=False, allow_null=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)
    checkpoint = CheckpointField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> HistoryQuery:
        return HistoryQuery(**cls.checked(body))


class ThreadSerializer(serializers.Serializer[Any]):
    """A thread as the API shows it (documentation only: rows are written as they come)."""

    thread_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    state_updated_at = serializers.DateTimeField(allow_null=True)
    metadata = serializers.JSONField()
    status = serializers.ChoiceField(ThreadStatus.values)
    config = serializers.JSONField()
    values = serializers.JSONField(allow_null=True)
    interrupts = serializers.JSONField()
    error = serializers.JSONField(allow_null=True)


class ThreadStateSerializer(serializers.Serializer[Any]):
    """A thread's state at one checkpoint (documentation only)."""

    values = serializers.JSONField()
    next = serializers.ListField(child=serializers.CharField())
    tasks = serializers.JSONField()
    metadata = serializers.JSONField(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)
    checkpoint = serializers.JSONField(allow_null=True)
    parent_checkpoint = serializers.JSONField(allow_null=True)
    interrupts = serializers.JSONField()
    checkpoint_id = serializers.CharField(allow_null=True)
    parent_checkpoint_id = serializers.CharField(allow_null=True)
