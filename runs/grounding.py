"""What a run is made of: what its caller asks, upon what its assistant and its thread say."""

from __future__ import annotations

from typing import Any

from assistants.queries import AssistantRow
from common.ids import uuid7
from common.jsoncodec import JsonObject
from runs.merging import Ground, MergedRun, merge
from runs.queries import LockedThread
from runs.spec import RunSpec
from threads.seen import SeenThread


def merged_run(
    spec: RunSpec,
    assistant: AssistantRow,
    thread: LockedThread | SeenThread,
    *,
    is_stateless: bool,
) -> MergedRun:
    ground = Ground(
        assistant_id=assistant.assistant_id,
        graph_id=assistant.graph_id,
        config=_parsed(assistant.config),
        context=_parsed(assistant.context),
        metadata=_parsed(assistant.metadata),
        thread_metadata=_parsed(thread.metadata),
        thread_config=_parsed(thread.config),
    )
    temporary = is_stateless and spec.on_completion == "delete"
    return merge(spec, ground, run_id=uuid7(), thread_id=thread.thread_id, temporary=temporary)


def _parsed(raw: Any) -> JsonObject:
    value: JsonObject = raw.parse()
    return value
