"""Copy assistants, threads and store items from one server of LangGraph's API to another.

    python copy_server.py OLD_URL NEW_URL

Keys, where the servers ask for one: OLD_API_KEY and NEW_API_KEY. It can be run again: what is on
the new server already is left as it is. See migrate-from-langgraph-platform.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias

from httpx import HTTPStatusError
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

Json: TypeAlias = "dict[str, Any]"

PAGE = 100
MESSAGE = ("id", "type", "content", "name", "tool_calls", "tool_call_id", "status")


def main(old_url: str, new_url: str) -> None:
    old = get_sync_client(url=old_url, api_key=os.environ.get("OLD_API_KEY"))
    new = get_sync_client(url=new_url, api_key=os.environ.get("NEW_API_KEY"))
    print(copy_assistants(old, new), "assistants")
    # The latest last, as it is on the old server.
    threads = list(pages(old.threads.search))[::-1]
    told = [copy_thread(old, new, thread) for thread in threads]
    for what in sorted(set(told)):
        print(told.count(what), "threads", what)
    print(copy_items(old, new), "store items")


def copy_assistants(old: SyncLangGraphClient, new: SyncLangGraphClient) -> int:
    """Copy what people have made; the new server has one for each graph already."""
    made = [
        assistant
        for assistant in pages(old.assistants.search)
        if (assistant["metadata"] or {}).get("created_by") != "system"
    ]
    kept = ("graph_id", "config", "context", "metadata", "assistant_id", "name", "description")
    for assistant in made:
        fields = {name: assistant.get(name) for name in kept}
        if fields["context"]:
            # `configurable` says the same again, and only one of them may be given.
            fields["config"] = {**fields["config"], "configurable": {}}
        new.assistants.create(**fields, if_exists="do_nothing")
    return len(made)


def copy_thread(old: SyncLangGraphClient, new: SyncLangGraphClient, thread: Json) -> str:
    """Copy a thread under its id; return how it went."""
    thread_id, metadata = thread["thread_id"], thread["metadata"]
    if "graph_id" not in metadata:
        return create(new, thread_id, metadata, []) or "without a run"
    path = path_to_latest(old, thread_id)
    if failed := create(new, thread_id, metadata, steps_of(path)):
        return failed
    if is_same(new, thread_id, path):
        return "with their history"
    new.threads.delete(thread_id)
    create(new, thread_id, metadata, latest_steps_of(path))
    return "with their latest state" if is_same(new, thread_id, path) else "that DIFFER: look"


def create(
    new: SyncLangGraphClient, thread_id: str, metadata: Json, supersteps: list[Json]
) -> str | None:
    """Make a thread of these steps; return what stood in the way."""
    steps: Any = supersteps
    try:
        new.threads.create(thread_id=thread_id, metadata=metadata, supersteps=steps or None)
    except HTTPStatusError as exc:
        if exc.response.status_code == 409:
            return "that were there already"
        raise
    return None


def path_to_latest(old: SyncLangGraphClient, thread_id: str) -> list[Json]:
    """Return the states that led to the latest, oldest first; other branches stay behind."""
    states: list[Any] = []
    before: Any = None
    while page := old.threads.get_history(thread_id, limit=PAGE, before=before):
        states += page
        # The one form that all servers take.
        before = {"configurable": {"checkpoint_id": page[-1]["checkpoint"]["checkpoint_id"]}}
    by_id = {state["checkpoint"]["checkpoint_id"]: state for state in states}
    path = states[:1]
    while path and (parent := path[-1]["parent_checkpoint"]):
        path.append(by_id[parent["checkpoint_id"]])
    return path[::-1]


def steps_of(path: list[Json]) -> list[Json]:
    """Return what each node wrote, step by step, as a new server can write it again."""
    steps = []
    for before, after in pairwise(path):
        if after["metadata"].get("source") == "fork":
            # The same state again: what was written next was written elsewhere.
            continue
        updates = [
            {"values": with_ids(task["result"], after["values"]), "as_node": task["name"]}
            for task in before["tasks"]
            if task.get("result") is not None
        ]
        if [update["as_node"] for update in updates] == ["__start__"]:
            steps.append({"updates": [{**updates[0], "as_node": "__input__"}]})
        if updates:
            steps.append({"updates": updates})
    return steps


def latest_steps_of(path: list[Json]) -> list[Json]:
    """Return the latest state at once: as an end, or as if the node before had written it."""
    latest = path[-1]
    nodes = [task["name"] for state in path[-2:-1] for task in state["tasks"]]
    as_node = nodes[0] if nodes and latest["next"] else "__start__"
    steps = [{"updates": [{"values": latest["values"], "as_node": as_node}]}]
    if not latest["next"]:
        steps.append({"updates": [{"values": None, "as_node": "__end__"}]})
    return steps


def with_ids(written: Any, after: Any) -> Any:
    """Give messages the ids that they got when they were added to the state."""
    if not isinstance(written, dict) or not isinstance(after, dict):
        return written
    return {key: _with_ids(value, after.get(key)) for key, value in written.items()}


def _with_ids(written: Any, after: Any) -> Any:
    if not isinstance(written, list) or not isinstance(after, list):
        return written
    ids = {str(item["content"]): item["id"] for item in after if is_message(item)}
    return [
        {**item, "id": item.get("id") or ids.get(str(item["content"]))}
        if isinstance(item, dict) and "content" in item
        else item
        for item in written
    ]


def is_message(item: object) -> bool:
    return isinstance(item, dict) and "content" in item and "id" in item


def is_same(new: SyncLangGraphClient, thread_id: str, path: list[Json]) -> bool:
    if not path:
        return True
    state: Any = new.threads.get_state(thread_id)
    return bool(essence(state) == essence(path[-1]))


def essence(state: Json) -> Any:
    """Return what must be the same: LangChain reads a message's usage into `additional_kwargs`."""
    return state["next"], {
        key: [_essence(item) for item in value] if isinstance(value, list) else value
        for key, value in state["values"].items()
    }


def _essence(item: Any) -> Any:
    return {name: item.get(name) for name in MESSAGE} if is_message(item) else item


def copy_items(old: SyncLangGraphClient, new: SyncLangGraphClient) -> int:
    items = [
        item
        for namespace in pages(lambda **page: old.store.list_namespaces(**page)["namespaces"])
        for item in items_in(old, namespace)
    ]
    for item in items:
        new.store.put_item(item["namespace"], key=item["key"], value=item["value"])
    return len(items)


def items_in(old: SyncLangGraphClient, namespace: list[str]) -> list[Json]:
    """Return the items of a namespace, without those of the namespaces beneath it."""
    found = pages(lambda **page: old.store.search_items(namespace, **page)["items"])
    return [item for item in found if item["namespace"] == namespace]


def pages(search: Callable[..., Any]) -> Iterator[Any]:
    """Yield all that a search finds, page by page."""
    offset = 0
    while page := search(limit=PAGE, offset=offset):
        yield from page
        offset += len(page)


if __name__ == "__main__":
    main(*sys.argv[1:])
