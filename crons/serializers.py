from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from assistants.system import system_assistant_id
from common.errors import BadRequest, Unprocessable
from common.jsoncodec import Json, JsonObject
from common.serializers import (
    BodySerializer,
    FlagField,
    IdField,
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
from crons.models import OnRunCompleted
from crons.queries import CRON_COLUMNS, CronSearch
from crons.writing import CronChanges, NewCron
from graphs.registry import graph_ids
from runs.models import MultitaskStrategy
from runs.serializers import NodesField, RunConfigField, StreamModeField

SORT_COLUMNS = [
    *("cron_id", "assistant_id", "thread_id", "next_run_date", "end_time"),
    *("created_at", "updated_at"),
]
# What a schedule of five fields may be at its longest, listing every minute.
SCHEDULE_LENGTH = 500


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(JsonField):
    """A time of ISO 8601 that says how far it is from UTC."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(data)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        raise ValidationError(
            "must be a time with its offset from UTC, as 2027-01-31T18:00:00+00:00"
        )


# What of a cron is a part of the runs it makes.
class _PayloadSerializer(BodySerializer):
    input = JsonField(required=False, allow_null=True, default=None)
    config = RunConfigField(required=False, allow_null=True, default=None)
    context = ObjectField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    interrupt_before = NodesField(required=False, allow_null=True, default=None)
    interrupt_after = NodesField(required=False, allow_null=True, default=None)
    stream_mode = StreamModeField(required=False, allow_null=True, default=None)
    stream_subgraphs = FlagField(required=False, allow_null=True, default=None)
    stream_resumable = FlagField(required=False, allow_null=True, default=None)
    multitask_strategy = WordField(
        MultitaskStrategy.values, required=False, allow_null=True, default=None
    )
    durability = WordField(["sync", "async", "exit"], required=False, allow_null=True, default=None)
    checkpoint_during = FlagField(required=False, allow_null=True, default=None)
    webhook = StringField(required=False, allow_null=True, default=None)


_PAYLOAD = tuple(_PayloadSerializer().fields)


# A cron of a thread, which stays.
class CronCreateForThreadSerializer(_PayloadSerializer):
    assistant_id = StringField(help_text="An assistant's UUID or a graph's name.")
    schedule = StringField(max_length=SCHEDULE_LENGTH)
    timezone = StringField(required=False, allow_null=True, default=None)
    end_time = MomentField(required=False, allow_null=True, default=None)
    enabled = FlagField(required=False, allow_null=True, default=True)
    on_run_completed = WordField(
        ["keep"],
        required=False,
        allow_null=True,
        default=None,
        help_text="The thread was there before the cron, and is kept.",
    )
    metadata = ObjectField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> NewCron:
        fields = cls.checked(body)
        return NewCron(
            assistant=fields["assistant_id"],
            schedule=fields["schedule"],
            timezone=fields["timezone"],
            end_time=fields["end_time"],
            enabled=fields["enabled"] is not False,
            on_run_completed=fields["on_run_completed"],
            metadata=fields["metadata"] or {},
            payload=_payload(fields),
        )


class CronCreateSerializer(CronCreateForThreadSerializer):
    on_run_completed = WordField(
        OnRunCompleted.values, required=False, allow_null=True, default=None
    )


class CronUpdateSerializer(_PayloadSerializer):
    schedule = StringField(max_length=SCHEDULE_LENGTH, required=False, allow_null=True)
    timezone = StringField(required=False, allow_null=True)
    end_time = MomentField(required=False, allow_null=True)
    enabled = FlagField(required=False, allow_null=True)
    on_run_completed = WordField(OnRunCompleted.values, required=False, allow_null=True)
    metadata = ObjectField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> CronChanges:
        """Return what is to change; raises BadRequest for nothing.

        Null stands for no end and for UTC; elsewhere it is as if the field were left out.
        """
        fields = cls.checked(body)
        payload = _payload(fields)
        columns: dict[str, Any] = {
            name: fields[name]
            for name in ("schedule", "timezone", "end_time", "enabled", "on_run_completed")
            if name in fields and (fields[name] is not None or name in ("timezone", "end_time"))
        }
        if not columns and not payload and fields["metadata"] is None:
            raise BadRequest("Nothing to change: name at least one field of the cron.")
        return CronChanges(columns=columns, metadata=fields["metadata"] or {}, payload=payload)


class CronCountSerializer(BodySerializer):
    assistant_id = StringField(
        required=False,
        allow_null=True,
        default=None,
        help_text="An assistant's UUID or a graph's name.",
    )
    thread_id = IdField(required=False, allow_null=True, default=None)
    enabled = FlagField(required=False, allow_null=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> CronSearch:
        given = cls.given(body)
        if "assistant_id" in given:
            given["assistant_id"] = _assistant_id(given["assistant_id"])
        return CronSearch(**given)


class CronSearchSerializer(CronCountSerializer):
    limit = limit_field()
    offset = offset_field()
    sort_by = word_field(SORT_COLUMNS)
    sort_order = order_field()
    select = columns_field(CRON_COLUMNS)


def _payload(fields: dict[str, Any]) -> JsonObject:
    given = {name: fields[name] for name in _PAYLOAD if fields[name] is not None}
    if "stream_mode" in given:
        # As a body has it: it is checked anew as one, and kept as one.
        given["stream_mode"] = list(given["stream_mode"])
    return given


def _assistant_id(name: str) -> UUID:
    known = graph_ids()
    try:
        return system_assistant_id(name) if name in known else UUID(name)
    except ValueError:
        raise Unprocessable(
            f"assistant_id: must be a UUID, or one of the graphs: {', '.join(known)}"
        ) from None


class CronSerializer(serializers.Serializer[Any]):
    """A cron as the API shows it (documentation only: rows are written as they come)."""

    cron_id = serializers.UUIDField()
    assistant_id = serializers.UUIDField()
    thread_id = serializers.UUIDField(allow_null=True)
    user_id = serializers.CharField(allow_null=True)
    end_time = serializers.DateTimeField(allow_null=True)
    schedule = serializers.CharField()
    timezone = serializers.CharField(allow_null=True)
    payload = ObjectField()
    next_run_date = serializers.DateTimeField(allow_null=True)
    metadata = ObjectField()
    on_run_completed = serializers.ChoiceField(OnRunCompleted.values, allow_null=True)
    enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SelectedCronSerializer(CronSerializer):
    """A cron's selected fields, all of them unless `select` names some."""

    is_selection = True
