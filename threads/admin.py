from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from common.admin import (
    RecordAdmin,
    column,
    do_each,
    id_begins,
    label,
    listing,
    metadata_says,
    newest_with,
    tag,
    time_column,
    titled,
)
from common.config import project_config
from common.pretty import NOTHING
from threads.checkpoint_rows import latest_checkpoints
from threads.conversation import MESSAGES_KEY, conversation
from threads.models import Thread, ThreadStatus
from threads.repairing import repair_each

LABELS = {
    ThreadStatus.IDLE: "success",
    ThreadStatus.BUSY: "info",
    ThreadStatus.INTERRUPTED: "warning",
    ThreadStatus.ERROR: "danger",
}
SHOWN_RUNS = 10
SHOWN_CHECKPOINTS = 50
OPENING_LENGTH = 120


class MetadataFilter(admin.SimpleListFilter):
    """Threads whose metadata has the parameter's value; the index on metadata finds them."""

    def queryset(self, request: HttpRequest, threads: QuerySet[Thread]) -> QuerySet[Thread]:
        wanted = self.value()
        if wanted is None:
            return threads
        return threads.filter(metadata__contains={str(self.parameter_name): wanted})


class GraphFilter(MetadataFilter):
    title = parameter_name = "graph_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(graph_id, graph_id) for graph_id in project_config().graphs]


class AssistantFilter(MetadataFilter):
    """Shown only when a link from an assistant's page asks for it."""

    title = "assistant"
    parameter_name = "assistant_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        wanted = request.GET.get(str(self.parameter_name))
        return [(wanted, wanted)] if wanted else []


# The first message is what a reader knows a thread by.
_FIRST = f"values__{MESSAGES_KEY}__0__content"
OPENING = Left(
    Coalesce(KT("metadata__title"), KT(f"{_FIRST}__0__text"), KT(_FIRST)), OPENING_LENGTH
)


class ThreadList(ChangeList):
    """Leaves unread what is long: the opening words stand for a thread's state."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Thread]:
        threads: QuerySet[Thread] = super().get_queryset(request, *args, **kwargs)
        return threads.defer("values", "interrupts", "config", "error")


@admin.register(Thread)
class ThreadAdmin(RecordAdmin[Thread]):
    change_form_template = "admin/threads/thread/change_form.html"
    list_display = ("title", "state", "graph", "created", "updated")
    list_filter = ("status", GraphFilter, AssistantFilter)
    search_fields = ("thread_id",)
    search_help_text = "Thread id, graph, key=value, metadata"
    sortable_by = ("updated",)
    actions = ("repair_threads",)

    created = time_column("created_at")
    updated = time_column("updated_at")

    class Media:
        css = {"all": ["threads/thread.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Thread]:
        threads: QuerySet[Thread] = super().get_queryset(request)
        return threads.annotate(opening=OPENING)

    @column("thread")
    def title(self, thread: Any) -> SafeString:
        return titled(thread.opening or "No messages", thread.thread_id)

    @column("status")
    def state(self, thread: Thread) -> SafeString:
        return label(thread.status, LABELS[ThreadStatus(thread.status)])

    @column("graph")
    def graph(self, thread: Thread) -> SafeString:
        graph_id = thread.metadata.get("graph_id")
        return tag(graph_id) if graph_id else NOTHING

    @admin.action(description="Repair", permissions=["operate"])
    def repair_threads(self, request: HttpRequest, threads: QuerySet[Thread]) -> None:
        """Answer tool calls that a cancelled run has left open; free what is stuck."""
        do_each(request, threads, repair_each)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ThreadList]:
        return ThreadList

    def search(self, records: QuerySet[Thread], term: str) -> QuerySet[Thread]:
        if "=" in term:
            return records.filter(metadata_says(term))
        if found := id_begins(term, "pk"):
            return records.filter(found | Q(metadata__contains={"graph_id": term}))
        return newest_with(records, "metadata", term)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        page = {**context, **page_of(kwargs["obj"])}
        response: HttpResponse = super().render_change_form(request, page, **kwargs)
        return response


def page_of(thread: Thread) -> dict[str, Any]:
    """Gather what a thread's page shows; three queries, and no user code runs."""
    values = thread.values if isinstance(thread.values, dict) else {}
    messages = values.get(MESSAGES_KEY)
    runs = list(thread.runs.order_by("-created_at").prefetch_related("assistant")[:SHOWN_RUNS])
    checkpoints = latest_checkpoints(thread.thread_id, limit=SHOWN_CHECKPOINTS)
    graph_id = thread.metadata.get("graph_id")
    return {
        "thread": thread,
        "status_label": label(thread.status, LABELS[ThreadStatus(thread.status)]),
        "graph": tag(graph_id) if graph_id else "",
        "assistant": assistant_of(thread, runs),
        "conversation": conversation(thread.values),
        "message_count": len(messages) if isinstance(messages, list) else 0,
        "interrupts": pending_interrupts(thread),
        "state": {key: value for key, value in values.items() if key != MESSAGES_KEY},
        "config": {key: value for key, value in thread.config.items() if value},
        "runs": runs,
        "all_runs": listing("runs_run", "All runs", thread__thread_id__exact=thread.thread_id),
        "checkpoints": checkpoints,
    }


def assistant_of(thread: Thread, runs: list[Any]) -> Any:
    """Return the assistant that last ran on the thread, if a run shown here still has it."""
    wanted = thread.metadata.get("assistant_id")
    found = (getattr(run, "assistant", None) for run in runs if str(run.assistant_id) == wanted)
    return next(found, None)


def pending_interrupts(thread: Thread) -> list[dict[str, Any]]:
    """Return what the thread waits for, of all its tasks, with the words meant for a human."""
    tasks = thread.interrupts.values() if isinstance(thread.interrupts, dict) else ()
    listed = (item for task in tasks if isinstance(task, list) for item in task)
    return [
        {**item, "words": words_of(item.get("value"))} for item in listed if isinstance(item, dict)
    ]


def words_of(value: Any) -> list[str]:
    """Find the descriptions in an interrupt's value, one for each request that has one."""
    requests = value if isinstance(value, list) else [value]
    found = (request.get("description") for request in requests if isinstance(request, dict))
    return [words for words in found if isinstance(words, str)]
