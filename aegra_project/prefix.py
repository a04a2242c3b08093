"""Everything below `http.mount_prefix`, as ASGI has it: the prefix is the `root_path`."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage

from common.http_config import http_config, mount_prefix
from common.in_process import is_marked
from graphs.crossing import Scope

# At the root too: whoever watches the process does not know the prefix.
ALSO_AT_THE_ROOT = frozenset({"/", "/ok", "/metrics", "/health", "/ready", "/live"})
# No route has it: what lies outside of the prefix is answered as any unknown path.
NOWHERE = "/\N{EMPTY SET}"


def below_prefix(scope: Scope) -> Scope:
    """Return a scope whose `root_path` is the configured prefix and nothing that a client says."""
    prefix, path = http_config().mount_prefix, scope["path"]
    if not prefix or is_marked(scope) or path in ALSO_AT_THE_ROOT:
        return {**scope, "root_path": ""}
    if path == prefix:
        return {**scope, "root_path": prefix, "path": f"{prefix}/"}
    if path.startswith(f"{prefix}/"):
        return {**scope, "root_path": prefix}
    return {**scope, "root_path": "", "path": NOWHERE}


class StaticFiles(StaticFilesStorage):
    """Names static files below the prefix."""

    @property
    def base_url(self) -> str:
        return f"{mount_prefix()}{settings.STATIC_URL}"
