"""Environment variables that stand in for parts of the project file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.conf import settings
from rest_framework.exceptions import ValidationError

from common import jsoncodec
from common.errors import ConfigError
from common.jsoncodec import JsonObject
from common.serializers import ConfigField

# The JSON of each replaces a whole key of the file.
REPLACED = {
    "LANGSERVE_GRAPHS": "graphs",
    "LANGGRAPH_STORE": "store",
    "LANGGRAPH_CHECKPOINTER": "checkpointer",
    "LANGGRAPH_AUTH": "auth",
    "LANGGRAPH_HTTP": "http",
    "LANGGRAPH_WEBHOOKS": "webhooks",
}
EXAMPLES = {
    "LANGSERVE_GRAPHS": '{"agent": "./agent.py:graph"}',
    "LANGGRAPH_STORE": '{"index": {…}}',
    "LANGGRAPH_CHECKPOINTER": '{"ttl": {…}}',
    "LANGGRAPH_AUTH": '{"path": "./auth.py:auth"}',
    "LANGGRAPH_HTTP": '{"cors": {…}}',
    "LANGGRAPH_WEBHOOKS": '{"url": {…}}',
    "LANGGRAPH_CONFIG": '{"agent": {"configurable": {…}}}',
    "CORS_CONFIG": '{"allow_origins": […]}',
}
NAMES = (*REPLACED, "LANGGRAPH_CONFIG", "MOUNT_PREFIX", "CORS_CONFIG")


def project_variables(env: Mapping[str, str], *, env_overrides: bool) -> dict[str, str]:
    """Return the variables that are set: in the settings, or in the project's own `env`."""
    real = {name: getattr(settings, name) for name in NAMES if getattr(settings, name)}
    own = {name: env[name] for name in NAMES if env.get(name)}
    return {**real, **own} if env_overrides else {**own, **real}


def with_variables(raw: JsonObject, variables: Mapping[str, str]) -> JsonObject:
    """Return the file's keys with what variables put in their place; raises ConfigError."""
    replaced = {
        key: _object(name, variables) for name, key in REPLACED.items() if name in variables
    }
    merged: JsonObject = {**raw, **replaced}
    own, http = _http(variables), merged.get("http") or {}
    if own and isinstance(http, dict):
        merged["http"] = {**http, **own}
    return merged


def _http(variables: Mapping[str, str]) -> JsonObject:
    """Return the members of `http` that have a variable of their own."""
    found: JsonObject = {}
    if "MOUNT_PREFIX" in variables:
        found["mount_prefix"] = variables["MOUNT_PREFIX"]
    if "CORS_CONFIG" in variables:
        found["cors"] = _object("CORS_CONFIG", variables)
    return found


def assistant_configs(
    graph_ids: Iterable[str], variables: Mapping[str, str]
) -> dict[str, JsonObject]:
    """Return the configuration of each graph's own assistant, by graph; raises ConfigError."""
    given = _object("LANGGRAPH_CONFIG", variables) if "LANGGRAPH_CONFIG" in variables else {}
    known = list(graph_ids)
    configs: dict[str, JsonObject] = {}
    for graph_id, config in given.items():
        if graph_id not in known:
            told = f"LANGGRAPH_CONFIG names the graph `{graph_id}`"
            raise ConfigError(f"{told}; the graphs are: {', '.join(known)}.")
        try:
            configs[graph_id] = ConfigField().to_internal_value(config)
        except ValidationError as exc:
            told = "; ".join(map(str, exc.detail))
            raise ConfigError(f"LANGGRAPH_CONFIG: `{graph_id}`: {told}.") from exc
    return configs


def _object(name: str, variables: Mapping[str, str]) -> JsonObject:
    try:
        value = jsoncodec.loads(variables[name].encode("utf-8", "surrogateescape"))
    except jsoncodec.InvalidJson as exc:
        raise ConfigError(f"{name} is not JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be a JSON object, like {EXAMPLES[name]}.")
    return value
