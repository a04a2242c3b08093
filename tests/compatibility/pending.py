"""What the page promises and this branch does not have yet: to be empty."""

from __future__ import annotations

NOT_MERGED: list[str] = [
    "DELETE /store/items: body key",
    "DELETE /store/items: body namespace",
    "GET /store/items: query refresh_ttl",
    "GET /threads/{thread_id}/state/{checkpoint_id}: query select",
    "GET /threads/{thread_id}/state: query select",
    "GET /threads/{thread_id}: query include",
    "POST /runs/batch",
    "POST /runs/cancel",
    "POST /threads/prune",
    "POST /threads/{thread_id}/copy",
    "POST /threads/{thread_id}/history: body select",
    "POST /threads/{thread_id}/state/checkpoint: body select",
    "tests/e2e/test_approval.py::test_a_strict_resume_needs_a_question",
    "tests/e2e/test_reconnecting.py::test_a_stateless_run_is_waited_for_again",
    "tests/e2e/test_run_batches.py::test_a_batch_is_created",
    "tests/e2e/test_run_batches.py::test_some_runs_of_a_thread_are_cancelled",
    "tests/e2e/test_run_batches.py::test_all_runs_of_a_status_are_rolled_back",
    "tests/e2e/test_store.py::test_an_item_may_expire_and_be_kept_from_it",
    "tests/e2e/test_store.py::test_an_item_says_what_of_it_is_indexed",
    "tests/e2e/test_thread_upkeep.py::test_a_copy_goes_its_own_way",
    "tests/e2e/test_thread_upkeep.py::test_threads_are_pruned",
    "tests/e2e/test_thread_upkeep.py::test_a_history_is_imported",
    "tests/e2e/test_thread_upkeep.py::test_a_thread_is_told_when_to_go",
    "tests/e2e/test_thread_upkeep.py::test_a_search_brings_a_part_of_the_values",
    "tests/e2e/test_thread_upkeep.py::test_a_part_of_a_state_is_read",
]
"""Endpoints, fields (`POST /threads: body ttl`), and tests (`file::name`)."""
