"""What is well and what is wrong with this installation, found without serving."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import django
import httpx
from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.core.management import CommandError
from packaging.requirements import Requirement

from aegra_project.database_diagnosis import database, embedded_server
from aegra_project.devlogin import base_url
from aegra_project.finding import Finding, ok, problem, warning
from aegra_project.listening import check_free, refuse_public
from common.config import ConfigError, ProjectConfig, project_config
from common.importing import LoadError
from graphs.checking import check_graphs
from graphs.registry import use_config
from runs.events.store import StoreLost
from runs.webhooks.config import read_webhooks
from store.embedding import load_embedder
from store.options import read_options

LEAST_FREE_MB = 500


def diagnose() -> Iterator[Finding]:
    """Look at one thing after the other; whatever fails in looking is a finding itself."""
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": versions,
        "settings": wrong_settings,
        "data directory": data_directory,
        "PostgreSQL": embedded_server,
        "database": database,
        "event bus": event_bus,
        "project": project,
        "address": address,
        "access": access,
    }
    for subject, check in checks.items():
        try:
            yield from check()
        except Exception as exc:  # noqa: BLE001 -- what is broken in any way is to be told
            told = f"{type(exc).__name__}: {' '.join(str(exc).split())}"
            yield problem(subject, f"Looking at it failed: {told}")


def versions() -> Iterator[Finding]:
    told = f"Aegra Django {settings.VERSION}, LangGraph {settings.LANGGRAPH_VERSION}"
    yield ok(
        "versions", f"{told}, Django {django.__version__}, Python {platform.python_version()}."
    )
    lines = (settings.BASE_DIR / "requirements.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    wrong = [_deviation(pin) for pin in pinned if not pin.marker or pin.marker.evaluate()]
    if told := ", ".join(filter(None, wrong)):
        yield warning(
            "packages",
            f"Installed are other versions than this one was tested with: {told}. Run "
            "`pip install -r requirements.txt` in the server's environment.",
        )


def _deviation(pin: Requirement) -> str | None:
    try:
        found = version(pin.name)
    except PackageNotFoundError:
        return f"no {pin.name}"
    return None if pin.specifier.contains(found, prereleases=True) else f"{pin.name} {found}"


def wrong_settings() -> Iterator[Finding]:
    found = [message for message in run_checks() if message.level >= WARNING]
    for message in found:
        hint = f" {message.hint}" if message.hint else ""
        tell = problem if message.is_serious() else warning
        yield tell("settings", f"{message.msg}{hint} ({message.id})")
    if not found:
        yield ok("settings", "Every setting can be read and is possible.")


def data_directory() -> Iterator[Finding]:
    place = settings.AEGRA_DATA_DIR
    # It is made at the first start.
    nearest = next(parent for parent in (place, *place.parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        yield problem(
            "data directory",
            f"{place} cannot be written. Set AEGRA_DATA_DIR to a directory of yours.",
        )
        return
    free_mb = shutil.disk_usage(nearest).free >> 20
    if free_mb < LEAST_FREE_MB:
        yield warning("data directory", f"{place} has {free_mb} MiB free: make room.")
    else:
        yield ok("data directory", f"{place}, {free_mb >> 10} GiB free.")


def project() -> Iterator[Finding]:
    try:
        config = project_config()
    except ConfigError as exc:
        yield problem("project", str(exc))
        return
    yield ok("project", f"{config.path}")
    yield from _keys(config)
    for report in check_graphs(config):
        if report.problem is not None:
            yield problem("graph", report.problem)
        else:
            yield ok("graph", f"{report.spec.graph_id}: {report.spec.target}")
        yield from (warning("graph", f"{report.spec.graph_id}: {it}") for it in report.doubts)
    yield from _embedding(config)
    yield from _webhooks(config)


def _webhooks(config: ProjectConfig) -> Iterator[Finding]:
    try:
        read_webhooks(config)
    except ConfigError as exc:
        yield problem("webhooks", str(exc))


def _embedding(config: ProjectConfig) -> Iterator[Finding]:
    try:
        index = read_options(config).index
        if index is None:
            return
        with use_config(replace(config, graphs={})):
            load_embedder(index, config.directory)
    except (ConfigError, LoadError) as exc:
        yield problem("embedding", str(exc))
    else:
        yield ok("embedding", f"{index.embed}: {index.dims} numbers.")


def _keys(config: ProjectConfig) -> Iterator[Finding]:
    if names := ", ".join(config.unknown_keys):
        yield warning("project", f"Unknown keys have no effect: {names}. Correct or remove them.")
    if names := ", ".join(config.unserved_keys):
        yield warning("project", f"This version does not serve these keys yet: {names}.")


def event_bus() -> Iterator[Finding]:
    if not settings.EVENT_BUS_URL:
        yield ok("event bus", "Processes follow each other's runs through PostgreSQL.")
        return
    from runs.events.redis import RedisStore

    try:
        RedisStore(settings.EVENT_BUS_URL).check()
    except (StoreLost, ValueError) as exc:
        yield problem("event bus", str(exc))
    else:
        yield ok("event bus", "Redis answers.")


def address() -> Iterator[Finding]:
    host, port = settings.AEGRA_HOST, settings.AEGRA_PORT
    try:
        check_free(host, port)
    except CommandError as exc:
        if (running := _served_version(host, port)) is not None:
            yield ok("address", f"A server of version {running} runs at {host}:{port}.")
        else:
            yield problem("address", f"{exc} It is set by AEGRA_HOST and AEGRA_PORT.")
        return
    yield ok("address", f"{host}:{port} is free.")


def _served_version(host: str, port: int) -> str | None:
    """Return the version of the server of ours that listens there, if it is one."""
    try:
        answer = httpx.get(f"{base_url(host, port)}/info", timeout=2).json()
        return str(answer["version"]) if "langgraph_py_version" in answer else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError):
        return None


def access() -> Iterator[Finding]:
    try:
        if "auth.path" in project_config().unserved_keys:
            yield problem(
                "access", "`auth` of the project is not served yet: it keeps nobody out. Remove it."
            )
    except ConfigError:
        pass  # told of by `project`
    try:
        refuse_public(settings.AEGRA_HOST)
    except CommandError as exc:
        yield problem("access", str(exc))
        return
    if settings.ALLOW_ANONYMOUS:
        yield warning(
            "access", "ALLOW_ANONYMOUS is true: whoever can reach the server may do everything."
        )
    else:
        yield ok("access", "Nobody is asked for a key; only this machine is answered.")
