from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rest_framework import serializers

from common.errors import Unprocessable
from common.jsoncodec import Json
from common.serializers import BodySerializer, IdField, WordField
from runs.cancel_queries import ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMany:
    """Which runs are to stop: some of a thread, or all of some statuses."""

    thread_id: UUID | None
    run_ids: tuple[UUID, ...]
    statuses: tuple[str, ...]


class CancelManySerializer(BodySerializer):
    """Either `status`, or `thread_id` and `run_ids`."""

    status = WordField([*ACTIVE, "all"], required=False, allow_null=True, default=None)
    thread_id = IdField(required=False, allow_null=True, default=None)
    run_ids = serializers.ListField(
        child=IdField(),
        required=False,
        allow_null=True,
        default=None,
        max_length=1000,
        help_text="Runs of the thread.",
    )

    @classmethod
    def parse(cls, body: Json) -> CancelMany:
        fields = cls.checked(body)
        status, thread_id, run_ids = fields["status"], fields["thread_id"], fields["run_ids"]
        named = (thread_id is not None, bool(run_ids))
        if status is None and not all(named):
            raise Unprocessable("Give `status`, or both `thread_id` and `run_ids`.")
        if status is not None and any(named):
            raise Unprocessable("Give either `status`, or `thread_id` and `run_ids`, not both.")
        return CancelMany(
            thread_id=thread_id,
            run_ids=tuple(run_ids or ()),
            statuses=ACTIVE if status in (None, "all") else (status,),
        )


class RunUpdateSerializer(BodySerializer):
    """The one change that a client may make to a run: to stop it."""

    status = WordField(["interrupted", "cancelled"])
