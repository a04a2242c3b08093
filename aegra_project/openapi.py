"""The description of the API, with the project's own routes in it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common import jsoncodec

_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
# The order of their members says nothing: paths by name, components by kind and name.
_MAPS = ("paths", "webhooks")


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return our description with another's paths and components added; its paths win.

    A schema of theirs that has the name of another one of ours is renamed. The result has the
    newer of both versions of OpenAPI: what the older says of types, the newer understands.
    """
    theirs = _renamed(ours, theirs)
    found = {**ours, "openapi": max(str(ours["openapi"]), str(theirs.get("openapi", "")))}
    for name in _MAPS:
        if theirs.get(name):
            found[name] = {**ours.get(name, {}), **theirs[name]}
    components = dict(ours.get("components", {}))
    for kind, members in theirs.get("components", {}).items():
        components[kind] = {**components.get(kind, {}), **members}
    tags = [*ours.get("tags", ()), *theirs.get("tags", ())]
    return {**found, "components": components, **({"tags": tags} if tags else {})}


def _renamed(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    taken = ours.get("components", {}).get("schemas", {})
    own = theirs.get("components", {}).get("schemas", {})
    names = {
        name: f"Custom{name}" for name, schema in own.items() if taken.get(name, schema) != schema
    }

    def reference(match: re.Match[str]) -> str:
        return f'"#/components/schemas/{names.get(match[1], match[1])}"'

    text = jsoncodec.dumps(theirs).decode()
    found: dict[str, Any] = jsoncodec.loads(_REFERENCE.sub(reference, text).encode())  # type: ignore[assignment]
    if names:
        schemas = found["components"]["schemas"]
        found["components"]["schemas"] = {names.get(key, key): schemas[key] for key in schemas}
    return found
