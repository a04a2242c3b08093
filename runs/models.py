from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from assistants.models import Assistant
from threads.models import Thread


class RunStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"


class MultitaskStrategy(models.TextChoices):
    REJECT = "reject"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"
    ENQUEUE = "enqueue"


class CancelAction(models.TextChoices):
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class Run(models.Model):
    """One execution of an assistant's graph upon a thread."""

    run_id = models.UUIDField(primary_key=True)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="runs")
    # A run outlives its assistant, so the database does not tie them together.
    assistant = models.ForeignKey(
        Assistant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="runs"
    )
    status = models.TextField(
        choices=RunStatus, default=RunStatus.PENDING, db_default=RunStatus.PENDING
    )
    metadata = models.JSONField(default=dict, db_default={})
    kwargs = models.JSONField(default=dict, db_default={})
    multitask_strategy = models.TextField(choices=MultitaskStrategy)
    attempt = models.IntegerField(
        default=0,
        db_default=0,
        help_text="Fencing token: only the attempt that holds the lease writes.",
    )
    lost_attempts = models.IntegerField(
        default=0,
        db_default=0,
        help_text="Attempts whose process died; after RUN_MAX_ATTEMPTS of them the run fails.",
    )
    claimed_by = models.BigIntegerField(
        null=True, help_text="The process that executes it: the key of an advisory lock it holds."
    )
    lease_until = models.DateTimeField(null=True)
    cancel_action = models.TextField(choices=CancelAction, null=True)
    error = models.JSONField(null=True)
    traceparent = models.TextField(
        null=True, help_text="The span of the request that asked for it, as W3C writes it."
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "run"
        ordering = ["-created_at"]
        indexes = [
            # The runs of a thread, newest first.
            models.Index(fields=["thread", "-created_at"], name="run_by_thread"),
            # Claim: the oldest pending run; sweep: what is running.
            models.Index(
                fields=["status", "created_at"],
                name="run_active",
                condition=Q(status__in=["pending", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["thread"], condition=Q(status="running"), name="run_one_running_per_thread"
            ),
        ]

    def __str__(self) -> str:
        return str(self.run_id)


class IdempotentRequest(models.Model):
    """A request for runs that its caller gave an Idempotency-Key: sent again, it makes no more."""

    caller = models.TextField(help_text="The caller's identity; empty for an anonymous one.")
    key = models.TextField()
    digest = models.TextField(help_text="Of the path and the body.")
    runs = models.JSONField(
        default=list,
        db_default=[],
        help_text="Ids of the runs; of one that leaves nothing, its whole record.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "idempotent_request"
        indexes = [
            # Those that are forgotten: the oldest.
            models.Index(fields=["created_at"], name="idempotent_request_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotent_request_once"),
        ]

    def __str__(self) -> str:
        return self.key


class WebhookDelivery(models.Model):
    """What is to be sent to a webhook, or was: one for each run that ended and had one.

    It outlives its run, which may go as it ends.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    delivery_id = models.UUIDField(primary_key=True)
    run_id = models.UUIDField()
    thread_id = models.UUIDField()
    url = models.TextField(help_text="Without credentials and query.")
    payload = models.JSONField(help_text="The run as it ended; the whole URL is in its kwargs.")
    status = models.TextField(choices=Status, default=Status.PENDING, db_default=Status.PENDING)
    attempts = models.IntegerField(default=0, db_default=0)
    status_code = models.IntegerField(null=True, help_text="Of the last answer.")
    error = models.TextField(null=True, help_text="Why the last attempt failed.")
    created_at = models.DateTimeField(db_default=Now())
    attempted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_delivery"
        verbose_name_plural = "webhook deliveries"
        ordering = ["-created_at"]
        indexes = [
            # The deliveries of a run.
            models.Index(fields=["run_id"], name="webhook_delivery_by_run"),
            # Retention: what is old.
            models.Index(fields=["created_at"], name="webhook_delivery_by_creation"),
        ]

    def __str__(self) -> str:
        return str(self.delivery_id)


class RunEvent(models.Model):
    """Some events of one attempt of a run, one after the other, as they were stored at once.

    Read and written by `runs/events/queries.py` alone. No foreign key: of a run whose thread is
    deleted when it ends, the events are kept for EVENT_RETENTION_SECONDS; those of others go
    with the run, by a trigger.
    """

    pk = models.CompositePrimaryKey("run_id", "attempt", "last_id")
    run_id = models.UUIDField()
    attempt = models.IntegerField()
    last_id = models.BigIntegerField(help_text="The last event's id as one number: runs/events/ids")
    body = models.BinaryField(help_text="For each event a line of id and name, and one of JSON.")
    output = models.BinaryField(null=True, help_text="What `wait` answers, of a stateless run.")

    class Meta:
        db_table = "run_event"
        # Retention: the oldest.
        indexes = [models.Index(fields=["last_id"], name="run_event_by_time")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.last_id}"
