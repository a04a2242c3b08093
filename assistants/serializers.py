from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from assistants.mirroring import mirrored
from assistants.queries import ASSISTANT_COLUMNS, AssistantSearch, NewAssistant
from assistants.versions import VersionSearch
from common.ids import uuid7
from common.jsoncodec import Json, JsonObject
from common.serializers import (
    BodySerializer,
    ConfigField,
    IdField,
    ObjectField,
    StringField,
    WholeField,
    WordField,
    columns_field,
    limit_field,
    offset_field,
    order_field,
    word_field,
)

MAX_RUNS = 2**31 - 1
SORT_COLUMNS = ["assistant_id", "created_at", "updated_at", "name", "graph_id"]


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "max_runs": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": MAX_RUNS,
                "description": "How many of the assistant's runs are executed at once, at most.",
            }
        },
        "additionalProperties": {},
    }
)
class MetadataField(ObjectField):
    """What an assistant is found by, and `max_runs`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        metadata = super().to_internal_value(data)
        limit = metadata.get("max_runs")
        if limit is not None and not (type(limit) is int and 0 < limit <= MAX_RUNS):
            raise ValidationError(
                f"max_runs must be a whole number from 1 to {MAX_RUNS}, of runs to be executed at "
                "once, or null for no limit"
            )
        return metadata


class AssistantCreateSerializer(BodySerializer):
    graph_id = StringField()
    assistant_id = IdField(required=False, allow_null=True, default=None)
    config = ConfigField(required=False, allow_null=True, default=None)
    context = ObjectField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    metadata = MetadataField(required=False, allow_null=True, default=None)
    if_exists = WordField(["raise", "do_nothing"], required=False, allow_null=True, default=None)
    name = StringField(required=False, allow_null=True, default=None)
    description = StringField(required=False, allow_null=True, allow_blank=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> tuple[NewAssistant, bool]:
        """Return the new assistant, and whether an existing one of its id will do."""
        fields = cls.checked(body)
        config, context = mirrored(fields["config"], fields["context"])
        new = NewAssistant(
            assistant_id=fields["assistant_id"] or uuid7(),
            graph_id=fields["graph_id"],
            name=fields["name"] or "Untitled",
            description=fields["description"],
            config=config or {},
            context=context or {},
            metadata=fields["metadata"] or {},
        )
        return new, fields["if_exists"] == "do_nothing"


class AssistantUpdateSerializer(BodySerializer):
    graph_id = StringField(required=False)
    config = ConfigField(required=False)
    context = ObjectField(required=False)  # type: ignore[assignment]
    metadata = MetadataField(required=False)
    name = StringField(required=False)
    description = StringField(required=False, allow_null=True, allow_blank=True)

    @classmethod
    def parse(cls, body: Json) -> JsonObject:
        """Return the fields to change; what is absent or null stays as it is.

        A new context without a config is also named `configurable`: a part of the kept config.
        """
        if isinstance(body, dict):
            kept = {"description"}
            body = {key: value for key, value in body.items() if value is not None or key in kept}
        changes = dict(cls.checked(body))
        if "context" in changes and "config" not in changes:
            return {**changes, "configurable": changes["context"]}
        config, context = mirrored(changes.get("config"), changes.get("context"))
        if config is not None:
            changes["config"] = config
        if context is not None:
            changes["context"] = context
        return changes


class AssistantCountSerializer(BodySerializer):
    metadata = ObjectField(required=False, allow_null=True, default=None)
    graph_id = StringField(required=False, allow_null=True, default=None)
    name = StringField(required=False, allow_null=True, allow_blank=True, default=None)

    @classmethod
    def parse(cls, body: Json) -> AssistantSearch:
        return AssistantSearch(**cls.given(body))


class AssistantSearchSerializer(AssistantCountSerializer):
    limit = limit_field()
    offset = offset_field()
    sort_by = word_field(SORT_COLUMNS)
    sort_order = order_field()
    select = columns_field(ASSISTANT_COLUMNS)


class VersionSearchSerializer(BodySerializer):
    metadata = ObjectField(required=False, allow_null=True, default=None)
    limit = limit_field()
    offset = offset_field()

    @classmethod
    def parse(cls, body: Json) -> VersionSearch:
        return VersionSearch(**cls.checked(body))


class LatestSerializer(BodySerializer):
    version = WholeField(min_value=1, max_value=2**31 - 1)

    @classmethod
    def parse(cls, body: Json) -> int:
        return int(cls.checked(body)["version"])


class AssistantSerializer(serializers.Serializer[Any]):
    """An assistant as the API shows it (documentation only: rows are written as they come)."""

    assistant_id = serializers.UUIDField()
    graph_id = serializers.CharField()
    config = ObjectField()
    context = ObjectField()  # type: ignore[assignment]
    metadata = ObjectField()
    name = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SelectedAssistantSerializer(AssistantSerializer):
    """An assistant's selected fields, all of them unless `select` names some."""

    is_selection = True


class VersionSerializer(AssistantSerializer):
    """What an assistant was at one version (documentation only)."""

    updated_at = None  # type: ignore[assignment]


class AssistantListSerializer(serializers.Serializer[Any]):
    """Aegra's list of assistants (documentation only)."""

    assistants = AssistantSerializer(many=True)
    total = serializers.IntegerField()


class SchemasSerializer(serializers.Serializer[Any]):
    """The JSON schemas of a graph, null where there is none (documentation only)."""

    input_schema = ObjectField(allow_null=True)
    output_schema = ObjectField(allow_null=True)
    state_schema = ObjectField(allow_null=True)
    config_schema = ObjectField(allow_null=True)
    context_schema = ObjectField(allow_null=True)


class SubgraphSerializer(SchemasSerializer):
    """The JSON schemas of a graph inside a graph (documentation only)."""

    is_by_name = True


class GraphSchemasSerializer(SchemasSerializer):
    """The JSON schemas of an assistant's graph, null where there is none (documentation only)."""

    graph_id = serializers.CharField()


class GraphDrawingSerializer(serializers.Serializer[Any]):
    """A graph, to be drawn (documentation only)."""

    nodes = serializers.ListField(child=ObjectField())
    edges = serializers.ListField(child=ObjectField())


class AgentSearchSerializer(BodySerializer):
    name = StringField(required=False, allow_null=True, allow_blank=True, default=None)
    metadata = ObjectField(required=False, allow_null=True, default=None)
    limit = limit_field()
    offset = offset_field()

    @classmethod
    def parse(cls, body: Json) -> AssistantSearch:
        return AssistantSearch(**cls.checked(body))


class AgentSerializer(serializers.Serializer[Any]):
    """An agent of the Agent Protocol (documentation only)."""

    agent_id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    metadata = ObjectField()
    capabilities = serializers.DictField(child=serializers.BooleanField())


class AgentSchemasSerializer(serializers.Serializer[Any]):
    """The JSON schemas of an agent (documentation only)."""

    agent_id = serializers.CharField()
    input_schema = ObjectField()
    output_schema = ObjectField()
    state_schema = ObjectField(required=False)
    config_schema = ObjectField(required=False)
