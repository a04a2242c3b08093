from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from django.core.management import BaseCommand, CommandError, CommandParser

from aegra_project.checks import refuse_wrong_settings
from aegra_project.database import database_running
from aegra_project.lifespan import CannotLoad, prepared
from common.bulk import run_apart
from common.config import ConfigError, project_config
from common.stopping import stop_on_signals
from store.backend import close_store
from store.embedding import EmbeddingFailed
from store.options import IndexOptions, read_options
from store.reindexing import forget_other_vectors, reindex_store

T = TypeVar("T")


class Command(BaseCommand):
    help = "Embed the store's items that have no vectors; with --all, every one of them anew."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="Another model: embed every item.")
        parser.add_argument("--batch", type=int, default=100, help="Items embedded at once.")

    def handle(self, *args: Any, **options: Any) -> None:
        stop_on_signals()
        refuse_wrong_settings()
        if options["batch"] < 1:
            raise CommandError("--batch must be 1 or more.")
        index = _index()
        with database_running():
            if options["all"]:
                run_apart(_closing(forget_other_vectors(index)))
            prepared()
            try:
                done = run_apart(
                    _closing(reindex_store(every=options["all"], batch=options["batch"]))
                )
            except EmbeddingFailed as exc:
                raise CommandError(f"{exc} What was embedded until then is kept.") from exc
        self.stdout.write(f"Embedded: {done.embedded}. Without a text: {done.without_text}.")


def _index() -> IndexOptions:
    try:
        config = project_config()
        index = read_options(config).index
    except ConfigError as exc:
        raise CannotLoad(str(exc)) from exc
    if index is None:
        raise CannotLoad(f"{config.path}: has no `store.index`, so that there is nothing to embed.")
    return index


async def _closing(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        await close_store()
