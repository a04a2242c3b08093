from __future__ import annotations

from access.caller import Caller
from assistants.queries import AssistantRow, find_assistant
from common.errors import NotFound, Unprocessable
from common.ids import parse_id
from graphs.registry import graph_ids


async def found_assistant(key: str, *, caller: Caller) -> AssistantRow:
    """Return an assistant by id or graph name; raises NotFound, or Unprocessable for neither."""
    found = await find_assistant(key, caller=caller)
    if found is not None:
        return found
    known = graph_ids()
    try:
        if key not in known:
            parse_id(key, "assistant")
    except Unprocessable as exc:
        raise Unprocessable(f"{exc.detail}, or one of the graphs: {', '.join(known)}") from exc
    raise NotFound(f"Assistant with ID {key} not found")
