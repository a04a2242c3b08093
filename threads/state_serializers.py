from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import Unprocessable
from common.jsoncodec import Json
from common.serializers import (
    BodySerializer,
    CheckpointField,
    FlagField,
    InterruptField,
    JsonField,
    ObjectField,
    StringField,
    limit_field,
)
from threads.state import EMPTY_STATE, HistoryQuery, StateQuery
from threads.writing import COPY, NodeWrite, StateUpdate

MAX_SUPERSTEPS = 10_000
MAX_UPDATES = 10_000


class SelectField(StringField):
    """A field of a state, or `values.<key>`."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in EMPTY_STATE and not (name.startswith("values.") and name != "values."):
            raise ValidationError(
                f"{name[:100]!r} must be one of {', '.join(EMPTY_STATE)}, or values.<key>"
            )
        return name


def select_field() -> Any:
    return serializers.ListField(child=SelectField(), required=False, allow_null=True, default=None)


@extend_schema_field({"type": ["string", "object"]})
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


class StateSelectSerializer(BodySerializer):
    select = select_field()

    @classmethod
    def parse(cls, body: Json) -> tuple[str, ...]:
        return tuple(cls.checked(body)["select"] or ())


class StateAtSerializer(BodySerializer):
    checkpoint = CheckpointField()
    subgraphs = FlagField(required=False, allow_null=True, default=False)
    select = select_field()

    @classmethod
    def parse(cls, body: Json) -> StateQuery:
        fields = cls.checked(body)
        return StateQuery(
            checkpoint=fields["checkpoint"],
            subgraphs=bool(fields["subgraphs"]),
            select=tuple(fields["select"] or ()),
        )


class HistorySerializer(BodySerializer):
    limit = limit_field()
    before = BeforeField(required=False, allow_null=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)
    checkpoint = CheckpointField(required=False, allow_null=True, default=None)
    select = select_field()

    @classmethod
    def parse(cls, body: Json) -> HistoryQuery:
        fields = cls.checked(body)
        return HistoryQuery(**{**fields, "select": tuple(fields["select"] or ())})


class CommandField(ObjectField):
    """`{update?, goto?, resume?}`: what is resumed is no part of a state, and left out."""

    def to_internal_value(self, data: Any) -> Any:
        command = super().to_internal_value(data)
        update = command.get("update")
        if not (update is None or isinstance(update, dict) or _are_pairs(update)):
            raise ValidationError("update must be an object, or a list of [key, value]")
        kept = {key: command[key] for key in ("update", "goto") if command.get(key) is not None}
        return kept or None


class NodeWriteSerializer(serializers.Serializer[Any]):
    values = JsonField(required=False, allow_null=True, default=None)
    command = CommandField(required=False, allow_null=True, default=None)
    as_node = StringField(required=False, allow_null=True, default=None)

    def to_internal_value(self, data: Any) -> Any:
        fields = super().to_internal_value(data)
        values = fields["values"]
        if values is not None and fields["command"]:
            raise ValidationError({"command": "and values are both given; an update has one"})
        if not isinstance(values, dict | None) and not _is_copy(values, fields["as_node"]):
            raise ValidationError({"values": "must be an object or null"})
        return NodeWrite(**fields)


class SuperstepSerializer(serializers.Serializer[Any]):
    updates = serializers.ListField(child=NodeWriteSerializer(), min_length=1, max_length=1000)

    def to_internal_value(self, data: Any) -> Any:
        return tuple(super().to_internal_value(data)["updates"])


class SuperstepsField(serializers.ListField):
    """A history: at most MAX_SUPERSTEPS of at most MAX_UPDATES updates in all."""

    child = SuperstepSerializer()

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_SUPERSTEPS, **options)

    def to_internal_value(self, data: Any) -> Any:
        # Before each of them is looked at, which keeps all other requests waiting.
        updates = sum(_length(step) for step in data) if isinstance(data, list) else 0
        if updates > MAX_UPDATES:
            raise ValidationError(
                f"have {updates} updates in all, and may have {MAX_UPDATES};"
                " send the rest by POST /threads/{thread_id}/state"
            )
        return super().to_internal_value(data)


def _length(step: Any) -> int:
    updates = step.get("updates") if isinstance(step, dict) else None
    return len(updates) if isinstance(updates, list) else 0


@extend_schema_field({"type": ["object", "array"], "items": {"type": ["object", "array"]}})
class WritesField(JsonField):
    """An object, a list of objects, `[[values, node], …]` for a copy, or null."""


class StateUpdateSerializer(BodySerializer):
    values = WritesField(required=False, allow_null=True, default=None)
    as_node = StringField(required=False, allow_null=True, default=None)
    checkpoint = CheckpointField(required=False, allow_null=True, default=None)
    checkpoint_id = StringField(required=False, allow_null=True, default=None)
    subgraphs = FlagField(required=False, allow_null=True, default=False)

    @classmethod
    def parse(cls, body: Json) -> StateUpdate | StateQuery:
        """Return what is to be written; without values and node it is a question."""
        fields = cls.checked(body)
        values, as_node = fields["values"], fields["as_node"]
        checkpoint = fields["checkpoint"] or {}
        if fields["checkpoint_id"]:
            checkpoint = {**checkpoint, "checkpoint_id": fields["checkpoint_id"]}
        if values is None and as_node is None:
            return StateQuery(checkpoint=checkpoint or None, subgraphs=bool(fields["subgraphs"]))
        steps = tuple(
            (NodeWrite(values=item, as_node=as_node),) for item in _listed(values, as_node)
        )
        return StateUpdate(supersteps=steps, checkpoint=checkpoint or None)


def _listed(values: Json, as_node: str | None) -> list[Json]:
    """Return what is written, one after the other; raises Unprocessable."""
    if _is_copy(values, as_node):
        return [values]
    listed: list[Json] = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(item, dict) for item in listed if values is not None):
        raise Unprocessable("values: must be an object, a list of objects, or null")
    return listed


def _is_copy(values: Json, as_node: str | None) -> bool:
    """Tell whether a checkpoint is to be copied, and written to: `[[values, node], …]`."""
    return as_node == COPY and isinstance(values, list) and _are_pairs(values, first=dict)


def _are_pairs(items: Any, first: type = str) -> bool:
    """Tell whether something is a list of `[key, value]`, or of `[values, node]`."""
    return isinstance(items, list) and all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], first) for item in items
    )


class TaskSerializer(serializers.Serializer[Any]):
    """What a state is to do next (documentation only)."""

    id = serializers.CharField()
    name = serializers.CharField()
    path = serializers.ListField(child=JsonField())
    error = JsonField()
    interrupts = serializers.ListField(child=InterruptField())
    checkpoint = CheckpointField(allow_null=True)
    state = ObjectField(allow_null=True)
    result = JsonField()


class ThreadStateSerializer(serializers.Serializer[Any]):
    """A thread's state at one checkpoint (documentation only)."""

    values = JsonField()
    next = serializers.ListField(child=serializers.CharField())
    tasks = TaskSerializer(many=True)
    metadata = ObjectField(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)
    checkpoint = CheckpointField(allow_null=True)
    parent_checkpoint = CheckpointField(allow_null=True)
    interrupts = serializers.ListField(child=InterruptField())
    checkpoint_id = serializers.CharField(allow_null=True)
    parent_checkpoint_id = serializers.CharField(allow_null=True)


class SelectedStateSerializer(ThreadStateSerializer):
    """A state's selected fields, all of them unless `select` names some."""

    is_selection = True


class StateUpdatedSerializer(serializers.Serializer[Any]):
    """The checkpoint that an update has made (documentation only)."""

    checkpoint = CheckpointField()
    configurable = CheckpointField()
    checkpoint_id = serializers.CharField()


class RepairedCallSerializer(serializers.Serializer[Any]):
    """A tool call that was answered in its tool's place (documentation only)."""

    id = serializers.CharField(help_text="The id that the model has given the call.")
    name = serializers.CharField(help_text="The tool's name.")


class RepairSerializer(serializers.Serializer[Any]):
    """What was wrong with a thread, and is no more (documentation only)."""

    tool_calls = RepairedCallSerializer(
        many=True, help_text="The calls that were answered as cancelled; none when none dangled."
    )
    was_stuck = serializers.BooleanField(
        help_text="Whether the thread was busy although no run was active."
    )


# An update without values and node is a question.
UPDATED_OR_READ = PolymorphicProxySerializer(
    component_name="UpdatedOrRead",
    serializers=[StateUpdatedSerializer, ThreadStateSerializer],
    resource_type_field_name=None,
)
