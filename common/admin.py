"""What the admin's pages of records share: looking, not changing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from common import jsoncodec
from common.bulk import Done, run_apart
from common.pretty import NOTHING, ago, exactly, pretty_json

COUNTED_RECORDS = 10_000
SEARCHED_RECORDS = 5_000
TOLD_REFUSALS = 5
_SHORTEST_ID = 4

T = TypeVar("T", bound=Model)
F = TypeVar("F", bound=Callable[..., object])


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic for mypy only
    """Counts up to a bound, so that a list costs the same however long its table is."""

    @cached_property
    def count(self) -> int:
        records = cast("QuerySet[Model]", self.object_list)
        return records.order_by().values("pk")[:COUNTED_RECORDS].count()


class RecordAdmin(ModelAdmin, Generic[T]):
    """Lists, searches and shows records that only the API and the engine write."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    list_fullwidth = True
    actions: Sequence[str] | None = None

    class Media:
        css = {"all": ["aegra_project/records.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: T | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: T | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Tell who may do what the API does, though nobody edits a record here."""
        name = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return bool(request.user.has_perm(name))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[T], search_term: str
    ) -> tuple[QuerySet[T], bool]:
        term = search_term.strip()
        return (self.search(queryset, term) if term else queryset), False

    def search(self, records: QuerySet[T], term: str) -> QuerySet[T]:
        """Return the records that `term`, which is not empty, finds at a bounded cost."""
        raise NotImplementedError


def do_each(
    request: HttpRequest,
    records: QuerySet[Any],
    verb: Callable[[list[UUID]], Coroutine[Any, Any, Sequence[Done]]],
) -> None:
    """Do an action to the records that were chosen; the next page tells what became of each."""
    done = run_apart(verb(list(records.order_by().values_list("pk", flat=True))))
    refused = [one for one in done if not one.is_done]
    for one in refused[:TOLD_REFUSALS]:
        messages.error(request, f"{one.id}: {one.told}")
    if len(refused) > TOLD_REFUSALS:
        messages.error(request, f"and {len(refused) - TOLD_REFUSALS} more were refused.")
    for told, number in Counter(one.told for one in done if one.is_done).items():
        messages.success(request, f"{number}: {told}.")


def column(description: str, *, ordering: str | None = None) -> Callable[[F], F]:
    named = display(description=description, ordering=ordering)
    return cast("Callable[[F], F]", named)


def json_column(field: str) -> Callable[[object, Model], SafeString]:
    @column(field.replace("_", " "))
    def show(_admin: object, record: Model) -> SafeString:
        return pretty_json(getattr(record, field))

    return show


def time_column(field: str) -> Callable[[object, Model], SafeString]:
    @column(field.removesuffix("_at").replace("_", " "), ordering=field)
    def show(_admin: object, record: Model) -> SafeString:
        return ago(getattr(record, field))

    return show


def moment_column(field: str) -> Callable[[object, Model], SafeString]:
    """Show a time in full, for a record's own page."""

    @column(field.removesuffix("_at").replace("_", " "))
    def show(_admin: object, record: Model) -> SafeString:
        moment = getattr(record, field)
        if moment is None:
            return NOTHING
        return format_html("{} · {}", exactly(moment), ago(moment))

    return show


def label(text: str, kind: str = "") -> SafeString:
    """Return a coloured label; `kind` is `success`, `info`, `warning`, `danger` or nothing."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def tag(text: object) -> SafeString:
    """Return a name as it is written: a label would be in capitals."""
    return format_html('<code class="tag">{}</code>', text)


def link(url_name: str, key: object, text: object) -> SafeString:
    """Return a link to a record's page, such as `link("runs_run", run_id, "the run")`."""
    url = reverse(f"admin:{url_name}_change", args=[key])
    return format_html('<a class="record-link" href="{}">{}</a>', url, text)


def listing(url_name: str, text: object, **filters: object) -> SafeString:
    """Return a link to a filtered list."""
    url = reverse(f"admin:{url_name}_changelist", query=filters)
    return format_html('<a class="record-link" href="{}">{}</a>', url, text)


def titled(title: object, key: object) -> SafeString:
    """Return a cell of two lines: what a record is about, and its id."""
    return format_html('<span class="titled"><strong>{}</strong><code>{}</code></span>', title, key)


def id_begins(term: str, *fields: str) -> Q:
    """Match the ids that begin with `term`, in any of some fields; an index finds them.

    Empty, and so false, when `term` is no beginning of an id, or too short a one to tell.
    """
    digits = term.lower().replace("-", "")
    if not _SHORTEST_ID <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return Q()
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    # Foreign keys have no lookup `range`.
    ranges = (Q(**{f"{field}__gte": first, f"{field}__lte": last}) for field in fields)
    return reduce(or_, ranges)


def metadata_says(term: str) -> Q:
    """Match the metadata that `key=value` spells, as text or as JSON; an index finds it."""
    key, _, text = (part.strip() for part in term.partition("="))
    matches = Q(metadata__contains={key: text})
    try:
        return matches | Q(metadata__contains={key: jsoncodec.loads(text.encode())})
    except jsoncodec.InvalidJson:
        return matches


def newest(records: QuerySet[T]) -> QuerySet[Any, Any]:
    """Return the keys of the newest few thousand records, which a scan can afford."""
    every = records.model._default_manager.all()
    return every.values("pk")[:SEARCHED_RECORDS]


def newest_with(records: QuerySet[T], field: str, term: str) -> QuerySet[T]:
    """Return those of the newest records whose JSON `field` has `term` in it."""
    as_text = records.alias(searched_text=Cast(field, TextField()))
    return cast(
        "QuerySet[T]", as_text.filter(pk__in=newest(records), searched_text__icontains=term)
    )
