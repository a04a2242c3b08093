"""The project file (`langgraph.json`) as frozen dataclasses; errors name the key."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings

from common import jsoncodec
from common.errors import ConfigError as ConfigError
from common.jsoncodec import Json, JsonObject
from common.project_env import read_env
from common.project_variables import assistant_configs, project_variables, with_variables
from common.ttl import Sweep, Ttl, read_default_ttl, read_sweep

logger = logging.getLogger(__name__)

FILE_NAMES = ("aegra.json", "langgraph.json")

# Keys that describe an image or another runtime: nothing to do for a running server.
_BUILD_KEYS = {
    "$schema",
    "api_version",
    "base_image",
    "dockerfile_lines",
    "image_distro",
    "keep_pkg_tools",
    "node_version",
    "pip_config_file",
    "pip_installer",
    "python_version",
    "source",
}
_SERVED_KEYS = {"graphs", "dependencies", "env"}
_SECTIONS = ("store", "checkpointer", "auth", "http", "webhooks")
_SERVED_WITHIN = {"checkpointer.ttl", "store.index", "store.ttl"}
# What the API's project file may hold and this version passes over, named in one warning.
_UNSERVED_KEYS = {"encryption", "priority", "ui", "ui_config"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """One entry of `graphs`."""

    graph_id: str

    target: str
    """`./dir/file.py:name`, relative to the project's directory, or `package.module:name`."""

    description: str | None = None

    max_runs: int | None = None
    """How many runs of it may be executed at once, over all processes; None is no limit."""

    config: JsonObject = field(default_factory=dict)
    """What the graph's own assistant is configured with, from LANGGRAPH_CONFIG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """A project file, checked; what later versions serve is kept as it was written."""

    path: Path
    """The file itself, absolute."""

    graphs: dict[str, GraphSpec]
    """By graph id, in the order of the file."""

    dependencies: tuple[str, ...] = ()
    """As written: directories (`.`, `./pkg`) and names of requirements."""

    env: dict[str, str] = field(default_factory=dict)
    """Variables for the process, from the file itself or from the dotenv file it names."""

    env_overrides: bool = False
    """True when `env` stands in the file itself, and so wins over the real environment."""

    store: JsonObject = field(default_factory=dict)
    checkpointer: JsonObject = field(default_factory=dict)
    auth: JsonObject = field(default_factory=dict)
    http: JsonObject = field(default_factory=dict)
    """As written; `common.http_config` reads it."""

    webhooks: JsonObject = field(default_factory=dict)
    """As written; `runs.webhooks.config` reads it."""

    thread_ttl: Ttl | None = None
    """What a new thread gets when its creator says nothing: `checkpointer.ttl`."""

    thread_sweep: Sweep = field(default_factory=Sweep)

    raw: JsonObject = field(default_factory=dict)
    """The whole file, with what variables put in its place."""

    @property
    def directory(self) -> Path:
        """What relative paths are relative to."""
        return self.path.parent

    @property
    def unknown_keys(self) -> list[str]:
        """What stands in the file and is no key of any server."""
        known = _BUILD_KEYS | _SERVED_KEYS | _UNSERVED_KEYS | set(_SECTIONS)
        return sorted(set(self.raw) - known)

    @property
    def unserved_keys(self) -> list[str]:
        """What stands in the file and this version passes over."""
        passed_over = [name for name in _SECTIONS if name not in ("http", "webhooks")]
        within = [f"{name}.{key}" for name in passed_over for key in sorted(getattr(self, name))]
        unserved = [name for name in within if name not in _SERVED_WITHIN]
        return sorted(set(self.raw) & _UNSERVED_KEYS) + unserved


def find_config() -> Path:
    """Return the project file: AEGRA_CONFIG, else `aegra.json`, else `langgraph.json`, here."""
    if settings.AEGRA_CONFIG:
        named = Path(settings.AEGRA_CONFIG).expanduser().resolve()
        if not named.is_file():
            raise ConfigError(f"{named}: AEGRA_CONFIG names this file, and it does not exist.")
        return named
    here = Path.cwd()
    for name in FILE_NAMES:
        if (here / name).is_file():
            return here / name
    if settings.LANGSERVE_GRAPHS:
        return here / FILE_NAMES[-1]  # need not be there
    raise ConfigError(
        f"{here}: there is no {' and no '.join(FILE_NAMES)} here; set AEGRA_CONFIG to the path "
        "of your langgraph.json."
    )


def read_config(path: Path) -> ProjectConfig:
    """Read and check a project file; raises ConfigError. Changes nothing in the process."""
    path = path.resolve()
    raw = _read_object(path)
    env, env_overrides = read_env(path, raw.get("env"))
    variables = project_variables(env, env_overrides=env_overrides)
    raw = with_variables(raw, variables)
    graphs = _graphs("LANGSERVE_GRAPHS" if "LANGSERVE_GRAPHS" in variables else path, raw)
    configs = assistant_configs(graphs, variables)
    sections = {name: _section(path, name, raw.get(name)) for name in _SECTIONS}
    config = ProjectConfig(
        path=path,
        graphs={key: replace(spec, config=configs.get(key, {})) for key, spec in graphs.items()},
        dependencies=_dependencies(path, raw.get("dependencies")),
        env=env,
        env_overrides=env_overrides,
        **sections,
        thread_ttl=read_default_ttl(path, sections["checkpointer"]),
        thread_sweep=read_sweep(path, sections["checkpointer"]),
        raw=raw,
    )
    _warn(config)
    return config


def apply_env(config: ProjectConfig) -> None:
    """Put the project's variables into the process, before anything of the user's is imported."""
    # The one place that touches the environment: graphs and their libraries read it themselves.
    for name, value in config.env.items():
        if config.env_overrides:
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)


def environment_of(config: ProjectConfig) -> dict[str, str]:
    """Return the variables that the project's code sees."""
    if config.env_overrides:
        return {**os.environ, **config.env}
    return {**config.env, **os.environ}


def import_directories(config: ProjectConfig) -> list[Path]:
    """Return where the user's code is imported from, in order, without duplicates.

    The project's directory, then each local dependency: itself, `src` in it, and its parent when
    it is a package.
    """
    found = [config.directory]
    for written in config.dependencies:
        local = (config.directory / written).resolve()
        if not local.is_dir():
            continue
        found.append(local)
        if (local / "src").is_dir() and not (local / "src" / "__init__.py").exists():
            found.append(local / "src")
        if (local / "__init__.py").exists():
            found.append(local.parent)
    return list(dict.fromkeys(found))


def _read_object(path: Path) -> JsonObject:
    if settings.LANGSERVE_GRAPHS and not path.exists():
        return {}
    try:
        raw = jsoncodec.loads(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}.") from exc
    except jsoncodec.InvalidJson as exc:
        raise ConfigError(f"{path}: is not JSON (comments are not allowed): {exc}.") from exc
    if not isinstance(raw, dict):
        raise ConfigError(f'{path}: must be an object: {{"graphs": {{…}}}}.')
    return raw


def _graphs(source: Path | str, raw: JsonObject) -> dict[str, GraphSpec]:
    value = raw.get("graphs")
    if not isinstance(value, dict) or not value:
        raise ConfigError(
            f'{source}: `graphs` must name at least one graph: {{"agent": "./agent.py:graph"}}.'
        )
    return {graph_id: _graph(source, graph_id, entry) for graph_id, entry in value.items()}


def _graph(source: Path | str, graph_id: str, entry: Json) -> GraphSpec:
    described = entry if isinstance(entry, dict) else {"path": entry}
    target, description = described.get("path"), described.get("description")
    if not isinstance(target, str) or not all(target.rpartition(":")[::2]):
        raise ConfigError(
            f"{source}: `graphs.{graph_id}` must be a string or `path` like "
            '"./agent.py:graph" or "package.module:graph".'
        )
    if target.rpartition(":")[0].endswith((".ts", ".mts", ".js", ".mjs")):
        raise ConfigError(
            f"{source}: `graphs.{graph_id}` is a JavaScript graph; this server runs Python graphs."
        )
    if not isinstance(description, str | None):
        raise ConfigError(f"{source}: `graphs.{graph_id}.description` must be a string.")
    max_runs = described.get("max_runs")
    if max_runs is not None and not (type(max_runs) is int and max_runs > 0):
        raise ConfigError(f"{source}: `graphs.{graph_id}.max_runs` must be a whole number above 0.")
    return GraphSpec(graph_id=graph_id, target=target, description=description, max_runs=max_runs)


def _dependencies(path: Path, value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ConfigError(f'{path}: `dependencies` must be a list of strings, like ["."].')
    names = tuple(item for item in value if isinstance(item, str))
    if len(names) != len(value):
        raise ConfigError(f'{path}: `dependencies` must be a list of strings, like ["."].')
    for name in names:
        if name.startswith(".") and not (path.parent / name).is_dir():
            raise ConfigError(
                f"{path}: `dependencies` names {name}, and that is no directory beside the file; "
                "correct it or remove it."
            )
    return names


def _section(path: Path, name: str, value: Json) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: `{name}` must be an object.")
    return value


def _warn(config: ProjectConfig) -> None:
    """Name, in one warning each, the keys that nobody knows and those not served yet."""
    if unknown := config.unknown_keys:
        logger.warning("unknown keys in %s are ignored: %s", config.path.name, ", ".join(unknown))
    if unserved := config.unserved_keys:
        logger.warning("not served by this version yet: %s", ", ".join(unserved))


_current: ProjectConfig | None = None


def project_config() -> ProjectConfig:
    """Return the project that this process serves, read at the first call."""
    global _current  # noqa: PLW0603 -- one project per process
    if _current is None:
        _current = read_config(find_config())
    return _current


@contextmanager
def use_project(config: ProjectConfig) -> Iterator[None]:
    """Serve another project inside the block (for tests)."""
    global _current  # noqa: PLW0603 -- see project_config()
    before, _current = _current, config
    try:
        yield
    finally:
        _current = before
