from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError

from assistants.system import system_assistant_id
from common.jsoncodec import Json
from common.serializers import (
    BodySerializer,
    IdField,
    JsonField,
    ObjectField,
    WordField,
    limit_field,
    offset_field,
)
from graphs.registry import graph_ids
from runs.agent_protocol import STATUSES
from runs.models import RunStatus
from runs.queries import RunSearch


@extend_schema_field(OpenApiTypes.STR)
class AgentField(JsonField):
    """An assistant's UUID, or a graph's name, which stands for its system assistant's."""

    def to_internal_value(self, data: Any) -> UUID:
        known = graph_ids()
        try:
            if isinstance(data, str):
                return system_assistant_id(data) if data in known else UUID(data)
        except ValueError:
            pass
        names = ", ".join(sorted(known))
        raise ValidationError(f"must be the UUID of an agent, or one of the graphs: {names}")


class RunSearchSerializer(BodySerializer):
    metadata = ObjectField(required=False, allow_null=True, default=None)
    status = WordField(RunStatus.values, required=False, allow_null=True, default=None)
    thread_id = IdField(required=False, allow_null=True, default=None)
    agent_id = AgentField(required=False, allow_null=True, default=None)
    limit = limit_field()
    offset = offset_field()

    @classmethod
    def parse(cls, body: Json) -> RunSearch:
        fields = cls.checked(body)
        return RunSearch(
            metadata=fields["metadata"],
            statuses=_statuses(fields["status"]),
            thread_id=fields["thread_id"],
            assistant_id=fields["agent_id"],
            limit=fields["limit"],
            offset=fields["offset"],
        )


def _statuses(asked: str | None) -> tuple[str, ...] | None:
    """Return the statuses of runs that the protocol tells as the one asked for."""
    if asked is None:
        return None
    told_so = [status for status, told in STATUSES.items() if told == asked]
    return (asked, *told_so)
