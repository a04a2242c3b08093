"""The admin's first page: what waits, what runs, what failed, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from aegra_project.run_tables import span
from common.admin import COUNTED_RECORDS, label
from runs.inspecting import QueueState, queue_state
from runs.models import RunStatus
from threads.admin import LABELS, OPENING
from threads.models import Thread, ThreadStatus

SHOWN_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many records are in one state; a link to them."""

    title: str
    icon: str
    kind: str
    """`warning`, `info`, `danger`: its colour while there are any."""
    count: str
    url: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the index shows to those who may see threads and runs; five cheap queries."""
    if not request.user.has_perms(("threads.view_thread", "runs.view_run")):
        return context
    return {**context, "tallies": tallies(), "latest_threads": latest_threads()}


def tallies() -> list[Tally]:
    """Count threads by their indexes, up to the bound of every list, and what is in the queue."""
    return [
        _threads("Waiting for an answer", "pan_tool", "warning", ThreadStatus.INTERRUPTED),
        _threads("Busy threads", "pending", "info", ThreadStatus.BUSY),
        _threads("Threads in error", "error", "danger", ThreadStatus.ERROR),
        *_queue(queue_state()),
    ]


def _queue(queue: QueueState) -> list[Tally]:
    waits = f", the oldest for {span(queue.oldest_pending_seconds)}" if queue.pending else ""
    return [
        _runs("Running runs", "play_circle", queue.running, RunStatus.RUNNING),
        _runs(f"Pending runs{waits}", "hourglass_top", queue.pending, RunStatus.PENDING),
        Tally(
            title="Stuck: runs without a process, threads without a run",
            icon="link_off",
            kind="danger",
            count=f"{queue.lost + queue.stuck_threads:,}",
            url=reverse(
                "admin:threads_thread_changelist", query={"status__exact": ThreadStatus.BUSY}
            ),
        ),
    ]


def latest_threads() -> list[tuple[Thread, str, SafeString]]:
    """Return the newest threads, each with its opening words and its status."""
    threads = Thread.objects.only("thread_id", "status", "metadata", "updated_at")
    newest = threads.annotate(opening=OPENING).order_by("-updated_at")[:SHOWN_THREADS]
    return [
        (each, each.opening, label(each.status, LABELS[ThreadStatus(each.status)]))
        for each in newest
    ]


def _runs(title: str, icon: str, number: int, status: RunStatus) -> Tally:
    url = reverse("admin:runs_run_changelist", query={"status__exact": status})
    return Tally(title=title, icon=icon, kind="info", count=f"{number:,}", url=url)


def _threads(title: str, icon: str, kind: str, status: ThreadStatus) -> Tally:
    return Tally(
        title=title,
        icon=icon,
        kind=kind,
        count=_bounded_count(Thread.objects.filter(status=status)),
        url=reverse("admin:threads_thread_changelist", query={"status__exact": status}),
    )


def _bounded_count(records: QuerySet[Any]) -> str:
    count = records.order_by().values("pk")[:COUNTED_RECORDS].count()
    return f"{count:,}+" if count == COUNTED_RECORDS else f"{count:,}"
