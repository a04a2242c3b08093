from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from common.jsoncodec import Json, JsonObject

OnDisconnect = Literal["cancel", "continue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What a caller asks of a run; travels unchanged from request to engine."""

    assistant_id: str
    """An assistant's UUID or a graph's name."""

    thread_id: UUID | None = None
    """The thread that the body names, for the paths that name none."""

    input: Json = None
    """None goes on from the checkpoint."""

    command: JsonObject | None = None
    """`{resume?, update?, goto?}`; wins over `input`."""

    config: JsonObject = field(default_factory=dict)

    context: JsonObject = field(default_factory=dict)

    metadata: JsonObject = field(default_factory=dict)

    checkpoint: JsonObject | None = None
    """`{checkpoint_id, checkpoint_ns?, checkpoint_map?}`: where to fork from."""

    interrupt_before: list[str] | Literal["*"] | None = None

    interrupt_after: list[str] | Literal["*"] | None = None

    stream_mode: tuple[str, ...] = ("values",)

    stream_subgraphs: bool = False

    stream_resumable: bool = False

    feedback_keys: list[str] | None = None

    strict_resume: bool = False
    """Fail, and leave the thread as it was, when `command.resume` answers what nobody asked."""

    after_seconds: float = 0.0
    """The run is not to begin before so many seconds have passed."""

    on_disconnect: OnDisconnect = "continue"

    multitask_strategy: str = "enqueue"

    if_not_exists: Literal["create", "reject"] = "reject"

    on_completion: Literal["delete", "keep"] = "delete"
    """What becomes of a stateless run's thread."""

    durability: Literal["sync", "async", "exit"] = "async"

    webhook: str | None = None
    """Where the end of the run is told."""

    request_id: str = ""

    cron_id: UUID | None = None
    """The cron that asks for the run; no body can say so."""

    headers: dict[str, str] = field(default_factory=dict)
    """Of the request, those that the project hands on to graphs; by names in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """By what a request that is sent again is known for the same."""

    key: str
    """The caller's own, as the header has it."""

    digest: str
    """Of what was asked, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRun:
    """A run that this process executes: it holds the lease of `attempt`."""

    run_id: UUID

    thread_id: UUID

    assistant_id: UUID

    kwargs: JsonObject
    """What to execute, as `runs.merging` has made it."""

    attempt: int
    """Fencing token, rising with every claim; 1 for the first."""

    is_fresh: bool
    """False when an earlier attempt may have left checkpoints to go on from."""

    is_first: bool = False
    """Whether its thread is known to have no checkpoint."""

    claimed_at: datetime
    """By the database's clock: the attempt's events are dated from here."""

    cancel_action: str | None = None

    waited_seconds: float = 0.0
    """Since it was written, or was due."""

    elapsed_seconds: float = 0.0
    """Since its first attempt began: its time runs on, whichever attempt it takes."""

    traceparent: str | None = None
    """The span of the request that asked for it, where spans are made."""

    @property
    def graph_id(self) -> str:
        """Return the graph's name; empty when the record, of another version, has none."""
        return str(self.configurable.get("graph_id") or "")

    @property
    def configurable(self) -> JsonObject:
        configurable = self.config.get("configurable")
        return configurable if isinstance(configurable, dict) else {}

    @property
    def config(self) -> JsonObject:
        config = self.kwargs.get("config")
        return config if isinstance(config, dict) else {}

    @property
    def is_strict(self) -> bool:
        """Tell whether a resume that answers no waiting interrupt is to fail."""
        return bool(self.kwargs.get("strict_resume"))

    @property
    def is_temporary(self) -> bool:
        """Tell whether the thread goes when the run ends, and needs no checkpoints in between."""
        return bool(self.kwargs.get("temporary"))

    @property
    def webhook(self) -> str | None:
        """Return where the end of the run is told."""
        given = self.kwargs.get("webhook")
        return given if isinstance(given, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A run that was written, and its row as the API shows it."""

    run_id: UUID
    thread_id: UUID
    row: dict[str, Any]

    is_gone: bool = False
    """Whether the run was asked for before and has left nothing but this."""
