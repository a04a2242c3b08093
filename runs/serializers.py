from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.errors import Unprocessable
from common.http_config import http_config
from common.jsoncodec import Json
from common.serializers import (
    BodySerializer,
    CheckpointField,
    ConfigField,
    FlagField,
    IdField,
    JsonField,
    ObjectField,
    SecondsField,
    StringField,
    WordField,
)
from runs.engine.modes import STREAM_MODES
from runs.models import MultitaskStrategy, RunStatus
from runs.spec import RunSpec
from runs.webhooks.urls import asked_url

_MODE = {"type": "string", "enum": sorted(STREAM_MODES)}
# A run's events as they are sent.
EVENTS = {
    "type": "string",
    "description": "Server-sent events: a stream mode and one JSON document each.",
    "examples": [
        'event: metadata\r\ndata: {"run_id":"0199d8a5-8f10-7d3a-a5b1-6c2e9b7a3f5f","attempt":1}'
        '\r\n\r\nevent: values\r\ndata: {"messages":[{"content":"hi","type":"human","id":"h1"}]}'
        "\r\n\r\n"
    ],
}

# What a run leaves behind, as `wait` and `join` answer it.
OUTPUT = {
    "description": "The thread's values, with `__interrupt__` when the graph asks something; or "
    "`{__error__: {error, message}}`.",
    "examples": [{"messages": [{"content": "hi", "type": "human", "id": "h1"}]}],
}


@extend_schema_field({"anyOf": [_MODE, {"type": "array", "items": _MODE}]})
class StreamModeField(JsonField):
    """A stream mode or a list of them."""

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        modes = [data] if isinstance(data, str) else data
        if not isinstance(modes, list) or not all(isinstance(mode, str) for mode in modes):
            raise ValidationError("must be a stream mode or a list of them")
        if unknown := sorted(set(modes) - STREAM_MODES):
            known = ", ".join(sorted(STREAM_MODES))
            raise ValidationError(f"unknown stream mode {unknown[0]!r}; known are {known}")
        return tuple(dict.fromkeys(modes))


@extend_schema_field(
    {
        "anyOf": [
            {"type": "string", "const": "*"},
            {"type": "array", "items": {"type": "string"}},
        ]
    }
)
class NodesField(JsonField):
    """`"*"` or a list of node names."""

    def to_internal_value(self, data: Any) -> list[str] | Literal["*"]:
        if data == "*":
            return "*"
        if isinstance(data, list) and all(isinstance(node, str) for node in data):
            return data
        raise ValidationError('must be "*" or a list of node names')


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "resume": {"description": "The answer to a question, or answers by interrupt id."},
            "update": {
                "type": ["object", "array", "null"],
                "description": "Values to write, as an object or as pairs.",
            },
            "goto": {
                "type": ["string", "object", "array", "null"],
                "description": "Where to go on: a node, `{node, input}`, or a list of these.",
            },
            "lg_name": {},
        },
        "additionalProperties": False,
    }
)
class CommandField(ObjectField):
    """`{resume?, update?, goto?}`; members that say nothing are left out."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        given = super().to_internal_value(data)
        # How LangGraph's own client for JavaScript marks a command.
        if unknown := sorted(given.keys() - {"resume", "update", "goto", "lg_name"}):
            raise ValidationError(f"unknown key {unknown[0]!r}; known are resume, update, goto")
        _check_update(given.get("update"))
        _check_goto(given.get("goto"))
        command = {key: given[key] for key in ("update", "goto") if given.get(key)}
        if given.get("resume") is not None:
            command["resume"] = given["resume"]
        elif "resume" in given and not command:
            raise ValidationError("resume must not be null: LangGraph takes that for no answer")
        return command


def _check_update(update: Any) -> None:
    pairs = update if isinstance(update, list) else []
    is_pairs = all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    )
    if not isinstance(update, dict | list | None) or not is_pairs:
        raise ValidationError("update must be an object or a list of [key, value] pairs")


def _check_goto(goto: Any) -> None:
    for target in goto if isinstance(goto, list) else [goto]:
        is_send = isinstance(target, dict) and isinstance(target.get("node"), str)
        if not (target is None or isinstance(target, str) or is_send):
            raise ValidationError("goto must be a node's name, {node, input}, or a list of these")


class MessagesField(JsonField):
    """A list of messages, each `{role, content, …}`."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        if not isinstance(data, list) or not all(isinstance(message, dict) for message in data):
            raise ValidationError("must be a list of {role, content}")
        return data


class RunConfigField(ConfigField):
    """The RunnableConfig of a run: it may also say where to fork from."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        config = super().to_internal_value(data)
        limit = config.get("max_concurrency", 1)
        if not (type(limit) is int and limit > 0):
            raise ValidationError("max_concurrency must be a positive integer")
        if not isinstance(config.get("run_name", ""), str):
            raise ValidationError("run_name must be a string")
        CheckpointField().to_internal_value(config.get("configurable") or {})
        return config


class RunCreateSerializer(BodySerializer):
    assistant_id = StringField(
        required=False,
        allow_null=True,
        default=None,
        help_text="An assistant's UUID or a graph's name; required unless `agent_id` is given.",
    )
    agent_id = StringField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The Agent Protocol's name of `assistant_id`.",
    )
    thread_id = IdField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The thread to run on, where the path names none.",
    )
    input = JsonField(required=False, allow_null=True, default=None)
    messages = MessagesField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The Agent Protocol's way to give `input.messages`.",
    )
    command = CommandField(required=False, allow_null=True, default=None)
    config = RunConfigField(required=False, allow_null=True, default=None)
    context = ObjectField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    metadata = ObjectField(required=False, allow_null=True, default=None)
    checkpoint = CheckpointField(required=False, allow_null=True, default=None)
    checkpoint_id = StringField(required=False, allow_null=True, default=None)
    interrupt_before = NodesField(required=False, allow_null=True, default=None)
    interrupt_after = NodesField(required=False, allow_null=True, default=None)
    stream_mode = StreamModeField(required=False, allow_null=True, default=None)
    stream_subgraphs = FlagField(required=False, allow_null=True, default=False)
    stream_resumable = FlagField(required=False, allow_null=True, default=False)
    feedback_keys = serializers.ListField(
        child=StringField(), required=False, allow_null=True, default=None
    )
    on_disconnect = WordField(["cancel", "continue"], required=False, allow_null=True, default=None)
    multitask_strategy = WordField(
        MultitaskStrategy.values, required=False, allow_null=True, default=None
    )
    if_not_exists = WordField(["create", "reject"], required=False, allow_null=True, default=None)
    on_completion = WordField(["delete", "keep"], required=False, allow_null=True, default=None)
    durability = WordField(["sync", "async", "exit"], required=False, allow_null=True, default=None)
    checkpoint_during = FlagField(required=False, allow_null=True, default=None)
    webhook = StringField(required=False, allow_null=True, default=None)
    after_seconds = SecondsField(required=False, allow_null=True, default=None)
    strict_resume = FlagField(required=False, allow_null=True, default=False)
    langsmith_tracer = JsonField(required=False, allow_null=True, default=None)

    @classmethod
    def parse(
        cls, body: Json, *, request_id: str = "", headers: Mapping[str, str] | None = None
    ) -> RunSpec:
        fields = cls.checked(body)
        checkpoint = fields["checkpoint"] or {}
        if fields["checkpoint_id"]:
            checkpoint = {**checkpoint, "checkpoint_id": fields["checkpoint_id"]}
        return RunSpec(
            assistant_id=_assistant_id(fields),
            thread_id=fields["thread_id"],
            input=_input(fields),
            command=fields["command"] or None,
            config=fields["config"] or {},
            context=fields["context"] or {},
            metadata=fields["metadata"] or {},
            checkpoint=checkpoint or None,
            interrupt_before=fields["interrupt_before"] or None,
            interrupt_after=fields["interrupt_after"] or None,
            stream_mode=fields["stream_mode"] or ("values",),
            stream_subgraphs=bool(fields["stream_subgraphs"]),
            stream_resumable=bool(fields["stream_resumable"]),
            feedback_keys=fields["feedback_keys"],
            strict_resume=bool(fields["strict_resume"]),
            after_seconds=fields["after_seconds"] or 0.0,
            on_disconnect=fields["on_disconnect"] or "continue",
            multitask_strategy=fields["multitask_strategy"] or "enqueue",
            if_not_exists=fields["if_not_exists"] or "reject",
            on_completion=fields["on_completion"] or "delete",
            durability=_durability(fields),
            webhook=asked_url(fields["webhook"]),
            request_id=request_id,
            headers=http_config().configurable_headers.of(headers or {}),
        )


def _assistant_id(fields: dict[str, Any]) -> str:
    names = {fields["assistant_id"], fields["agent_id"]} - {None}
    if not names:
        raise Unprocessable("assistant_id: name an assistant by its UUID, or a graph.")
    if len(names) > 1:
        raise Unprocessable("agent_id: differs from assistant_id; give one of them.")
    name: str = names.pop()
    return name


def _input(fields: dict[str, Any]) -> Json:
    given: Json = fields["input"]
    if fields["messages"] is None:
        return given
    if not isinstance(given, dict | None) or "messages" in (given or {}):
        raise Unprocessable("messages: give them here or in `input`, an object without messages.")
    return {**(given or {}), "messages": fields["messages"]}


def _durability(fields: dict[str, Any]) -> Literal["sync", "async", "exit"]:
    if fields["durability"]:
        durability: Literal["sync", "async", "exit"] = fields["durability"]
        return durability
    # The older spelling of `durability: exit`.
    return "exit" if fields["checkpoint_during"] is False else "async"


class RunSerializer(serializers.Serializer[Any]):
    """A run as the API shows it (documentation only: rows are written as they come)."""

    run_id = serializers.UUIDField()
    thread_id = serializers.UUIDField()
    assistant_id = serializers.UUIDField()
    metadata = ObjectField()
    status = serializers.ChoiceField(RunStatus.values)
    kwargs = ObjectField()
    multitask_strategy = serializers.ChoiceField(MultitaskStrategy.values)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    langsmith_session_name = serializers.CharField(allow_null=True)


class SelectedRunSerializer(RunSerializer):
    """A run's selected fields, all of them unless `select` names some."""

    is_selection = True
