from __future__ import annotations

from common.errors import BadRequest
from common.jsoncodec import JsonObject


def mirrored(
    config: JsonObject | None, context: JsonObject | None
) -> tuple[JsonObject | None, JsonObject | None]:
    """Write the one into the other, since graphs read either; both given is BadRequest."""
    configurable = (config or {}).get("configurable")
    if configurable and context:
        raise BadRequest(
            "Both `context` and `config.configurable` are given; an assistant takes one of them."
        )
    if context:
        return {**(config or {}), "configurable": context}, context
    if isinstance(configurable, dict) and configurable:
        return config, configurable
    return config, context
