"""What the page promises and this branch does not have yet: to be empty."""

from __future__ import annotations

NOT_MERGED: list[str] = [
    "POST /runs/search",
    "GET /runs/{run_id}",
    "DELETE /runs/{run_id}",
    "GET /runs/{run_id}/join",
    "GET /runs/{run_id}/wait",
    "POST /runs/{run_id}/cancel",
    "PATCH /threads/{thread_id}/runs/{run_id}",
    "runs/tests/test_agent_runs.py::test_runs_are_searched_over_all_threads",
    "runs/tests/test_agent_runs.py::test_a_run_is_read_by_its_id_alone",
    "runs/tests/test_agent_runs.py::test_a_run_is_deleted_by_its_id_alone",
    "runs/tests/test_agent_runs.py::test_a_run_is_waited_for_by_its_id_alone",
    "runs/tests/test_agent_runs.py::test_a_run_is_cancelled_by_its_id_alone",
    "runs/tests/test_update.py::test_a_run_that_is_set_to_an_end_is_cancelled",
    "POST /runs/batch",
    "POST /runs/cancel",
    "tests/e2e/test_approval.py::test_a_strict_resume_needs_a_question",
    "tests/e2e/test_reconnecting.py::test_a_stateless_run_is_waited_for_again",
    "tests/e2e/test_run_batches.py::test_a_batch_is_created",
    "tests/e2e/test_run_batches.py::test_some_runs_of_a_thread_are_cancelled",
    "tests/e2e/test_run_batches.py::test_all_runs_of_a_status_are_rolled_back",
]
"""Endpoints, fields (`POST /threads: body ttl`), and tests (`file::name`)."""
